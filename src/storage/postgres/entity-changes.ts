/**
 * The changes of the watched tables, read again from Postgres (sql/logic/0007_entity_changes.up.sql).
 *
 * A position is transaction × 256 + bucket, both included: all that was changed by transactions before it is known, and
 * of that transaction itself the elements whose ids fall into the buckets up to it, so that one which changed a whole
 * table is read in parts. No position is above the oldest transaction still under way, which may yet commit something
 * older than what is read now. What is visible beyond is told at every reading: it is applied again without harm.
 */
import type { Sql } from 'postgres';
import { z } from 'zod';
import type { Change, Entity } from '../../entities/entity.js';
import type { ChangeSource } from '../tiers/ports.js';
import type { EntityStore } from './entity-store.js';
import { within } from './gatherer.js';

const buckets = 256;
/** Every call is answered by then, with a failure if need be. */
const answerMs = 60_000;
/** Elements of one statement that fetches fields. */
const idsMax = 1_000;

interface Noted {
  readonly entity: string;
  readonly id: string;
  /** The transaction. */
  readonly changed: number;
}

type ReadResult = { changes: Change[]; to: number; isAll: boolean };

/** Where a walk goes on: which entity of the list, and the last id that was told. */
const cursorSchema = z.tuple([z.number().int().nonnegative(), z.string()]);

export class EntityChanges implements ChangeSource {
  readonly name = 'entities';
  private readonly sql: Sql;
  private readonly store: EntityStore;
  private readonly entities: readonly Entity[];

  constructor({ sql, store, entities }: { sql: Sql; store: EntityStore; entities: readonly Entity[] }) {
    this.sql = sql;
    this.store = store;
    this.entities = entities;
  }

  head(done: Parameters<ChangeSource['head']>[0]): void {
    within(answerMs, this.snapshot(), (snapshot, message) =>
      done(snapshot === undefined ? { kind: 'failed', message } : { kind: 'head', head: snapshot.head }),
    );
  }

  read(range: { after: number; limit: number }, done: Parameters<ChangeSource['read']>[1]): void {
    within(answerMs, this.changesAfter(range), (result, message) =>
      done(result === undefined ? { kind: 'failed', message } : { kind: 'changes', ...result }),
    );
  }

  walk(page: { cursor: string | undefined; limit: number }, done: Parameters<ChangeSource['walk']>[1]): void {
    within(answerMs, this.pageOf(page), (result, message) =>
      done(result === undefined ? { kind: 'failed', message } : { kind: 'page', ...result }),
    );
  }

  /** `oldest`: the first transaction that may still commit. */
  private async snapshot(): Promise<{ oldest: number; head: number }> {
    const [row] = await this.sql<Array<{ oldest: number }>>`
      select pg_snapshot_xmin(pg_current_snapshot())::text::float8 as oldest`;
    const oldest = row?.oldest ?? 0;
    return { oldest, head: oldest * buckets - 1 };
  }

  private async changesAfter({ after, limit }: { after: number; limit: number }): Promise<ReadResult> {
    const { oldest, head } = await this.snapshot();
    const transaction = Math.floor((after + 1) / buckets);
    const bucket = (after + 1) % buckets;
    if (bucket > 0 && transaction < oldest) return this.part({ transaction, bucket, limit });

    const settled = await this.noted({ from: transaction, before: oldest, limit: limit + 1 });
    if (settled.length <= limit) {
      const unsettled = await this.noted({ from: Math.max(transaction, oldest) });
      const changes = await this.fetch([...settled, ...unsettled]);
      return { changes, to: Math.max(after, head), isAll: true };
    }
    const last = settled.at(-1)?.changed ?? transaction;
    const whole = settled.filter(({ changed }) => changed < last);
    if (whole.length === 0) return this.part({ transaction: last, bucket: 0, limit });
    return { changes: await this.fetch(whole), to: last * buckets - 1, isAll: false };
  }

  /** Of one transaction that changed more than a page: as many buckets as fit, at least one. */
  private async part(place: { transaction: number; bucket: number; limit: number }): Promise<ReadResult> {
    const { transaction, bucket, limit } = place;
    const [row] = await this.sql<Array<{ last: number | null }>>`
      select coalesce(max(bucket) filter (where total <= ${limit}), min(bucket)) as last
      from (
        select hashtext(id) & 255 as bucket, sum(count(*)) over (order by hashtext(id) & 255) as total
        from entity_changes where changed = ${String(transaction)}::xid8 and (hashtext(id) & 255) >= ${bucket}
        group by 1
      ) as counted`;
    const last = row?.last ?? buckets - 1;
    const noted = await this.sql<Noted[]>`
      select entity, id, changed::text::float8 as changed from entity_changes
      where changed = ${String(transaction)}::xid8 and (hashtext(id) & 255) between ${bucket} and ${last}`;
    return { changes: await this.fetch(noted), to: transaction * buckets + last, isAll: false };
  }

  /**
   * What is visible of transactions from ≤ t < before. A database that was restored elsewhere has notes of transactions
   * that are still to come here: they are no changes.
   */
  private async noted(range: { from: number; before?: number; limit?: number }): Promise<Noted[]> {
    const { sql } = this;
    const { from, before, limit } = range;
    return await sql<Noted[]>`
      select entity, id, changed::text::float8 as changed from entity_changes
      where changed >= ${String(from)}::xid8 and changed < pg_snapshot_xmax(pg_current_snapshot())
        ${before === undefined ? sql`` : sql`and changed < ${String(before)}::xid8`}
      order by changed ${limit === undefined ? sql`` : sql`limit ${limit}`}`;
  }

  /** As they are now: at least as new as what was noted. Entities that this server does not know are left out. */
  private async fetch(noted: readonly Noted[]): Promise<Change[]> {
    const changes: Change[] = [];
    for (const entity of this.entities) {
      const ids = noted.filter((each) => each.entity === entity.name).map(({ id }) => id);
      for (let start = 0; start < ids.length; start += idsMax) {
        const found = await this.store.get(entity, ids.slice(start, start + idsMax));
        for (const element of found) if (element !== undefined) changes.push({ entity, ...element });
      }
    }
    return changes;
  }

  private async pageOf({ cursor, limit }: { cursor: string | undefined; limit: number }) {
    const [index, after] =
      cursor === undefined ? [0, undefined] : cursorSchema.parse(JSON.parse(cursor) as unknown);
    const entity = this.entities[index];
    if (entity === undefined) return { changes: [], next: undefined };
    const ids = (await this.store.page(entity, { after: after === '' ? undefined : after, limit })).map(
      ({ id }) => id,
    );
    const found = await this.store.get(entity, ids);
    const changes = found.flatMap((element) => (element === undefined ? [] : [{ entity, ...element }]));
    return { changes, next: this.nextOf(index, ids.length < limit ? undefined : ids.at(-1)) };
  }

  private nextOf(index: number, last: string | undefined): string | undefined {
    if (last !== undefined) return JSON.stringify([index, last]);
    return index + 1 < this.entities.length ? JSON.stringify([index + 1, '']) : undefined;
  }
}
