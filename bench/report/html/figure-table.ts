/** All figures of all parts, their medians and every round's value. */
import { intervalText, medianText, numberText } from '../numbers.js';
import type { FigureSummary, PartSummary, RoundSummary, Summary } from '../summary.js';
import { html, type Markup } from './markup.js';
import { ackBadge, type Colours, partName } from './part-name.js';

export function figureTable({ parts, rounds }: Summary, colours: Colours): Markup | undefined {
  if (parts.length === 0) return undefined;
  const hasIntervals = parts.some(({ figures }) => figures.some(({ interval }) => interval !== undefined));
  const columns = (hasIntervals ? 3 : 2) + rounds.length;
  return html`<section aria-labelledby="measurements">
<h2 id="measurements">Measurements</h2>
<p class="lead">Medians over the rounds that count (in brackets: over all, where none counts), and each round. CPU is per message, or per what the part counts (a row, a delivery, a connection).</p>
<div class="scroll" role="region" aria-labelledby="measurements" tabindex="0"><table class="figures">
<thead><tr><th scope="col">Figure</th><th scope="col" class="number">Median</th>${hasIntervals ? html`<th scope="col" class="number">95 % interval</th>` : undefined}${rounds.map(roundHead)}</tr></thead>
${parts.map((part) => groupOf({ part, rounds, columns, hasIntervals, colours }))}
</table></div>
</section>`;
}

function roundHead({ number, voids }: RoundSummary): Markup {
  return voids.length === 0
    ? html`<th scope="col" class="number">Round ${number}</th>`
    : html`<th scope="col" class="number" title="${voids.join('; ')}">Round ${number} <span class="is-void">void</span></th>`;
}

interface Group {
  readonly part: PartSummary;
  readonly rounds: readonly RoundSummary[];
  readonly columns: number;
  readonly hasIntervals: boolean;
  readonly colours: Colours;
}

function groupOf({ part, rounds, columns, hasIntervals, colours }: Group): Markup {
  return html`<tbody>
<tr class="group"><th scope="rowgroup" colspan="${columns}"><div class="group-name">${partName(part.part, colours)} ${ackBadge(part)}</div></th></tr>
${part.figures.map((figure) => rowOf(figure, rounds, hasIntervals))}
</tbody>`;
}

function rowOf(figure: FigureSummary, rounds: readonly RoundSummary[], hasIntervals: boolean): Markup {
  const unit = figure.unit === '' ? undefined : html` <span class="unit">${figure.unit}</span>`;
  return html`<tr><th scope="row">${figure.title}${unit}</th><td class="number strong">${medianText(figure, '')}</td>${hasIntervals ? html`<td class="number">${intervalText(figure.interval)}</td>` : undefined}${figure.perRound.map(
    (value, index) =>
      rounds[index]?.voids.length === 0
        ? html`<td class="number">${numberText(value)}</td>`
        : html`<td class="number"><s>${numberText(value)}</s></td>`,
  )}</tr>`;
}
