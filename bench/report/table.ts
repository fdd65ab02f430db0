/** A table as text: for a terminal, with or without colour, and for Markdown. */
import { stripVTControlCharacters, styleText } from 'node:util';

export interface Column {
  readonly title: string;
  readonly isNumber?: boolean;
}

export type Tone = 'good' | 'bad' | 'warn' | 'quiet' | 'strong' | 'star';

export interface Cell {
  readonly text: string;
  readonly tone?: Tone;
}

export interface Table {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly (Cell | string)[])[];
}

const styles = {
  good: 'green',
  bad: 'red',
  warn: 'yellow',
  quiet: 'gray',
  strong: 'bold',
  star: 'cyan',
} as const satisfies Record<Tone, Parameters<typeof styleText>[0]>;

const gap = '  ';

/** @param isColoured whether to use escape sequences; values never bring any of their own */
export function terminalTable({ columns, rows }: Table, isColoured: boolean): string {
  const cells = rows.map((row) => row.map(cellOf));
  const widths = widthsOf({ columns, rows: cells });
  const line = (row: readonly Cell[]) =>
    row
      .map((cell, index) => {
        const width = widths[index] ?? 0;
        const text = columns[index]?.isNumber === true ? cell.text.padStart(width) : cell.text.padEnd(width);
        return toned(text, cell.tone, isColoured);
      })
      .join(gap)
      .trimEnd();
  const head = line(columns.map(({ title }) => ({ text: plainText(title), tone: 'strong' })));
  const rule = toned(
    '─'.repeat(widths.reduce((sum, width) => sum + width + gap.length, -gap.length)),
    'quiet',
    isColoured,
  );
  return [head, rule, ...cells.map(line)].join('\n');
}

/** Columns of characters that a terminal needs for it. */
export function tableWidth({ columns, rows }: Table): number {
  const widths = widthsOf({ columns, rows: rows.map((row) => row.map(cellOf)) });
  return widths.reduce((sum, width) => sum + width + gap.length, -gap.length);
}

function widthsOf({
  columns,
  rows,
}: {
  columns: readonly Column[];
  rows: readonly (readonly Cell[])[];
}): readonly number[] {
  return columns.map(({ title }, index) =>
    Math.max(title.length, ...rows.map((row) => row[index]?.text.length ?? 0)),
  );
}

/** A table of GitHub's Markdown. */
export function markdownTable({ columns, rows }: Table): string {
  const line = (texts: readonly string[]) => `| ${texts.join(' | ')} |`;
  return [
    line(columns.map(({ title }) => markdownText(title))),
    line(columns.map(({ isNumber }) => (isNumber === true ? '---:' : '---'))),
    ...rows.map((row) => line(row.map((cell) => markdownText(cellOf(cell).text)))),
  ].join('\n');
}

/** Text that Markdown shows as it is: no table, link, emphasis or tag can come of it. */
export function markdownText(text: string): string {
  return plainText(text)
    .replace(/[\\`*_[\]|~#]/g, '\\$&')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;');
}

/** In one line, without control characters: a label must not move a reader's cursor. */
export function plainText(text: string): string {
  return stripVTControlCharacters(text)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
}

export function toned(text: string, tone: Tone | undefined, isColoured: boolean): string {
  return tone === undefined || !isColoured ? text : styleText(styles[tone], text, { validateStream: false });
}

function cellOf(cell: Cell | string): Cell {
  return typeof cell === 'string' ? { text: plainText(cell) } : { ...cell, text: plainText(cell.text) };
}
