/**
 * Draws the plots of a report with uPlot, in the browser. The page brings the data (`#plot-data`, see plot-data.ts) and
 * a place for each plot (`figure[data-plot]`); this file is put into it as it is.
 */
const uPlot = globalThis.uPlot;
const parts = JSON.parse(document.querySelector('#plot-data').textContent);
const allRounds = 'all';

/** What each place shows. `columns`: those of a play; `curve`: of a part's percentile curves. */
const kinds = {
  acked: { columns: ['acked'], unit: '/s' },
  delivered: { columns: ['delivered'], unit: '/s' },
  'ack-latency': { columns: ['ackP99', 'ackP50'], unit: 'ms' },
  'delivery-latency': { columns: ['deliveryP99', 'deliveryP50'], unit: 'ms' },
  'ack-percentiles': { curve: 'ack', unit: 'ms' },
  'delivery-percentiles': { curve: 'delivery', unit: 'ms' },
};
const lineNames = { ackP99: 'p99', ackP50: 'p50', deliveryP99: 'p99', deliveryP50: 'p50' };
const dashOfP50 = [6, 4];
const wholeSeconds = [
  1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200, 14_400, 43_200, 86_400,
];
/** A line through fewer seconds may be none. */
const secondsForLine = 3;
/** Pixels between two names of the axis of percentiles. */
const percentileRoom = 58;

const styleOf = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const colourOf = ({ colour }) => styleOf(`--part-${colour}`);

/** `1.2 M`, `12.3`, `0.04`. */
function short(value) {
  if (value === null || value === undefined) return '';
  for (const [size, letter] of [
    [1e9, ' G'],
    [1e6, ' M'],
    [1e3, ' k'],
  ]) {
    if (value >= size) return `${Number((value / size).toPrecision(3))}${letter}`;
  }
  return String(Number(value.toPrecision(3)));
}

function medianOf(values) {
  const sorted = values.toSorted((one, other) => one - other);
  const upper = sorted[sorted.length >> 1];
  return sorted.length % 2 === 1 ? upper : (upper + sorted[(sorted.length >> 1) - 1]) / 2;
}

/** The plays to show: one round's, or all that count, or all when none does. */
function chosenPlays({ plays }, round) {
  if (round !== allRounds) return plays.filter((play) => String(play.round) === round);
  const valid = plays.filter(({ counts }) => counts);
  return valid.length > 0 ? valid : plays;
}

/** Median, lowest and highest of a column over the plays, by second. */
function bySecond(plays, column) {
  const values = new Map();
  for (const play of plays) {
    for (const [index, at] of play.at.entries()) {
      const value = play[column][index];
      if (value === null) continue;
      const second = Math.round(at);
      values.set(second, [...(values.get(second) ?? []), value]);
    }
  }
  return values;
}

/** Series and data of a plot over time: every line, and a band where several rounds make one. */
function timeLines({ columns, unit }, round) {
  const lines = parts.flatMap((part) => {
    const plays = chosenPlays(part, round);
    return columns
      .map((column) => ({ part, column, plays, values: bySecond(plays, column) }))
      .filter(({ values }) => [...values.values()].flat().some((value) => value > 0));
  });
  const seconds = [...new Set(lines.flatMap(({ values }) => [...values.keys()]))].toSorted((a, b) => a - b);
  const isLog = unit === 'ms';
  const series = [];
  const data = [seconds];
  const bands = [];
  for (const { part, column, plays, values } of lines) {
    const pick = (choose) =>
      seconds.map((second) => {
        const found = values.get(second);
        const value = found === undefined ? null : choose(found);
        return isLog && value !== null && value <= 0 ? null : value;
      });
    const name = lineNames[column];
    const line = lineOf(part, name === undefined ? part.part : `${part.part} ${name}`, name === 'p50');
    series.push({ ...line, points: { show: seconds.length < secondsForLine } });
    data.push(pick(medianOf));
    if (plays.length < 2 || isLog) continue;
    bands.push({ series: [data.length + 1, data.length], fill: `${colourOf(part)}26` });
    for (const choose of [(all) => Math.min(...all), (all) => Math.max(...all)]) {
      series.push({ class: 'band', stroke: 'transparent', points: { show: false } });
      data.push(pick(choose));
    }
  }
  return { series, data, bands };
}

/** Series and data of percentile curves: all on the points of all, so that the cursor reads them together. */
function curveLines({ curve }) {
  const lines = parts.filter(({ curves }) => curves[curve] !== undefined);
  const tables = lines.map(({ curves }) => [curves[curve].nines, curves[curve].milliseconds]);
  const data = tables.length === 0 ? [[]] : uPlot.join(tables);
  return { series: lines.map((part) => lineOf(part, part.part, false)), data, bands: [] };
}

function lineOf(part, label, isDashed) {
  return {
    label,
    stroke: colourOf(part),
    width: part.kind === 'engine' ? 2.5 : 1.75,
    spanGaps: true,
    points: { show: false },
    value: (_plot, value) => short(value),
    ...(isDashed ? { dash: dashOfP50 } : {}),
  };
}

function axisOf(rest) {
  const text = styleOf('--quiet');
  const line = { stroke: styleOf('--line'), width: 1 };
  const font = '12px system-ui, sans-serif';
  return { stroke: text, grid: line, ticks: line, font, labelFont: font, labelSize: 18, size: 32, ...rest };
}

/** `99.9 %` of 1,000. */
function percentileText(nines) {
  if (nines <= 2) return nines <= 1 ? '0 %' : '50 %';
  return `${Number((100 - 100 / nines).toFixed(8))} %`;
}

/** Names for those that have room; the later nines are the ones people look for. */
function withRoom(plot, splits) {
  let next = Number.POSITIVE_INFINITY;
  return splits
    .toReversed()
    .map((at) => {
      const position = plot.valToPos(at, 'x');
      if (next - position < percentileRoom) return null;
      next = position;
      return at;
    })
    .toReversed();
}

function percentileAxis() {
  return axisOf({
    label: 'percentile',
    splits: (_plot, _axis, _low, high) =>
      [1, 2, ...Array.from({ length: 9 }, (_, index) => 10 ** (index + 1))].filter(
        (at) => at <= high * 1.001,
      ),
    filter: withRoom,
    values: (_plot, splits) => splits.map((at) => (at === null || at === 1 ? '' : percentileText(at))),
  });
}

/** The seconds before the measuring began, shaded. */
function shadeWarmUp(plot) {
  const { left, top, width, height } = plot.bbox;
  const zero = plot.valToPos(0, 'x', true);
  if (!(zero > left)) return;
  plot.ctx.save();
  plot.ctx.fillStyle = styleOf('--warm-up');
  plot.ctx.fillRect(left, top, Math.min(zero, left + width) - left, height);
  plot.ctx.restore();
}

/** A part's band goes with its line when the reader switches the line off in the legend. */
function switchBand(plot, index, { show }) {
  if (show === undefined || index === null) return;
  for (const next of [index + 1, index + 2]) {
    const series = plot.series[next];
    if (series?.class !== 'band') break;
    if (series.show !== show) plot.setSeries(next, { show });
  }
}

/** To 1, 2 or 5 of its power of ten: uPlot counts a logarithmic axis from where it begins. */
function roundDown(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  const digit = [5, 2, 1].find((candidate) => candidate * power <= value) ?? 1;
  return digit * power;
}

function rangeOfMilliseconds(_plot, low, high) {
  return low === null ? [0.1, 10] : [roundDown(low), high * 1.3];
}

function optionsOf(kind, { series, bands }, size) {
  const isCurve = kind.curve !== undefined;
  const isLog = kind.unit === 'ms';
  return {
    ...size,
    bands,
    padding: [12, 34, 0, 0],
    legend: {
      markers: {
        width: 1.5,
        fill: 'transparent',
        dash: (plot, index) => (plot.series[index].dash ? 'dashed' : 'solid'),
      },
    },
    cursor: { focus: { prox: 24 }, points: { size: 7 }, ...(isCurve ? {} : { sync: { key: 'time' } }) },
    focus: { alpha: 0.35 },
    scales: {
      x: isCurve ? { distr: 3, time: false, range: (_plot, _low, high) => [1, high ?? 10] } : { time: false },
      y: isLog
        ? { distr: 3, range: rangeOfMilliseconds }
        : { range: (_plot, _low, high) => [0, (high ?? 1) * 1.08] },
    },
    axes: [
      isCurve ? percentileAxis() : axisOf({ label: 'seconds', incrs: wholeSeconds }),
      axisOf({
        label: isLog ? 'ms' : 'per second',
        size: 56,
        values: (_plot, splits) => splits.map((value) => (value === null ? '' : short(value))),
      }),
    ],
    series: [
      {
        label: isCurve ? 'percentile' : 'second',
        value: (_plot, value) => (value === null ? '' : isCurve ? percentileText(value) : value),
      },
      ...series,
    ],
    hooks: { drawClear: isCurve ? [] : [shadeWarmUp], setSeries: [switchBand] },
  };
}

const plotHeight = () => (globalThis.innerWidth < 640 ? 240 : 300);
const sizeOf = (place) => ({ width: Math.max(200, place.clientWidth), height: plotHeight() });
let drawn = [];

function drawAll(round) {
  for (const { plot } of drawn) plot.destroy();
  drawn = [...document.querySelectorAll('figure[data-plot]')].flatMap((figure) => {
    const kind = kinds[figure.dataset.plot];
    if (kind === undefined) return [];
    const place = figure.querySelector('.canvas');
    const lines = kind.curve === undefined ? timeLines(kind, round) : curveLines(kind);
    return [{ place, plot: new uPlot(optionsOf(kind, lines, sizeOf(place)), lines.data, place) }];
  });
}

/** A choice of the round above the plots, when there is one to make. */
function roundChoice() {
  const rounds = [...new Set(parts.flatMap(({ plays }) => plays.map(({ round }) => round)))];
  const select = document.createElement('select');
  for (const round of [allRounds, ...rounds]) {
    select.append(new Option(round === allRounds ? 'all, as their median' : `round ${round}`, String(round)));
  }
  if (rounds.length > 1) {
    const label = document.createElement('label');
    label.className = 'choice';
    label.append('Rounds over time: ', select);
    document.querySelector('.plots')?.before(label);
  }
  return select;
}

const choice = roundChoice();
const draw = () => drawAll(choice.value);
draw();
choice.addEventListener('change', draw);
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', draw);
new ResizeObserver(() => {
  for (const { place, plot } of drawn) {
    if (plot.width !== sizeOf(place).width) plot.setSize(sizeOf(place));
  }
}).observe(document.querySelector('main'));
document.documentElement.dataset.drawn = 'true';
