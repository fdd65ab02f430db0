/** What slower tiers had, on its way into Mongo: nobody waits for it, and what is too much is dropped. */
import type { Change } from '../../entities/entity.js';
import type { MongoConnection } from './connection.js';
import type { Senders } from './senders.js';
import { writeChanges } from './writes.js';

const fillsMax = 2_000;
const fillsPerWriteMax = 500;

export class Fills {
  private readonly connection: MongoConnection;
  private readonly now: () => number;
  private readonly senders: Senders | undefined;
  private waiting: Change[] = [];
  private isWriting = false;
  /** Changes that were not kept. */
  dropped = 0;

  constructor(connection: MongoConnection, now: () => number, senders: Senders | undefined) {
    this.connection = connection;
    this.now = now;
    this.senders = senders;
  }

  add(changes: readonly Change[]): void {
    const room = this.connection.trouble === undefined ? fillsMax - this.waiting.length : 0;
    this.dropped += Math.max(0, changes.length - room);
    for (const change of changes.slice(0, room)) this.waiting.push(change);
    if (!this.isWriting && this.waiting.length > 0) void this.drain();
  }

  private async drain(): Promise<void> {
    this.isWriting = true;
    while (this.waiting.length > 0) {
      const changes = this.waiting.splice(0, fillsPerWriteMax);
      try {
        await writeChanges(this.connection, { changes, now: this.now(), senders: this.senders });
      } catch {
        this.dropped += changes.length + this.waiting.length;
        this.waiting = [];
      }
    }
    this.isWriting = false;
  }
}
