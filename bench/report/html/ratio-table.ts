/** Ratios beside the figures to reach, each with a small scale that shows rounds, interval, reach and aim. */
import { intervalText, numberText } from '../numbers.js';
import type { RatioSummary } from '../ratios.js';
import { html, type Markup } from './markup.js';

const markSymbols = { aim: '★', reached: '✓', short: '✗', none: '·' } as const;

export function ratioTable(ratios: readonly RatioSummary[]): Markup | undefined {
  if (ratios.length === 0) return undefined;
  return html`<section aria-labelledby="ratios">
<h2 id="ratios">Ratios</h2>
<p class="lead">Each is between two measurements of the same round, so that the machine's mood cancels out. The interval holds the true median in about 95 of 100 cases. On the scales: the large dot is the median, small dots are rounds, the line is the figure to reach, the dashed line the aim.</p>
<div class="scroll" role="region" aria-labelledby="ratios" tabindex="0"><table class="ratios">
<thead><tr><th scope="col">Ratio</th><th scope="col" class="number">Median</th><th scope="col" class="number">95 % interval</th><th scope="col" class="number">Reach</th><th scope="col" class="number">Aim</th><th scope="col" class="scale-cell">Rounds, interval, reach and aim</th><th scope="col">Verdict</th></tr></thead>
<tbody>${ratios.map(rowOf)}</tbody>
</table></div>
</section>`;
}

function rowOf(ratio: RatioSummary): Markup {
  const { name, median, interval, reach, aim, mark, isHigherBetter } = ratio;
  const sign = isHigherBetter ? '≥ ' : '≤ ';
  return html`<tr>
<th scope="row">${name}</th>
<td class="number strong" data-title="Median">${numberText(median)}</td>
<td class="number" data-title="95 % interval">${intervalText(interval)}</td>
<td class="number" data-title="Reach">${reach === undefined ? '–' : sign + numberText(reach)}</td>
<td class="number" data-title="Aim">${aim === undefined ? '–' : sign + numberText(aim)}</td>
<td class="scale-cell">${scaleOf(ratio)}</td>
<td class="verdict"><span class="mark ${mark.kind}"><span aria-hidden="true">${markSymbols[mark.kind]}</span> ${mark.text}</span>${
    mark.doubt === undefined ? undefined : html`<small>${mark.doubt}</small>`
  }</td>
</tr>`;
}

const width = 200;
const height = 26;
const middle = 13;
const margin = 6;

/** From zero to a little beyond the largest: lengths may be compared. */
function scaleOf({ perRound, median, interval, reach, aim }: RatioSummary): Markup {
  const finite = [...perRound, median, reach ?? 0, aim ?? 0].filter((value) => Number.isFinite(value));
  const largest = Math.max(...finite, Number.MIN_VALUE);
  const x = (value: number) => (margin + (value / largest) * (width - 2 * margin)).toFixed(1);
  const tick = (value: number | undefined, kind: string) =>
    value === undefined
      ? undefined
      : html`<line class="${kind}" x1="${x(value)}" x2="${x(value)}" y1="3" y2="${height - 3}"/>`;
  return html`<svg class="scale" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" aria-hidden="true">
<line class="base" x1="${x(0)}" x2="${x(largest)}" y1="${middle}" y2="${middle}"/>
${tick(reach, 'reach')}${tick(aim, 'aim')}
${
  interval === undefined
    ? undefined
    : html`<line class="interval" x1="${x(interval[0])}" x2="${x(interval[1])}" y1="${middle}" y2="${middle}"/>`
}
${perRound.filter(Number.isFinite).map((value) => html`<circle class="round" cx="${x(value)}" cy="${middle}" r="2.5"/>`)}
${Number.isFinite(median) ? html`<circle class="median" cx="${x(median)}" cy="${middle}" r="4.5"/>` : undefined}
</svg>`;
}
