/** Places for the plots, drawn by `page/plots.mjs`, and the bars of CPU, which need no drawing. */
import { numberText } from '../numbers.js';
import type { PlotPart } from '../plot-data.js';
import type { PartSummary } from '../summary.js';
import { html, type Markup } from './markup.js';
import { type Colours, partName } from './part-name.js';

interface Plot {
  /** Also the picture's file name, and what `page/plots.mjs` draws it by. */
  readonly name: string;
  readonly title: string;
  readonly says: string;
  readonly isThere: (part: PlotPart) => boolean;
}

const bySecond = 'Median of the rounds that count; the band reaches from the lowest to the highest round.';

const plots: readonly Plot[] = [
  {
    name: 'acked',
    title: 'Acked per second',
    says: bySecond,
    isThere: ({ plays }) => plays.some(({ acked }) => acked.some((value) => value > 0)),
  },
  {
    name: 'delivered',
    title: 'Delivered per second',
    says: bySecond,
    isThere: ({ plays }) => plays.some(({ delivered }) => delivered.some((value) => value > 0)),
  },
  {
    name: 'ack-latency',
    title: 'Ack latency over time',
    says: 'From the intended send time. Solid: p99; dashed: p50. Medians of the rounds that count.',
    isThere: ({ plays }) => plays.some(({ ackP99 }) => ackP99.some((value) => value !== null)),
  },
  {
    name: 'delivery-latency',
    title: 'Delivery latency over time',
    says: 'From the intended send time to a listener. Solid: p99; dashed: p50. Medians of the rounds that count.',
    isThere: ({ plays }) => plays.some(({ deliveryP99 }) => deliveryP99.some((value) => value !== null)),
  },
  {
    name: 'ack-percentiles',
    title: 'Ack latency by percentile',
    says: 'All rounds that count, added up. Each step to the right is one nine more.',
    isThere: ({ curves }) => curves.ack !== undefined,
  },
  {
    name: 'delivery-percentiles',
    title: 'Delivery latency by percentile',
    says: 'All rounds that count, added up. Each step to the right is one nine more.',
    isThere: ({ curves }) => curves.delivery !== undefined,
  },
];

export function plotFigures(parts: readonly PlotPart[]): Markup | undefined {
  const drawn = plots.filter(({ isThere }) => parts.some(isThere));
  if (drawn.length === 0) return undefined;
  return html`<section aria-labelledby="plots">
<h2 id="plots">Over time, and by percentile</h2>
<div class="plots">${drawn.map(({ name, title, says, isThere }) => {
    const names = parts.filter(isThere).map(({ part }) => part);
    return html`<figure class="plot" data-plot="${name}">
<figcaption><h3>${title}</h3><p class="quiet">${says}</p></figcaption>
<div class="canvas" role="img" aria-label="${title}: ${names.join(', ')}. The medians are in the table of measurements."></div>
</figure>`;
  })}</div>
</section>`;
}

const cpuParts = ['server', 'database', 'generator'] as const;

interface CpuBar {
  readonly part: string;
  readonly values: readonly { readonly name: (typeof cpuParts)[number]; readonly value: number }[];
  readonly total: number;
}

/** Bars of CPU microseconds, stacked, to one scale. */
export function cpuFigure(parts: readonly PartSummary[], colours: Colours): Markup | undefined {
  const bars = parts.flatMap(barOf);
  if (bars.length === 0) return undefined;
  const largest = Math.max(...bars.map(({ total }) => total));
  return html`<section aria-labelledby="cpu">
<h2 id="cpu">CPU per message</h2>
<figure class="plot" data-plot="cpu">
<figcaption><p class="quiet">Microseconds of CPU per message (or per row, delivery or connection: what the part counts), medians. Steadier than rates on a shared machine.</p>
<p class="legend" aria-hidden="true">${cpuParts.map((name) => html`<span><i class="swatch cpu-${name}"></i>${name}</span>`)}</p></figcaption>
<table class="bars"><thead class="hidden"><tr><th scope="col">Part</th><th scope="col">Server, database and generator</th><th scope="col">Total</th></tr></thead><tbody>${bars.map(
    ({ part, values, total }) => html`<tr>
<th scope="row">${partName(part, colours)}</th>
<td><div class="bar" style="width:${((total / largest) * 100).toFixed(2)}%">${values.map(
      ({ name, value }) =>
        html`<span class="cpu-${name} c${colours.get(part) ?? 0}" style="flex-grow:${(value / total).toFixed(4)}" title="${name}: ${numberText(value)} µs"></span>`,
    )}</div><p class="quiet">${values.map(({ name, value }) => `${name} ${numberText(value)}`).join(' + ')}</p></td>
<td class="number strong">${numberText(total)} µs</td>
</tr>`,
  )}</tbody></table>
</figure>
</section>`;
}

function barOf({ part, figures }: PartSummary): readonly CpuBar[] {
  const values = cpuParts.flatMap((name) => {
    const key = `cpuOf${name.charAt(0).toUpperCase()}${name.slice(1)}Microseconds`;
    const figure = figures.find((candidate) => candidate.name === key);
    const value = figure?.median ?? figure?.voidMedian;
    return value === undefined || value <= 0 ? [] : [{ name, value }];
  });
  const total = values.reduce((sum, { value }) => sum + value, 0);
  return total === 0 ? [] : [{ part, values, total }];
}
