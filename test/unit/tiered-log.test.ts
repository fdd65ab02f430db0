import { expect, test } from 'vitest';
import type { Change } from '#src/entities/entity.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import type { LogStore, TieredPage } from '#src/storage/ports.js';
import type { Tier, TierName } from '#src/storage/tiers/ports.js';
import { TieredLog } from '#src/storage/tiers/tiered-log.js';
import type { LogEvent } from '#src/wire/events.js';

const now = 1_900_000_000_000;
const day = 24 * 3_600_000;

function event(seq: number, at = now): LogEvent {
  const id = `${at
    .toString(16)
    .padStart(12, '0')
    .replace(/^(.{8})/, '$1-')}-7000-8000-${String(seq).padStart(12, '0')}`;
  return { ev: 'message.new', conv: 'c', seq, number: seq, id, from: 'u', at, text: `${seq}` };
}

/** A tier with these events; it notes what it was asked and given. */
function tier(name: TierName, events: readonly LogEvent[], isBroken = false) {
  const asked: string[] = [];
  const filled: Change[] = [];
  const fake: Tier = {
    name,
    events: ({ from, to }, done) => {
      asked.push(`${from}–${to}`);
      const found = events.filter(({ seq }) => seq >= from && seq <= to);
      if (isBroken) setImmediate(done, { kind: 'failed', message: 'away' });
      else if (found.length < to - from + 1) setImmediate(done, { kind: 'absent' });
      else setImmediate(done, { kind: 'events', events: found });
    },
    get: (_entity, ids, done) => setImmediate(done, { kind: 'elements', elements: ids.map(() => undefined) }),
    fill: (changes) => void filled.push(...changes),
  };
  return { fake, asked, filled };
}

function createLog(
  events: readonly LogEvent[],
  tiers: Array<ReturnType<typeof tier>>,
  horizon: () => number | undefined = () => 0,
) {
  const asked: Array<Parameters<LogStore['read']>[0]> = [];
  const reads: string[] = [];
  const log = new TieredLog({
    store: {
      read: (range, done) => {
        asked.push(range);
        const found = events.filter(({ seq }) => seq > range.after && seq < range.before);
        const page = range.last ? found.slice(-range.limit) : found.slice(0, range.limit);
        setImmediate(done, { kind: 'events', events: page });
      },
    },
    tiers: tiers.map(({ fake }) => fake),
    clock: { now: () => now },
    timers: nodeRuntimePorts().timers,
    horizon,
    onRead: (name, result) => void reads.push(`${name} ${result}`),
  });
  const page = (range: Partial<Parameters<LogStore['read']>[0]>): Promise<TieredPage> =>
    new Promise((resolve, reject) => {
      log.read({ conv: 'c', after: 0, before: 101, limit: 10, last: true, ...range }, (answer) =>
        answer.kind === 'events' ? resolve(answer) : reject(new Error(answer.message)),
      );
    });
  /** As a conversation does of which nothing was ever deleted. */
  const read = async (range: Parameters<typeof page>[0]): Promise<number[]> => {
    const { events: found, keep } = await page(range);
    keep?.(found);
    return found.map(({ seq }) => seq);
  };
  return { page, read, asked, reads };
}

const all = Array.from({ length: 100 }, (_, index) => event(index + 1));
const seqs = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, index) => from + index);

test('T1 the fastest tier that has every seq of a page answers it, and fills those before it', async () => {
  const redis = tier('redis', all.slice(60));
  const mongo = tier('mongo', all.slice(20));
  const { read, asked, reads } = createLog(all, [redis, mongo]);
  expect(await read({})).toEqual(seqs(91, 100));
  expect(await read({ before: 66 })).toEqual(seqs(56, 65));
  expect(redis.asked).toEqual(['91–100', '56–65']);
  expect(redis.filled.map(({ fields }) => fields?.seq)).toEqual(seqs(56, 65));
  expect(asked).toEqual([]);
  expect(reads).toEqual(['redis hit', 'redis miss', 'mongo hit']);
});

test('T1 a page with a hole in every mirror is read from Postgres, and given to all', async () => {
  const redis = tier(
    'redis',
    all.filter(({ seq }) => seq !== 95),
  );
  const mongo = tier(
    'mongo',
    all.filter(({ seq }) => seq !== 100),
  );
  const { read } = createLog(all, [redis, mongo]);
  expect(await read({})).toEqual(seqs(91, 100));
  expect(redis.filled).toHaveLength(10);
  expect(mongo.filled).toHaveLength(10);
});

test('T11 what a slower tier had gets into the faster ones as whoever reads it says, once, or not at all', async () => {
  const redis = tier('redis', []);
  const { page } = createLog(all, [redis, tier('mongo', all)]);
  const [one, other] = await Promise.all([page({ before: 12 }), page({ before: 12 })]);
  expect(redis.filled).toEqual([]);
  const kept = one.events.map((each) => (each.seq === 5 && 'text' in each ? { ...each, text: '' } : each));
  one.keep?.(kept);
  other.keep?.(other.events);
  expect(redis.filled.map(({ fields }) => fields?.content)).toEqual(
    seqs(2, 11).map((seq) => (seq === 5 ? '' : `${seq}`)),
  );
});

test('T1 a tier that fails is passed over', async () => {
  const { read, reads } = createLog(all, [tier('redis', all, true), tier('mongo', all)]);
  expect(await read({ after: 3, before: 9, last: false })).toEqual(seqs(4, 8));
  expect(reads).toEqual(['redis failed', 'mongo hit']);
});

test('T1 a tier that stands still is waited for a quarter of a second', async () => {
  const frozen = tier('redis', all);
  const { read, reads } = createLog(all, [{ ...frozen, fake: { ...frozen.fake, events: () => {} } }]);
  const begun = performance.now();
  expect(await read({})).toEqual(seqs(91, 100));
  expect(performance.now() - begun).toBeGreaterThan(200);
  expect(reads).toEqual(['redis failed', 'postgres hit']);
});

test('L16 what has left the log is not shown by a tier that still has it', async () => {
  const kept = all.slice(50);
  const dated = all.map(({ seq }) => event(seq, seq <= 50 ? now - 10 * day : now));
  const redis = tier('redis', dated);
  let horizon: number | undefined;
  const { read, asked } = createLog(kept, [redis], () => horizon);
  expect(await read({})).toEqual(seqs(91, 100));
  expect(redis.asked).toEqual([]);
  horizon = now - 5 * day;
  expect(await read({})).toEqual(seqs(91, 100));
  expect(asked).toHaveLength(1);
  expect(await read({ before: 56 })).toEqual(seqs(51, 55));
  expect(asked).toHaveLength(2);
});

test('the first events after a place, and the last before one, are asked for by their seqs', async () => {
  const redis = tier('redis', all);
  const { read } = createLog(all, [redis]);
  await read({ after: 10, before: 101, limit: 5, last: false });
  await read({ after: 10, before: 14, limit: 5, last: true });
  expect(redis.asked).toEqual(['11–15', '11–13']);
});

test('what is known to be older than a month is not looked for in Mongo, and not put there', async () => {
  const old = all.map(({ seq }) => event(seq, now - 40 * day));
  const redis = tier('redis', []);
  const mongo = tier('mongo', []);
  const { read } = createLog(old, [redis, mongo]);
  await read({ writtenBefore: now - 31 * day });
  expect(mongo.asked).toEqual([]);
  await read({ before: 50 });
  expect(mongo.asked).toHaveLength(1);
  expect(mongo.filled).toEqual([]);
  expect(redis.filled).toHaveLength(20);
});

test('a page that many ask for at once is read once', async () => {
  const { read, asked } = createLog(all, [tier('redis', [])]);
  const answers = await Promise.all([read({}), read({}), read({}), read({ before: 90 })]);
  expect(answers[2]).toEqual(seqs(91, 100));
  expect(asked).toHaveLength(2);
});

test('an empty page and one beyond what tiers are asked for go to Postgres', async () => {
  const redis = tier('redis', all);
  const { read, asked } = createLog(all, [redis]);
  expect(await read({ before: 1 })).toEqual([]);
  await read({ before: Number.POSITIVE_INFINITY, limit: 200, last: false });
  expect(asked).toHaveLength(2);
  expect(redis.asked).toEqual([]);
});
