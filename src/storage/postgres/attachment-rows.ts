/** The rows of attachments: what is known of each, and who writes to it now. The bytes are elsewhere (src/media). */
import type { Sql } from 'postgres';
import { attachments } from '../../entities/attachments.js';
import type { Attachment } from '../../threads/services.js';
import { columnsOf, fieldsOf } from './columns.js';

export interface NewAttachment {
  readonly id: string;
  readonly owner: string;
  readonly name: string;
  readonly type: string;
  /** Bytes */
  readonly size: number;
}

/** What an attachment turned out to be, once it is whole. */
export interface Finding {
  readonly type: string;
  readonly width: number | null;
  readonly height: number | null;
  readonly durationMs: number | null;
  /** Null: to be tried. */
  readonly hasThumbnail: boolean | null;
}

export interface UserLimits {
  /** Bytes of all that a user has; 0: no limit. */
  readonly bytesMax: number;
  readonly unfinishedMax: number;
}

/** Long enough for a holder that was held up, short enough for a client whose connection went with a dead thread. */
const leaseSeconds = 12;
const columns = columnsOf(attachments);
const reads = `json_build_array(${columns.map(({ read }) => read).join(', ')}) as values`;

interface ValuesRow {
  readonly values: unknown[];
}

export class AttachmentRows {
  private readonly sql: Sql;

  constructor(sql: Sql) {
    this.sql = sql;
  }

  /** One transaction an owner at a time, so that two uploads cannot both take the last room there is. */
  async create(
    { id, owner, name, type, size }: NewAttachment,
    expiresAt: number,
    limits: UserLimits,
  ): Promise<'created' | 'found' | 'conflict' | 'too many' | 'full'> {
    const [row] = await this.sql<[{ result: 'created' | 'found' | 'conflict' | 'too many' | 'full' }]>`
      select nubo_attachment_create(${id}, ${owner}, ${name}, ${type}, ${size}, nubo_time(${expiresAt}::bigint),
        ${limits.bytesMax}, ${limits.unfinishedMax}) as result`;
    return row.result;
  }

  /** As this user may see it; undefined: there is none, or it is not theirs to see. */
  async seen(user: string, id: string): Promise<Attachment | undefined> {
    const rows = await this.sql.unsafe<ValuesRow[]>(
      `select ${reads} from nubo_attachment_seen($1, $2) as t`,
      [user, id],
    );
    return attachmentOf(rows[0]);
  }

  async setHandle(id: string, handle: string): Promise<void> {
    await this.sql`update attachment_uploads set handle = ${handle} where id = ${id}`;
  }

  /** What the store calls this upload; undefined: it does not go on any more. */
  async handle(id: string): Promise<string | undefined> {
    const [row] = await this.sql<Array<{ handle: string }>>`
      select handle from attachment_uploads where id = ${id}`;
    return row?.handle;
  }

  /**
   * Takes the lease: nobody else writes to this upload until it is given back or runs out. Puts off the end of the upload.
   *
   * @param taking.previous a lease that its holder gives up for this one
   * @returns what the store calls it; undefined: somebody else holds it, or it does not go on
   */
  async lease(
    owner: string,
    id: string,
    { lease, previous, expiresAt }: { lease: string; previous?: string | undefined; expiresAt: number },
  ): Promise<string | undefined> {
    const [row] = await this.sql<Array<{ handle: string }>>`
      with leased as (
        update attachment_uploads u
        set lease = ${lease}, leased_until = now() + make_interval(secs => ${leaseSeconds})
        from attachments a
        where u.id = ${id} and a.id = u.id and a.owner = ${owner} and a.state = 'uploading' and a.expires_at > now()
          and (u.leased_until is null or u.leased_until < now() or u.lease = ${previous ?? null})
        returning u.id, u.handle)
      update attachments a set expires_at = nubo_time(${expiresAt}::bigint)
      from leased where a.id = leased.id and a.state = 'uploading' returning leased.handle`;
    return row?.handle;
  }

  /** → is it still held? Puts off the end of the lease, and of the upload. */
  async keep(id: string, lease: string, expiresAt: number): Promise<boolean> {
    const rows = await this.sql`
      with kept as (
        update attachment_uploads set leased_until = now() + make_interval(secs => ${leaseSeconds})
        where id = ${id} and lease = ${lease} returning id)
      update attachments a set expires_at = nubo_time(${expiresAt}::bigint)
      from kept where a.id = kept.id and a.state = 'uploading' returning a.id`;
    return rows.count === 1;
  }

  async release(id: string, lease: string): Promise<void> {
    await this.sql`
      update attachment_uploads set lease = null, leased_until = null where id = ${id} and lease = ${lease}`;
  }

  /** It is whole and allowed. undefined: it was removed, or another has the lease. */
  async ready(id: string, lease: string, finding: Finding): Promise<Attachment | undefined> {
    const { type, width, height, durationMs, hasThumbnail } = finding;
    return this.settle(
      id,
      lease,
      `state = 'ready', file_type = $3, width = $4, height = $5, duration_ms = $6, has_thumbnail = $7`,
      [type, width, height, durationMs, hasThumbnail],
    );
  }

  /** It is whole and not allowed; its bytes are to go before this. */
  async refuse(id: string, lease: string, type: string, reason: string): Promise<Attachment | undefined> {
    return this.settle(id, lease, `state = 'refused', file_type = $3, reason = $4`, [type, reason]);
  }

  private async settle(
    id: string,
    lease: string,
    set: string,
    values: ReadonlyArray<string | number | boolean | null>,
  ): Promise<Attachment | undefined> {
    const rows = await this.sql.unsafe<ValuesRow[]>(
      `with over as (delete from attachment_uploads where id = $1 and lease = $2 returning id)
       update attachments t set ${set} from over where t.id = over.id and t.state = 'uploading' returning ${reads}`,
      [id, lease, ...values],
    );
    return attachmentOf(rows[0]);
  }

  async setThumbnail(id: string, has: boolean, size?: { width: number; height: number }): Promise<void> {
    await this.sql`
      update attachments set has_thumbnail = ${has},
        width = coalesce(${size?.width ?? null}::bigint, width), height = coalesce(${size?.height ?? null}::bigint, height)
      where id = ${id} and state = 'ready'`;
  }

  /** Ready pictures that nobody has tried to make a thumbnail of. */
  async withoutThumbnail(limit: number): Promise<Array<{ id: string; size: number }>> {
    return this.sql<Array<{ id: string; size: number }>>`
      select id, file_size::float8 as size from attachments
      where has_thumbnail is null and state = 'ready' order by id limit ${limit}`;
  }

  /** → `removed`, or why not: `sent`, or there is none of this user's. */
  async remove(owner: string, id: string): Promise<'removed' | 'sent' | 'none'> {
    const [row] = await this.sql<Array<{ sent: boolean }>>`
      with found as (
        select id, message is not null as sent from attachments
        where id = ${id} and owner = ${owner} and state <> 'removed' for update),
      gone as (
        update attachments a set state = 'removed', file_name = '-', reason = null, expires_at = now()
        from found where a.id = found.id and not found.sent)
      select sent from found`;
    if (row === undefined) return 'none';
    return row.sent ? 'sent' : 'removed';
  }

  /** Marks what has expired, unless somebody writes to it now. */
  async expire(): Promise<number> {
    const rows = await this.sql`
      update attachments a set state = 'removed', file_name = '-', reason = null, expires_at = now()
      where a.id in (
        select e.id from attachments e left join attachment_uploads u on u.id = e.id
        where e.expires_at <= now() and e.state <> 'removed' and coalesce(u.leased_until <= now(), true)
        for update of e skip locked)
      returning a.id`;
    return rows.count;
  }

  /** Those that were removed, the longest ago first. `isLate`: long enough ago that nobody writes to them any more. */
  async removed(
    after: string | undefined,
    lateSeconds: number,
    limit: number,
  ): Promise<Array<{ id: string; isLate: boolean }>> {
    return this.sql<Array<{ id: string; isLate: boolean }>>`
      select id, expires_at < now() - make_interval(secs => ${lateSeconds}) as "isLate" from attachments
      where state = 'removed' and (${after ?? null}::uuid is null or id > ${after ?? null}::uuid)
      order by id limit ${limit}`;
  }

  /** Nothing is known of them from now on: their bytes are to be gone before. */
  async forget(ids: readonly string[]): Promise<void> {
    await this.sql`delete from attachments where id = any(${[...ids]}::uuid[]) and state = 'removed'`;
  }
}

function attachmentOf(row: ValuesRow | undefined): Attachment | undefined {
  return row === undefined ? undefined : (fieldsOf(columns, row.values) as unknown as Attachment);
}
