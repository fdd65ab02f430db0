/** The indexer against an index that a test plays: what it does next, after whatever happened. */
import { expect, test } from 'vitest';
import type { SearchReport } from '#actors/search-indexer/ports.js';
import { SearchIndexer, type SearchIndexerMessage } from '#actors/search-indexer/search-indexer.js';
import type { SearchIndex } from '#src/storage/ports.js';
import { createActorWorld } from '#test/support/actors.js';

/** Rows of a log in batches of ten, and an index that holds the first ones; steps take 40 ms. */
class FakeIndex implements SearchIndex {
  readonly asked: string[] = [];
  isAway = false;
  batches = 100;
  position = 0;
  toFill = 0;
  toPrune = 0;
  underWay = 0;
  private readonly after: (ms: number, run: () => void) => void;

  constructor(after: (ms: number, run: () => void) => void) {
    this.after = after;
  }

  begin: SearchIndex['begin'] = (done) =>
    this.answer('begin', done, () => ({ kind: 'begun' as const, isFilled: this.toFill === 0 }));

  fill: SearchIndex['fill'] = (limit, done) =>
    this.answer('fill', done, () => {
      const rows = Math.min(limit, this.toFill);
      this.toFill -= rows;
      return { kind: 'filled' as const, rows };
    });

  follow: SearchIndex['follow'] = (most, done) =>
    this.answer('follow', done, () => {
      expect(most.rows).toBe(2_000);
      const to = Math.min(this.batches, this.position + most.batches);
      const rows = 10 * (to - this.position);
      this.position = to;
      return {
        kind: 'followed' as const,
        rows,
        behind: this.batches - to,
        oldestAt: rows > 0 ? 0 : undefined,
      };
    });

  prune: SearchIndex['prune'] = (limit, done) =>
    this.answer('prune', done, () => {
      const rows = Math.min(limit, this.toPrune);
      this.toPrune -= rows;
      return { kind: 'pruned' as const, rows };
    });

  private answer<Result>(
    name: string,
    done: (result: Result | { kind: 'failed'; message: string }) => void,
    run: () => Result,
  ): void {
    this.asked.push(name);
    this.underWay += 1;
    expect(this.underWay).toBe(1);
    this.after(40, () => {
      this.underWay -= 1;
      done(this.isAway ? { kind: 'failed', message: 'away' } : run());
    });
  }
}

function start({ idle = 1 } = {}) {
  const world = createActorWorld();
  const { simulation } = world;
  const index = new FakeIndex((ms, run) => void simulation.ports.timers.after(ms, run));
  const reports: SearchReport[] = [];
  world.add('search-indexer', {
    create: (context) =>
      new SearchIndexer(context as ConstructorParameters<typeof SearchIndexer>[0], {
        idleShare: () => idle,
        ...simulation.ports,
        index,
        report: (report) => reports.push(report),
      }) as never,
  });
  const message: SearchIndexerMessage = { kind: 'start' };
  world.system.tell('search-indexer/0', message);
  /** Time goes by, in milliseconds. */
  let untilMs = 0;
  const pass = (ms: number) => {
    untilMs += ms;
    simulation.run({ untilMs });
  };
  return { pass, index, reports };
}

test('F3 what is committed is followed at once, and asked for every fifth of a second when nothing is new', () => {
  const { pass, index, reports } = start();
  pass(1_000);
  expect(index.asked.slice(0, 3)).toEqual(['begin', 'prune', 'follow']);
  expect(index.position).toBe(100);
  const before = index.asked.length;
  pass(2_400);
  expect(index.asked.slice(before)).toEqual(Array.from({ length: 10 }, () => 'follow'));
  expect(reports.at(-1)).toMatchObject({ kind: 'followed', rows: 0, behind: 0, lagMs: 0 });
});

test('F3 on a machine that is full an index lags rather than those who wait for acks', () => {
  const stepsOf = (idle: number): number => {
    const { pass, index, reports } = start({ idle });
    index.batches = 50_000;
    pass(10_000);
    return reports.filter(({ kind }) => kind === 'followed').length;
  };
  const [free, full] = [stepsOf(0.5), stepsOf(0.05)];
  expect(free).toBeGreaterThan(4 * full);
  expect(full).toBeGreaterThan(5);
});

test('F3 a large backlog is taken in steps that grow to some 2,000 rows, and two thirds of the time are left to others', () => {
  const { pass, index, reports } = start();
  index.batches = 5_000;
  pass(3_000);
  const steps = reports.filter((report) => report.kind === 'followed').map(({ rows }) => rows);
  expect(steps.slice(0, 3)).toEqual([640, 1_280, 1_280]);
  expect(index.underWay).toBeLessThanOrEqual(1);
  const followed = index.asked.filter((name) => name === 'follow').length;
  expect(followed).toBeLessThanOrEqual(3_000 / 120);
  expect(followed).toBeGreaterThan(3_000 / 120 - 5);
});

test('F3 while the index is filled, what is committed is followed all the same', () => {
  const { pass, index } = start();
  index.toFill = 7_000;
  pass(1_500);
  expect(index.asked.slice(0, 9)).toEqual(
    ['begin', 'prune', ...['fill', 'follow'], ...['fill', 'follow'], ...['fill', 'follow']].concat('fill'),
  );
  expect(index.toFill).toBe(0);
  expect(index.asked.filter((name) => name === 'fill')).toHaveLength(4);
  expect(index.position).toBe(100);
});

test('F3 an outage is told once; afterwards the index is begun again, since somebody may have emptied it', () => {
  const { pass, index, reports } = start();
  pass(1_000);
  index.isAway = true;
  pass(20_000);
  index.batches = 200;
  index.isAway = false;
  index.toFill = 100;
  const asked = index.asked.length;
  pass(7_000);
  expect(reports.filter(({ kind }) => kind === 'failed')).toHaveLength(1);
  expect(reports.filter(({ kind }) => kind === 'healed')).toHaveLength(1);
  expect(index.asked.slice(asked).find((name) => name === 'fill')).toBe('fill');
  expect(index.position).toBe(200);
});

test('F3 once a minute it is looked whether the index was emptied, and what has left the log is removed', () => {
  const { pass, index, reports } = start();
  pass(5_000);
  index.toFill = 10;
  index.toPrune = 4_100;
  pass(70_000);
  expect(index.toFill).toBe(0);
  expect(reports.filter(({ kind }) => kind === 'pruned')).toMatchObject([
    { rows: 2_000 },
    { rows: 2_000 },
    { rows: 100 },
  ]);
});
