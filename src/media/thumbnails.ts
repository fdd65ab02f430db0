/** Thumbnails, one at a time, each tried once: whoever is interrupted is found again by its row. */
import type { AttachmentRows } from '../storage/postgres/attachment-rows.js';
import { pictureBytesMax } from './inspect.js';
import type { MediaPool } from './media-pool.js';
import { BytesGoneError, type MediaStore } from './store.js';

/** Rows looked at in one round over what nobody has tried yet. */
const roundMax = 20;

export interface ThumbnailParts {
  readonly rows: Pick<AttachmentRows, 'setThumbnail' | 'withoutThumbnail'>;
  readonly store: MediaStore;
  readonly pool: Pick<MediaPool, 'thumbnail'>;
  onFault(error: unknown): void;
}

export class Thumbnails {
  private readonly parts: ThumbnailParts;
  /** The bytes of one picture are in memory at a time. */
  private last: Promise<void> = Promise.resolve();
  private readonly underWay = new Map<string, Promise<void>>();
  private isRound = false;

  constructor(parts: ThumbnailParts) {
    this.parts = parts;
  }

  /** Resolves when it was tried, however that went. */
  make(id: string, size: number): Promise<void> {
    const known = this.underWay.get(id);
    if (known !== undefined) return known;
    const turn = this.last.then(() => this.tried(id, size)).finally(() => this.underWay.delete(id));
    this.last = turn;
    this.underWay.set(id, turn);
    return turn;
  }

  /** Makes those that a crash, or a pool that had no room, left out. */
  async makeUp(): Promise<void> {
    if (this.isRound) return;
    this.isRound = true;
    try {
      for (const { id, size } of await this.parts.rows.withoutThumbnail(roundMax)) await this.make(id, size);
    } catch (error) {
      this.parts.onFault(error);
    } finally {
      this.isRound = false;
    }
  }

  private async tried(id: string, size: number): Promise<void> {
    const { rows, store, pool, onFault } = this.parts;
    try {
      const bytes = size <= pictureBytesMax ? await this.bytesOf(id, size) : undefined;
      const made = bytes === undefined ? undefined : await pool.thumbnail({ bytes });
      if (made === undefined) return await rows.setThumbnail(id, false);
      await store.putThumbnail(id, made.webp);
      await rows.setThumbnail(id, true, made);
    } catch (error) {
      // It stays untried: an outage, or no room in the pool.
      onFault(error);
    }
  }

  private async bytesOf(id: string, size: number): Promise<Uint8Array | undefined> {
    try {
      return await wholeOf(this.parts.store, id, size);
    } catch (error) {
      if (error instanceof BytesGoneError) return undefined;
      throw error;
    }
  }
}

/** So many first bytes of what was finished. */
export async function wholeOf(store: MediaStore, key: string, size: number): Promise<Uint8Array> {
  const whole = new Uint8Array(size);
  let place = 0;
  for await (const piece of store.read(key, 'bytes', { from: 0, to: size })) {
    whole.set(piece, place);
    place += piece.byteLength;
  }
  return whole;
}
