/** The results of full runs: proof/<item>.json, and whether they are still about the project as it is. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { projectRoot } from '#src/project-root.js';

const recordSchema = z.object({
  item: z.string(),
  command: z.string(),
  passed: z.boolean(),
  trials: z.record(z.string(), z.number()),
  details: z.unknown().optional(),
  seconds: z.number(),
  node: z.string(),
  finishedAt: z.string(),
  /** See tree.ts. */
  tree: z.string(),
});

export type ProofRecord = z.infer<typeof recordSchema>;

const proofFolder = join(projectRoot, 'proof');

export function writeRecord(record: ProofRecord, folder = proofFolder): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, `${record.item}.json`), `${JSON.stringify(record, null, 2)}\n`);
}

/** What is wrong with the record of an item, as a sentence; undefined: it is current. */
export function faultOf(item: string, tree: string, folder = proofFolder): string | undefined {
  let text: string;
  try {
    text = readFileSync(join(folder, `${item}.json`), 'utf8');
  } catch {
    return `${item}: has no result`;
  }
  const { data } = recordSchema.safeParse(JSON.parse(text));
  if (data === undefined || data.item !== item) return `${item}: its result is not one`;
  if (!data.passed) return `${item}: failed`;
  if (data.tree !== tree) return `${item}: is stale, the project has changed since`;
  return undefined;
}
