/**
 * What was read counts as used, so that it stays. A document says itself when it was used last: it is touched at most
 * once an hour, together with others, by whoever finds it out of date. Best effort.
 */
import type { Document } from 'mongodb';
import type { MongoConnection } from './connection.js';
import type { DocumentId } from './document.js';

/** A document is touched when its last use is longer ago. */
export const touchEveryMs = 3_600_000;
const flushEveryMs = 5_000;
/** What waits for the next flush at most; more is not touched this time. */
const touchesMax = 10_000;
const touchesPerCallMax = 1_000;

export class Touches {
  private readonly connection: MongoConnection;
  private readonly now: () => number;
  /** By collection, and by the document's id as text, so that each waits once. */
  private readonly waiting = new Map<string, Map<string, DocumentId>>();
  private count = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(connection: MongoConnection, now: () => number) {
    this.connection = connection;
    this.now = now;
  }

  /** A document was read. */
  add(collection: string, document: Document): void {
    const used = document.last_use;
    if (used instanceof Date && this.now() - used.getTime() < touchEveryMs) return;
    if (this.count >= touchesMax) return;
    const ids = this.waiting.get(collection) ?? new Map<string, DocumentId>();
    this.waiting.set(collection, ids);
    const id = document._id as DocumentId;
    const key = id.toString();
    if (ids.has(key)) return;
    ids.set(key, id);
    this.count += 1;
    this.timer ??= setTimeout(() => void this.flush(), flushEveryMs).unref();
  }

  /** Never rejects. */
  async flush(): Promise<void> {
    clearTimeout(this.timer);
    this.timer = undefined;
    const last_use = new Date(this.now());
    const all = [...this.waiting].map(([collection, ids]) => ({ collection, ids: [...ids.values()] }));
    this.waiting.clear();
    this.count = 0;
    for (const { collection, ids } of all) {
      for (let start = 0; start < ids.length; start += touchesPerCallMax) {
        const some = ids.slice(start, start + touchesPerCallMax);
        await this.connection
          .run('write', (database) =>
            database
              .collection<{ _id: DocumentId; last_use: Date }>(collection)
              .updateMany({ _id: { $in: some } }, { $set: { last_use } }),
          )
          .catch(() => {});
      }
    }
  }

  close(): void {
    clearTimeout(this.timer);
    this.waiting.clear();
    this.count = 0;
  }
}
