/** What Postgres says of elements of any entity, for whoever compares a mirror with it: from the log and the tables. */
import type { Sql } from 'postgres';
import { type Change, type Entity, keyOfId } from '../../entities/entity.js';
import { watchedEntities } from '../../entities/index.js';
import { changesOfEvents } from '../../entities/log-changes.js';
import { messages } from '../../entities/messages.js';
import { zeroUuid } from '../../uuid-bytes.js';
import { type Element, recentDays } from '../tiers/ports.js';
import { columnsOf } from './columns.js';
import { createEntityStore, type EntityStore, recentCondition } from './entity-store.js';
import { readHorizon } from './log-reads.js';
import { eventOf, type LogRow } from './log-rows.js';

/** What is recent and in rising order of ids: a page of it names the elements that a whole mirror has. */
export interface RecentShelf {
  readonly name: string;
  count(): Promise<number>;
  /** The smallest and the largest id; undefined: it is empty. */
  bounds(): Promise<readonly [string, string] | undefined>;
  /** `last` undefined: there is nothing after `after`. */
  page(
    after: string | undefined,
    limit: number,
  ): Promise<{
    changes: ReadonlyArray<Pick<Change, 'entity' | 'id'>>;
    rows: number;
    last: string | undefined;
  }>;
}

interface Row {
  readonly batch: number;
  readonly row: LogRow;
}

const recent = `${recentDays} days`;

export class PostgresTruth {
  private readonly sql: Sql;
  private readonly store: EntityStore;

  constructor(sql: Sql) {
    this.sql = sql;
    this.store = createEntityStore(sql);
  }

  /**
   * In the order of `ids`; undefined: there is none. `version` is the highest that a mirror may have, and elements
   * without fields have gone.
   */
  async get(entity: Entity, ids: readonly string[]): Promise<Array<Element | undefined>> {
    if (entity.name === messages.name) return this.messages(ids);
    return this.store.get(entity, ids);
  }

  /** Unix ms: events from before have left the log; undefined: none has. */
  horizon(): Promise<number | undefined> {
    return readHorizon(this.sql);
  }

  /** The numbers of all shards that ever wrote. */
  async shards(): Promise<number[]> {
    const rows = await this.sql<Array<{ shard: number }>>`select shard from writers order by shard`;
    return rows.map(({ shard }) => shard);
  }

  shelves(): RecentShelf[] {
    return [this.logShelf(), ...watchedEntities.map((entity) => this.tableShelf(entity))];
  }

  private async messages(ids: readonly string[]): Promise<Array<Element | undefined>> {
    const wanted = ids.filter((id) => keyOfId(messages, id) !== undefined);
    const rows = await this.sql<Row[]>`
      select coalesce(deletion.batch, l.batch)::float8 as batch, nubo_row(l) as row
      from conversation_log l
      left join message_states s on s.message = l.id and s.deletion is not null
      left join conversation_log deletion on deletion.id = s.deletion
      where l.id = any(${wanted}::uuid[])`;
    const found = new Map<string, Element>();
    for (const { batch, row } of rows) {
      const change = changesOfEvents([eventOf(row)], batch)[0];
      if (change !== undefined) found.set(change.id, change);
    }
    return ids.map((id) => found.get(id));
  }

  private logShelf(): RecentShelf {
    const { sql } = this;
    const since = sql`id >= nubo_id_bound(now() - ${recent}::interval)`;
    return {
      name: 'log',
      count: async () => {
        const [row] = await sql<Array<{ count: number }>>`
          select count(*)::float8 as count from conversation_log where ${since}`;
        return row?.count ?? 0;
      },
      bounds: async () => {
        const [first] = await sql<
          Array<{ id: string }>
        >`select id from conversation_log where ${since} order by id limit 1`;
        const [last] = await sql<
          Array<{ id: string }>
        >`select id from conversation_log where ${since} order by id desc limit 1`;
        return first === undefined || last === undefined ? undefined : [first.id, last.id];
      },
      page: async (after, limit) => {
        const rows = await sql<Row[]>`
          select batch::float8 as batch, nubo_row(l) as row from conversation_log l
          where id > ${after ?? zeroUuid} and ${since} order by id limit ${limit}`;
        const changes = rows.flatMap(({ batch, row }) => changesOfEvents([eventOf(row)], batch));
        return { changes, rows: rows.length, last: rows.at(-1)?.row[0] };
      },
    };
  }

  private tableShelf(entity: Entity): RecentShelf {
    const { sql, store } = this;
    const column = columnsOf(entity, entity.key)[0]?.column ?? '';
    return {
      name: entity.name,
      count: async () => {
        const [row] = await sql.unsafe<Array<{ count: number }>>(
          `select count(*)::float8 as count from ${entity.table} t where ${recentCondition(entity)}`,
        );
        return row?.count ?? 0;
      },
      bounds: async () => {
        const [row] = await sql.unsafe<Array<{ first: string | null; last: string | null }>>(
          `select (select ${column} from ${entity.table} order by 1 limit 1) as first,
             (select ${column} from ${entity.table} order by 1 desc limit 1) as last`,
        );
        return row?.first && row.last ? [row.first, row.last] : undefined;
      },
      page: async (after, limit) => {
        const found = await store.page(entity, { after, limit });
        return {
          changes: found.map(({ id }) => ({ entity, id })),
          rows: found.length,
          last: found.at(-1)?.id,
        };
      },
    };
  }
}
