/** The page as one file: it opens from a disk without a network, and its policy lets nothing run but its own two scripts. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot } from '#src/project-root.js';
import { coloursOf } from '../part-colours.js';
import { plotDataOf } from '../plot-data.js';
import type { Summary } from '../summary.js';
import { checkList } from './check-list.js';
import { figureTable } from './figure-table.js';
import { headOf } from './head.js';
import { html, type Markup, scriptJson, trustedAsset } from './markup.js';
import { partCards } from './part-cards.js';
import { cpuFigure, plotFigures } from './plot-figures.js';
import { ratioTable } from './ratio-table.js';

/** @returns the text of `report.html` */
export async function pageOf(summary: Summary): Promise<string> {
  const [library, libraryStyle, script, style] = await Promise.all([
    asset('node_modules/uplot/dist/uPlot.iife.min.js', 'script'),
    asset('node_modules/uplot/dist/uPlot.min.css', 'style'),
    asset('bench/report/page/plots.mjs', 'script'),
    asset('bench/report/page/style.css', 'style'),
  ]);
  const { result, parts, ratios, checks } = summary;
  const colours = coloursOf(parts);
  const plotData = plotDataOf(parts, colours);
  const policy = [
    "default-src 'none'",
    "style-src 'unsafe-inline'",
    'img-src data:',
    `script-src ${hashOf(library)} ${hashOf(script)}`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${result.title} · nubo bench</title>
<style>${libraryStyle}</style>
<style>${style}</style>
</head>
<body>
<main>
${headOf(summary)}
${ratioTable(ratios)}
${partCards(parts, colours)}
${plotFigures(plotData)}
${cpuFigure(parts, colours)}
${figureTable(summary, colours)}
${checkList(checks, colours)}
<footer><p class="quiet">Made by the bench of nubo. All numbers, histograms included, are in <code>result.json</code> beside this page.</p></footer>
</main>
<script type="application/json" id="plot-data">${scriptJson(plotData)}</script>
<script>${library}</script>
<script type="module">${script}</script>
</body>
</html>
`;
  return page.text;
}

async function asset(path: string, element: 'script' | 'style'): Promise<Markup> {
  return trustedAsset(await readFile(join(projectRoot, path), 'utf8'), element);
}

/** As the policy of a page names a script that may run. */
function hashOf({ text }: Markup): string {
  return `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
}
