/** Results of one side of a comparison, read from their folders, and their values by what they are values of. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '#src/errors.js';
import type { Measurement, Result } from '../contract.js';
import { summaryOf } from './summary.js';

export interface Side {
  readonly folders: readonly string[];
  readonly results: readonly Result[];
  readonly ratios: ReadonlyMap<string, Series>;
  /** By part and figure. */
  readonly figures: ReadonlyMap<string, Series>;
  /** What of it does not count, and why. */
  readonly left: readonly string[];
}

/** The values of all rounds that count, of all results. */
export interface Series {
  readonly title: string;
  readonly unit: string;
  readonly isHigherBetter?: boolean;
  readonly values: readonly number[];
  /** Of figures; absent of ratios. */
  readonly part?: string;
  readonly kind?: Measurement['kind'];
}

/** What a comparison reads of a result; the rest is taken as it is. */
const resultShape = z.looseObject({
  scenario: z.string(),
  commit: z.string(),
  node: z.string(),
  machine: z.looseObject({ cores: z.number(), model: z.string() }),
  options: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
  rounds: z.array(
    z.array(
      z.looseObject({
        part: z.string(),
        kind: z.enum(['engine', 'peer', 'limit']),
        label: z.string(),
        figures: z.record(z.string(), z.number().nullable()),
      }),
    ),
  ),
  ratios: z.array(
    z.looseObject({
      name: z.string(),
      perRound: z.array(z.number().nullable()),
      isHigherBetter: z.boolean(),
    }),
  ),
  missing: z.array(z.string()),
});

/** @throws UserError when a folder has no result, or results are of different scenarios */
export function readSide(folders: readonly string[]): Side {
  if (folders.length === 0) throw new UserError('Name at least one folder of a result on each side.');
  const results = folders.map(readResult);
  const ratios = new Map<string, Series>();
  const figures = new Map<string, Series>();
  const left: string[] = [];
  for (const [index, result] of results.entries()) {
    const folder = folders[index] ?? '';
    const { faults, rounds, parts } = summaryOf(result);
    if (faults.length > 0) {
      left.push(`${folder}: faults were found, so nothing of it counts (${faults[0]})`);
      continue;
    }
    for (const { number, voids } of rounds) {
      if (voids.length > 0) left.push(`${folder}: round ${number} is void (${voids.join('; ')})`);
    }
    for (const { name, isHigherBetter, perRound } of result.ratios) {
      append(ratios, name, { title: name, unit: '', isHigherBetter, values: perRound });
    }
    for (const { part, kind, figures: ofPart } of parts) {
      for (const { name, title, unit, isHigherBetter, perRound } of ofPart) {
        const values = perRound.filter((_, round) => rounds[round]?.voids.length === 0);
        const better = isHigherBetter === undefined ? {} : { isHigherBetter };
        append(figures, `${part}\n${name}`, {
          part,
          kind,
          title,
          unit,
          ...better,
          values: numbersOf(values),
        });
      }
    }
  }
  return { folders, results, ratios, figures, left };
}

function append(all: Map<string, Series>, key: string, series: Series): void {
  const values = [...(all.get(key)?.values ?? []), ...numbersOf(series.values)];
  all.set(key, { ...series, values });
}

/** JSON has no NaN: what could not be measured is null in a file. */
function numbersOf(values: readonly (number | undefined | null)[]): readonly number[] {
  return values.filter((value): value is number => typeof value === 'number' && Number.isFinite(value));
}

function readResult(folder: string): Result {
  const path = join(folder, 'result.json');
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    const why = error instanceof SyntaxError ? 'is no JSON' : 'cannot be read';
    throw new UserError(`${path} ${why}: name the folder that a run of the bench has written.`);
  }
  const checked = resultShape.safeParse(value);
  if (!checked.success) {
    const [issue] = checked.error.issues;
    throw new UserError(`${path} is no result of the bench (${issue?.path.join('.')}: ${issue?.message}).`);
  }
  return value as Result;
}
