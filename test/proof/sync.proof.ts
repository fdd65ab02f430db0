/**
 * A person in 10,000 conversations of which 20 have changed is told these in one query, fast: on a quiet server, and
 * where 100,000 conversations of others have changed as well (U1).
 */

import { openSql } from '#src/storage/postgres/sql.js';
import { createSync } from '#src/storage/postgres/sync.js';
import { makeCrowd, moveHeads } from '#test/support/many-conversations.js';
import { createDatabase } from '#test/support/postgres.js';
import type { Proof, ProofOptions, ProofResult } from './proof.js';

const counts = {
  short: { mine: 3_000, others: 5_000, asked: 10 },
  full: { mine: 10_000, others: 100_000, asked: 100 },
};
const changed = 20;
const millisecondsMax = 20;
const queriesMax = 3;

interface Measured {
  readonly right: number;
  readonly wrong: number;
  readonly queries: number;
  readonly median: number;
  readonly slowest: number;
}

async function measure(
  ask: () => Promise<{ conversations: readonly unknown[]; more: boolean }>,
  { asked, queries }: { asked: number; queries: () => number },
): Promise<Measured> {
  const times: number[] = [];
  let right = 0;
  const before = queries();
  for (let count = 0; count < asked; count += 1) {
    const startedAt = performance.now();
    const answer = await ask();
    times.push(performance.now() - startedAt);
    if (answer.conversations.length === changed && !answer.more) right += 1;
  }
  times.sort((one, other) => one - other);
  const each = (queries() - before) / asked;
  const rounded = (value = 0) => Math.round(value * 10) / 10;
  return {
    ...{ right, wrong: asked - right, queries: each },
    ...{ median: rounded(times[Math.floor(asked / 2)]), slowest: rounded(times.at(-1)) },
  };
}

async function run({ short, log }: ProofOptions): Promise<ProofResult> {
  const { mine, others, asked } = short ? counts.short : counts.full;
  const database = await createDatabase();
  let sent = 0;
  const sql = openSql(database.url, { max: 1, name: 'nubo proof', statementMs: 0 });
  // Every query of the service goes through this one.
  const counted = new Proxy(sql, {
    apply: (target, self, given: Parameters<typeof sql>) => {
      sent += 1;
      return Reflect.apply(target, self, given) as unknown;
    },
  });
  try {
    const crowd = await makeCrowd(sql, { mine, others });
    const service = createSync(counted);
    const { user } = crowd;
    const last = async (cursor?: string): Promise<string> => {
      const answer = await service.sync({ user, limit: 200, ...(cursor === undefined ? {} : { cursor }) });
      return answer.more ? last(answer.cursor) : answer.cursor;
    };
    const start = await last();
    await moveHeads(sql, crowd, { mine: changed, others: 0 });
    const quiet = await measure(() => service.sync({ user, limit: 200, cursor: start }), {
      asked,
      queries: () => sent,
    });
    log(`nobody else: ${JSON.stringify(quiet)}`);
    await moveHeads(sql, crowd, { mine: 0, others });
    const busy = await measure(() => service.sync({ user, limit: 200, cursor: start }), {
      asked,
      queries: () => sent,
    });
    log(`${others} others changed: ${JSON.stringify(busy)}`);
    const isFast = short || quiet.median <= millisecondsMax;
    const isRight =
      quiet.wrong + busy.wrong === 0 && quiet.queries <= queriesMax && busy.queries <= queriesMax;
    return {
      passed: isFast && isRight,
      trials: {
        ...{ conversations: mine, changed, 'syncs asked': 2 * asked, wrong: quiet.wrong + busy.wrong },
        ...{ 'queries each': quiet.queries, 'median, ms': quiet.median },
        ...{ 'others changed': others, 'median then, ms': busy.median },
      },
      details: { quiet, busy },
    };
  } finally {
    await sql.end();
    await database.close();
  }
}

export const proof: Proof = { item: 'sync', command: 'npm run proof -- sync', run };
