/** What every store of months promises (L15), run on each implementation. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Month, monthAt, startOfMonth } from '#src/months.js';
import type { PartitionStore } from '#src/storage/ports.js';
import { ManualJanitor } from '../support/janitor.js';

export interface PartitionFixture {
  readonly store: PartitionStore;
  /** Rows whose ids are of these moments (Unix ms). */
  insert(times: readonly number[]): Promise<void>;
  /** Every row there is: the time of its id, and the month whose partition it lies in, or `default`. */
  rows(): Promise<Array<{ at: number; place: Month | 'default' }>>;
  close(): Promise<void>;
}

const dayMs = 86_400_000;

export function partitionStoreContract(name: string, open: () => Promise<PartitionFixture>): void {
  describe(`PartitionStore contract: ${name}`, () => {
    let fixture: PartitionFixture;
    beforeAll(async () => {
      fixture = await open();
    });
    afterAll(() => fixture.close());

    const call = <Result>(ask: (done: (result: Result) => void) => void) => new Promise<Result>(ask);
    const make = (month: Month) =>
      call<Parameters<Parameters<PartitionStore['make']>[1]>[0]>((done) => fixture.store.make(month, done));
    const survey = async () => {
      type Result = Parameters<Parameters<PartitionStore['survey']>[0]>[0];
      const result = await call<Result>((done) => fixture.store.survey(done));
      if (result.kind === 'failed') throw new Error(result.message);
      return result.survey;
    };

    test('L15 rows without a month are kept, counted by month, and moved when it is made, to the millisecond', async () => {
      const month = monthAt(Date.UTC(2051, 11));
      const [first, next] = [startOfMonth(month), startOfMonth(month + 1)];
      const times = [first - 1, first, first + dayMs, next - 1, next];
      await fixture.insert(times);
      const own = async () => (await fixture.rows()).filter(({ at }) => times.includes(at));
      const places = async () => new Map((await own()).map(({ at, place }) => [at, place]));
      expect(await places()).toEqual(new Map(times.map((at) => [at, 'default'])));
      expect((await survey()).strays).toEqual([
        { month: month - 1, rows: 1 },
        { month, rows: 3 },
        { month: month + 1, rows: 1 },
      ]);
      expect(await make(month)).toEqual({ kind: 'made', moved: 3 });
      expect(await make(month)).toEqual({ kind: 'made', moved: 0 });
      expect(await places()).toEqual(
        new Map(times.map((at) => [at, monthAt(at) === month ? month : 'default'])),
      );
      expect((await survey()).months).toContain(month);
      expect(await make(month - 1)).toEqual({ kind: 'made', moved: 1 });
      expect(await make(month + 1)).toEqual({ kind: 'made', moved: 1 });
      expect((await survey()).strays).toEqual([]);
      expect(await own()).toHaveLength(times.length);
    });

    test('L16 a month that leaves the log takes its rows and those alone, and is known to have left', async () => {
      const month = monthAt(Date.UTC(2053, 5));
      const [first, next] = [startOfMonth(month), startOfMonth(month + 1)];
      for (const made of [month - 1, month, month + 1]) await make(made);
      await fixture.insert([first - 1, first, next - 1, next]);
      const left = async () =>
        (await fixture.rows()).filter(({ at }) => at >= first - 1 && at <= next).map(({ at }) => at);
      type Result = Parameters<Parameters<PartitionStore['detach']>[2]>[0];
      const detach = (isKept: boolean, which: Month) =>
        call<Result>((done) => fixture.store.detach(which, { isKept }, done));
      expect((await survey()).horizon).toBeUndefined();
      const table = expect.stringMatching(/detached$/);
      expect(await detach(true, month)).toEqual({ kind: 'detached', rows: 2, table });
      expect((await left()).sort()).toEqual([first - 1, next]);
      expect((await survey()).horizon).toBe(month + 1);
      expect((await survey()).months).not.toContain(month);
      expect(await detach(false, month - 1)).toMatchObject({ kind: 'detached', rows: 1 });
      expect(await left()).toEqual([next]);
      // It only grows.
      expect((await survey()).horizon).toBe(month + 1);
    });

    test('L15 over three years, five months of them without a janitor, every row ends in its month', async () => {
      const janitor = new ManualJanitor({ partitions: fixture.store });
      const start = Date.UTC(2060, 0, 1);
      const away = { from: start + 400 * dayMs, to: start + 550 * dayMs };
      const inserted: number[] = [];
      let strays = 0;
      for (let now = start; now < start + 3 * 365 * dayMs; now += 9 * dayMs) {
        const isAway = now >= away.from && now < away.to;
        const reports = isAway ? [] : await janitor.round(now);
        const times = [now - dayMs, now, now + 5 * 60_000];
        inserted.push(...times);
        await fixture.insert(times);
        const counts = reports.flatMap((report) => (report.kind === 'strays' ? [report.rows] : []));
        strays = Math.max(strays, ...counts);
        // A round ends with an empty default partition.
        if (!isAway) expect([now, counts.at(-1)]).toEqual([now, 0]);
      }
      // Two months were made ahead before it went.
      expect(strays).toBeGreaterThan(20);
      expect(janitor.reports.filter(({ kind }) => kind === 'failed')).toEqual([]);
      const rows = (await fixture.rows()).filter(({ at }) => at >= start - dayMs);
      const order = (one: number, other: number) => one - other;
      expect(rows.map(({ at }) => at).sort(order)).toEqual(inserted.sort(order));
      expect(rows.filter(({ at, place }) => place !== monthAt(at))).toEqual([]);
    });
  });
}
