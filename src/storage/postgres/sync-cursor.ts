/**
 * What a client holds between two syncs: up to which tick of each shard's clock it has seen everything. Opaque to the
 * client. A cursor in the middle of a page also says where the next one begins, and what the last one will have seen.
 */
import { z } from 'zod';
import { NuboError } from '../../errors.js';
import { uuid } from '../../wire/operations.js';

/** Tick by shard, as the database has them: shard, and the shard's own count. */
export type Clocks = ReadonlyArray<readonly [shard: number, tick: number]>;

const clocks = z.array(z.tuple([z.number().int().min(0).max(8191), z.number().int().min(0)])).max(256);

const cursor = z.tuple([
  /** Seen wholly; null: nothing. */
  clocks.nullable(),
  /** Of pages: what will have been seen with the last, and the conversation after which the next begins. */
  z.tuple([clocks, uuid]).nullable(),
]);

export interface SyncCursor {
  readonly since: Clocks | undefined;
  readonly page?: { readonly upTo: Clocks; readonly after: string };
}

export function encodeCursor({ since, page }: SyncCursor): string {
  const fields = [since ?? null, page === undefined ? null : [page.upTo, page.after]];
  return Buffer.from(JSON.stringify(fields)).toString('base64url');
}

/** @throws NuboError `invalid` for what no sync has given */
export function decodeCursor(text: string): SyncCursor {
  try {
    const [since, page] = cursor.parse(JSON.parse(Buffer.from(text, 'base64url').toString()));
    return {
      since: since ?? undefined,
      ...(page === null ? {} : { page: { upTo: page[0], after: page[1] } }),
    };
  } catch {
    throw new NuboError('invalid', 'The cursor is none that a sync has given: start again without it.', {
      stored: false,
    });
  }
}

/** Has this database ever stood where the cursor says? One that was restored, or is another, has not. */
export function isOf(seen: Clocks, now: Clocks): boolean {
  const ticks = new Map(now);
  return seen.every(([shard, tick]) => (ticks.get(shard) ?? -1) >= tick);
}

/** The tick of shard n at place n, as `nubo_sync` takes it. */
export function vectorOf(seen: Clocks): number[] {
  const vector = new Array<number>(1 + Math.max(-1, ...seen.map(([shard]) => shard))).fill(0);
  for (const [shard, tick] of seen) vector[shard] = shard * 2 ** 40 + tick;
  return vector;
}
