/**
 * Better, same or worse? Two sides, each one or several results of the same scenario. Ratios decide where there are any:
 * both of their measurements are of the same round, so that the machine's mood cancels out. Figures of the engine alone
 * are worth less, and nothing at all once the limits and peers, which no change of the engine touches, have moved, too.
 */
import { resolve } from 'node:path';
import { UserError } from '#src/errors.js';
import { readSide, type Series, type Side } from './compare-sides.js';
import { type CompareOptions, comparisonText, type Row } from './compare-text.js';
import { verdictOf } from './compare-verdict.js';
import { isSmoke } from './summary.js';

export interface Comparison {
  /** Without a newline at its end. */
  readonly text: string;
  /** A ratio is worse; where there are no ratios, a figure of the engine is. */
  readonly isWorse: boolean;
}

/**
 * @param before folders of results, as `writeReport` made them
 * @throws UserError when a folder holds no result, one is named twice, or they are of more than one scenario
 */
export function compareResults(
  before: readonly string[],
  after: readonly string[],
  options: CompareOptions = {},
): Comparison {
  const sides = [readSide(before), readSide(after)] as const;
  refuseMixture(sides);
  const [from, to] = sides;
  const ratios = rowsOf(from.ratios, to.ratios);
  const all = rowsOf(from.figures, to.figures);
  const machine = mainRates(all.filter(({ series }) => series.kind !== 'engine'));
  const moved = machine.filter(({ verdict }) => verdict.kind === 'better' || verdict.kind === 'worse');
  const engine = all
    .filter(({ series }) => series.kind === 'engine')
    .map((row) => (moved.length > 0 ? doubted(row) : row));
  const deciding = ratios.length > 0 ? ratios : engine;
  const isWorse = deciding.some(({ verdict }) => verdict.kind === 'worse');
  const text = comparisonText({ sides, ratios, engine, machine, moved, isWorse, deciding }, options);
  return { text, isWorse };
}

function refuseMixture(sides: readonly Side[]): void {
  // A round that is counted twice would make an interval narrower than what is known.
  const folders = sides.flatMap((side) => side.folders.map((folder) => resolve(folder)));
  const twice = folders.find((folder, index) => folders.indexOf(folder) < index);
  if (twice !== undefined)
    throw new UserError(`${twice} is named twice: each result counts once, on one side.`);
  const scenarios = new Set(sides.flatMap(({ results }) => results.map(({ scenario }) => scenario)));
  if (scenarios.size > 1) {
    throw new UserError(
      `Only results of one scenario can be compared; these are of ${[...scenarios].join(', ')}.`,
    );
  }
  for (const { results, folders } of sides) {
    const smoke = results.findIndex(isSmoke);
    if (smoke >= 0)
      throw new UserError(`${folders[smoke]} is of a smoke run: its figures mean nothing. Run it in full.`);
  }
}

/** What both sides have, in the order of the later side. */
function rowsOf(before: ReadonlyMap<string, Series>, after: ReadonlyMap<string, Series>): readonly Row[] {
  return [...after].flatMap(([key, series]) => {
    const earlier = before.get(key);
    return earlier === undefined ? [] : [{ series, verdict: verdictOf(earlier, series) }];
  });
}

/** The first rate of each part: enough to see whether the machine is the same, and few enough not to differ by chance. */
function mainRates(rows: readonly Row[]): readonly Row[] {
  const parts = new Set<string | undefined>();
  return rows.filter(({ series }) => {
    if (series.unit !== '/s' || parts.has(series.part)) return false;
    parts.add(series.part);
    return true;
  });
}

function doubted(row: Row): Row {
  const { kind, text } = row.verdict;
  if (kind !== 'better' && kind !== 'worse' && kind !== 'same') return row;
  return {
    ...row,
    verdict: { ...row.verdict, kind: 'unclear', text: `unclear: ${text}, but so moved the machine` },
  };
}
