/**
 * A colour for each part, the same in every table and plot, and mostly the same from report to report: the engine has
 * the first, others are placed by their names. The colours themselves are in `page/style.css`, for light and dark.
 */
import { createHash } from 'node:crypto';
import type { PartSummary } from './summary.js';

/** How many the style sheet has. */
const coloursMax = 10;
const engineColour = 0;

/** Numbers of colours, by part. Parts beyond the colours share. */
export function coloursOf(parts: readonly Pick<PartSummary, 'part' | 'kind'>[]): ReadonlyMap<string, number> {
  const colours = new Map<string, number>();
  const taken = new Set<number>();
  const engine = parts.find(({ kind }) => kind === 'engine');
  for (const { part } of engine === undefined ? parts : [engine, ...parts]) {
    if (colours.has(part)) continue;
    const colour = part === engine?.part ? engineColour : freeColour(part, taken);
    colours.set(part, colour);
    taken.add(colour);
  }
  return colours;
}

function freeColour(part: string, taken: ReadonlySet<number>): number {
  const others = coloursMax - 1;
  const first = createHash('sha256').update(part).digest().readUInt32BE(0) % others;
  for (let step = 0; step < others; step += 1) {
    const colour = 1 + ((first + step) % others);
    if (!taken.has(colour)) return colour;
  }
  return 1 + first;
}
