/**
 * Unread, mentions and marks are what a count of everything says, for every client along its cursors: also one that loses
 * answers, stops in the middle of pages, and syncs while flushes are lost or committed late (U1 to U4, L14).
 */
import { createDatabase } from '#test/support/postgres.js';
import { UnreadWorld } from '#test/support/unread-world.js';
import type { Proof, ProofOptions, ProofResult } from './proof.js';

const operations = { short: 3_000, full: 100_000 };
/** Each begins with an empty database: what happened is counted again for every comparison. */
const worldOperations = 2_500;

async function run({ short, log }: ProofOptions): Promise<ProofResult> {
  const sums: Record<string, number> = {};
  const wanted = short ? operations.short : operations.full;
  for (let seed = 1; (sums.operations ?? 0) < wanted; seed += 1) {
    const database = await createDatabase();
    const world = new UnreadWorld(database, seed);
    try {
      await world.run(Math.min(worldOperations, wanted - (sums.operations ?? 0)));
    } finally {
      await world.close();
      await database.close();
    }
    for (const [name, count] of Object.entries(world.totals)) sums[name] = (sums[name] ?? 0) + count;
    for (const fault of world.faults) log(`seed ${seed}: ${fault}`);
  }
  const { wrong = 0, compared = 0, mentions = 0, crashes = 0, lateFlushes = 0 } = sums;
  // A short run may be over before a flush is committed late.
  const tried = [compared, mentions, crashes, ...(short ? [] : [lateFlushes])];
  const isTried = tried.every((count) => count > 0);
  return { passed: wrong === 0 && isTried, trials: sums };
}

export const proof: Proof = { item: 'unread', command: 'npm run proof -- unread', run };
