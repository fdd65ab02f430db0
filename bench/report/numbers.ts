/** Numbers and names of figures, as people read them. */

export interface FigureName {
  /** `acked`, `bytes per connection`, `CPU of server`. */
  readonly title: string;
  readonly unit: string;
  /** Undefined: neither is better, as with the size of a batch. */
  readonly isHigherBetter?: boolean;
}

type Unit = Omit<FigureName, 'title'>;

/** Units in names, and whether more is better. The words of the unit leave the title. */
const units: readonly (readonly [RegExp, Unit])[] = [
  [/^megabytesPerSecond$/, { unit: 'MB/s', isHigherBetter: true }],
  [/PerSecond(?=[A-Z]|$)/, { unit: '/s', isHigherBetter: true }],
  [/(?:Microseconds|Micros|Us)(?=Per[A-Z]|$)/, { unit: 'µs', isHigherBetter: false }],
  [/(?:Milliseconds|^milliseconds|Millis|Ms)(?=[A-Z]|$)/, { unit: 'ms', isHigherBetter: false }],
  [/Seconds(?=Per[A-Z]|$)/, { unit: 's', isHigherBetter: false }],
  [/Megabytes(?=Per[A-Z]|$)/i, { unit: 'MB', isHigherBetter: false }],
];

/** Names whose unit is a word of the title, or understood. */
const others: readonly (readonly [RegExp, Unit])[] = [
  [/P\d{2,3}(?=[A-Z]|$)|[a-z]Max$/, { unit: 'ms', isHigherBetter: false }],
  [/bytesPerConnection|memory/i, { unit: 'B', isHigherBetter: false }],
  [/bytes/i, { unit: 'B' }],
  [
    /^(?:lost|duplicates|disordered|foreign|disconnects|unanswered|refused|errors|non2xx)$/,
    { unit: '', isHigherBetter: false },
  ],
];

/** Names that say too little once their unit is gone. */
const titles: Readonly<Record<string, string>> = {
  batch: 'rows in a batch',
  batchMilliseconds: 'time of a batch',
  backendMicrosPerRow: 'CPU of the backend per row',
  rowsPerSecond: 'rows',
  meanBatch: 'messages in a batch',
};

/** @param name as in `Measurement.figures`: camel case, its unit in it */
export function figureNameOf(name: string): FigureName {
  const { title, ...unit } = unitNameOf(name);
  return { title: titles[name] ?? title, ...unit };
}

function unitNameOf(name: string): FigureName {
  for (const [pattern, unit] of units) {
    if (pattern.test(name)) return { title: wordsOf(name.replace(pattern, '') || name), ...unit };
  }
  const found = others.find(([pattern]) => pattern.test(name));
  return { title: wordsOf(name), ...(found?.[1] ?? { unit: '' }) };
}

/** `bytesPerConnection` → `bytes per connection`; `ackP99` → `ack p99`; a name with spaces stays as it is. */
function wordsOf(name: string): string {
  if (/\s/.test(name)) return name;
  return name
    .replace(/([a-z0-9])([A-Z])/g, '$1 $2')
    .toLowerCase()
    .replace(/\bcpu\b/g, 'CPU')
    .replace(/\brss\b/g, 'RSS');
}

/** Three figures that count: `93,214`, `12.3`, `0.38`, `0.0042`. A dash for what is not there. */
export function numberText(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–';
  const size = Math.abs(value);
  if (size === 0) return '0';
  return `${value < 0 ? '−' : ''}${size >= 100 ? Math.round(size).toLocaleString('en-US') : smallText(size)}`;
}

function smallText(size: number): string {
  return trimmed(size >= 10 ? size.toFixed(1) : size >= 1 ? size.toFixed(2) : size.toPrecision(3));
}

/** `93,214 /s`. */
export function valueText(value: number | undefined, unit: string): string {
  const text = numberText(value);
  return unit === '' || text === '–' ? text : `${text} ${unit}`;
}

/** The median with its unit; in brackets when no round counts. */
export function medianText(
  figure: { readonly median?: number; readonly voidMedian?: number },
  unit: string,
): string {
  const { median, voidMedian } = figure;
  return median === undefined && voidMedian !== undefined
    ? `(${valueText(voidMedian, unit)})`
    : valueText(median, unit);
}

/** `0.31 … 0.42`. */
export function intervalText(interval: readonly [number, number] | undefined): string {
  return interval === undefined ? '–' : `${numberText(interval[0])} … ${numberText(interval[1])}`;
}

/** One figure in a line: `acked 93.2 k/s`, `ack p99 12.3 ms`. */
export function figureText(name: string, value: number): string {
  const { title, unit } = figureNameOf(name);
  return unit === '' || unit.startsWith('/')
    ? `${title} ${shortText(value)}${unit}`
    : `${title} ${valueText(value, unit)}`;
}

/** A factor as a change: 1.12 → `+12 %`. */
export function changeText(factor: number): string {
  if (!Number.isFinite(factor)) return '–';
  const percent = (factor - 1) * 100;
  const text = Math.abs(percent) >= 10 ? percent.toFixed(0) : percent.toFixed(1);
  return `${percent > 0 ? '+' : ''}${trimmed(text).replace('-', '−')} %`;
}

/** `1 round`, `5 rounds`. */
export function countText(count: number, noun: string): string {
  return `${numberText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `1.2 M`: for sentences and axes. */
export function shortText(value: number): string {
  for (const [size, letter] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e3, 'k'],
  ] as const) {
    if (Math.abs(value) >= size) return `${trimmed((value / size).toPrecision(3))} ${letter}`;
  }
  return numberText(value);
}

function trimmed(text: string): string {
  return text.includes('.') && !text.includes('e') ? text.replace(/\.?0+$/, '') : text;
}
