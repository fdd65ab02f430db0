/** The services of attachments: what a front asks of a shard about them. The bytes themselves never come this way. */
import type { Sql } from 'postgres';
import { z } from 'zod';
import { NuboError } from '../errors.js';
import { check } from '../people/rules.js';
import type { Clock, Timers } from '../runtime/ports.js';
import { AttachmentRows } from '../storage/postgres/attachment-rows.js';
import { guarded } from '../storage/postgres/guarded.js';
import type { Attachment, ServiceHandlers, Services } from '../threads/services.js';
import { isStorableText, operationId, uuid } from '../wire/operations.js';
import { plainFileName } from './file-name.js';
import { headBytesMax } from './inspect.js';
import { type AttachmentLimits, mediaLimits } from './limits.js';
import type { MediaPool } from './media-pool.js';
import { refusalOfStore } from './refusals.js';
import type { MediaStore } from './store.js';
import { Thumbnails, wholeOf } from './thumbnails.js';
import { isAllowed, isPicture, isRunnable, plainType, unknownType } from './types.js';

export type AttachmentServices = Pick<
  ServiceHandlers,
  Extract<keyof ServiceHandlers, `attachments.${string}`>
>;

export interface AttachmentPorts {
  readonly sql: Sql;
  readonly store: MediaStore;
  readonly pool: MediaPool;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly limits: AttachmentLimits;
  /** What went wrong beside somebody's request. */
  onFault(error: unknown): void;
}

const ids = z.object({ user: uuid, id: uuid });
const leaseIds = ids.extend({ lease: uuid, previous: uuid.optional() });
const newAttachment = z.object({
  user: uuid,
  id: operationId,
  name: z.string().max(8 * 1024),
  type: z.string().max(1024).refine(isStorableText, 'must not contain NUL or lone surrogates'),
  size: z.number().int().positive(),
});

export class Attachments {
  readonly thumbnails: Thumbnails;
  private readonly ports: AttachmentPorts;
  private readonly rows: AttachmentRows;

  constructor(ports: AttachmentPorts) {
    const { store, pool, onFault } = ports;
    this.ports = ports;
    this.rows = new AttachmentRows(ports.sql);
    this.thumbnails = new Thumbnails({ rows: this.rows, store, pool, onFault });
  }

  get services(): AttachmentServices {
    return {
      'attachments.create': guarded((input) => this.create(input), refusalOfStore),
      'attachments.get': guarded((input) => this.get(input), refusalOfStore),
      'attachments.lease': guarded((input) => this.lease(input), refusalOfStore),
      'attachments.keep': guarded(async (input) => {
        const { id, lease } = check(leaseIds, input);
        return { isHeld: await this.rows.keep(id, lease, this.expiresAt()) };
      }, refusalOfStore),
      'attachments.release': guarded(async (input) => {
        const { id, lease } = check(leaseIds, input);
        await this.rows.release(id, lease);
        return null;
      }, refusalOfStore),
      'attachments.finish': guarded((input) => this.finish(input), refusalOfStore),
      'attachments.remove': guarded((input) => this.remove(input), refusalOfStore),
    };
  }

  private expiresAt(): number {
    return this.ports.clock.now() + this.ports.limits.unsentMs;
  }

  private async seen(user: string, id: string): Promise<Attachment> {
    const found = await this.rows.seen(user, id);
    if (found === undefined) throw notFound();
    return found;
  }

  /** What one sees as its owner only. */
  private async own(user: string, id: string): Promise<Attachment> {
    const found = await this.seen(user, id);
    if (found.owner !== user) throw notFound();
    return found;
  }

  private async create(input: unknown): Promise<Attachment> {
    const { user, id, name, type, size } = check(newAttachment, input);
    const { limits } = this.ports;
    if (size > limits.fileBytesMax)
      throw refusal('invalid', `The file is larger than the ${limits.fileBytesMax} bytes that are allowed.`);
    const declared = plainType(type);
    // Most mistakes are seen before a byte is sent; what decides is what the bytes are.
    if (declared !== unknownType && !isAllowed(declared, limits.types))
      throw refusal('invalid', notAllowed(declared, limits.types));
    const attachment = { id, owner: user, name: plainFileName(name), type: declared, size };
    const userLimits = { bytesMax: limits.userBytesMax, unfinishedMax: mediaLimits.unfinishedMax };
    const result = await this.rows.create(attachment, this.expiresAt(), userLimits);
    if (result === 'conflict') throw refusal('conflict', 'This id belongs to another attachment.');
    if (result === 'too many')
      throw refusal(
        'forbidden',
        `${mediaLimits.unfinishedMax} uploads of yours are not finished: finish or delete some.`,
      );
    if (result === 'full')
      throw refusal(
        'forbidden',
        `Your files may take ${limits.userBytesMax} bytes together: delete some that were not sent.`,
      );
    // Found again with a handle: the first request came as far as this.
    const isRoomMade = result === 'found' && (await this.rows.handle(id)) !== '';
    if (!isRoomMade) await this.makeRoom(user, id, size);
    return this.own(user, id);
  }

  private async makeRoom(user: string, id: string, size: number): Promise<void> {
    try {
      await this.rows.setHandle(id, await this.ports.store.create(id, size));
    } catch (error) {
      // An upload that cannot begin takes nothing of what is its user's.
      await this.rows.remove(user, id).catch(() => undefined);
      throw error;
    }
  }

  private async get(input: unknown): Promise<Services['attachments.get']['output']> {
    const { user, id } = check(ids, input);
    const attachment = await this.seen(user, id);
    if (attachment.state !== 'uploading') return { attachment, held: attachment.fileSize };
    const handle = (await this.rows.handle(id)) ?? '';
    const upload = { key: id, length: attachment.fileSize, handle };
    return { attachment, held: await this.ports.store.size(upload) };
  }

  private async lease(input: unknown): Promise<Services['attachments.lease']['output']> {
    const { user, id, lease, previous } = check(leaseIds, input);
    const { fileSize: size, state } = await this.own(user, id);
    if (state !== 'uploading') return { kind: 'over', size };
    const handle = await this.rows.lease(user, id, { lease, previous, expiresAt: this.expiresAt() });
    return handle === undefined ? { kind: 'held' } : { kind: 'leased', size, handle };
  }

  private async finish(input: unknown): Promise<Attachment> {
    const { user, id, lease } = check(leaseIds, input);
    const { store, pool, limits, timers } = this.ports;
    const { state, fileSize: size } = await this.own(user, id);
    const handle = state === 'uploading' ? await this.rows.handle(id) : undefined;
    if (handle === undefined) return this.own(user, id);
    await store.finish({ key: id, length: size, handle });
    const head = await wholeOf(store, id, Math.min(size, headBytesMax));
    const { type, width, height, durationMs } = await pool.inspect({ head, size });
    if (!isAllowed(type, limits.types)) {
      await store.remove(id);
      await this.rows.refuse(id, lease, type, notAllowed(type, limits.types));
      return this.own(user, id);
    }
    const hasThumbnail = isPicture(type) ? null : false;
    const ready = await this.rows.ready(id, lease, { type, width, height, durationMs, hasThumbnail });
    if (ready?.hasThumbnail === null)
      await atMost(timers, mediaLimits.thumbnailWaitMs, this.thumbnails.make(id, size));
    return this.own(user, id);
  }

  private async remove(input: unknown): Promise<null> {
    const { user, id } = check(ids, input);
    const result = await this.rows.remove(user, id);
    if (result === 'none') throw notFound();
    if (result === 'sent')
      throw refusal('forbidden', 'It was sent: it goes with its message, which can be deleted.');
    await this.ports.store.remove(id);
    return null;
  }
}

function notAllowed(type: string, types: readonly string[]): string {
  if (isRunnable(type))
    return `Files of the type ${type} are not taken here: a browser or a system would run them.`;
  return `Files of the type ${type} are not taken here; allowed are: ${types.join(', ')}.`;
}

function refusal(code: 'invalid' | 'conflict' | 'forbidden', message: string): NuboError {
  return new NuboError(code, message, { stored: false });
}

function notFound(): NuboError {
  return new NuboError('not_found', 'There is no such thing, or it is not yours to see.', { stored: false });
}

function atMost(timers: Timers, ms: number, work: Promise<void>): Promise<void> {
  return new Promise((resolve) => {
    const cancel = timers.after(ms, resolve);
    void work.finally(() => {
      cancel();
      resolve();
    });
  });
}
