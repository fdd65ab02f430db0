/** What the terminal shows when a run is over. */
import type { Result } from '../contract.js';
import { summaryOf } from './summary.js';
import { plainText, tableWidth, terminalTable, toned } from './table.js';
import { acksTable, figuresTable, mediansTable, ratiosTable, remarksOf } from './tables.js';

export interface TerminalOptions {
  /** Whether the terminal takes escape sequences. */
  readonly isColoured: boolean;
  /** Characters in a line; 120 when absent. Parts stand side by side where there is room for them. */
  readonly width?: number;
}

const widthUnlessTold = 120;

/**
 * Tables of who was measured, ratios and figures, then what the checker found. Ends without a newline.
 */
export function terminalReport(result: Result, options: TerminalOptions): string {
  const { isColoured, width = widthUnlessTold } = options;
  const summary = summaryOf(result);
  const medians = mediansTable(summary);
  const isSideBySide = summary.parts.length > 1 && tableWidth(medians) <= width;
  const figures = isSideBySide ? medians : figuresTable(summary);
  const tables = [acksTable(summary.parts), figures, ratiosTable(summary)]
    .filter(({ rows }) => rows.length > 0)
    .map((table) => terminalTable(table, isColoured));
  const remarks = remarksOf(summary).map(({ text, tone }) => {
    const indent = text.startsWith(' ') ? '  ' : '';
    return toned(indent + plainText(text), tone, isColoured);
  });
  return [toned(plainText(result.title), 'strong', isColoured), ...tables, remarks.join('\n')]
    .filter((text) => text !== '')
    .join('\n\n');
}
