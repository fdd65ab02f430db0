/**
 * Who sent a message, beside it in its document (`sender_info`): as what they are known now. It is written with the
 * message, and again into all documents of a sender whose profile has changed: those of their conversations, which an
 * index finds, so that inserts pay for none by sender.
 */
import { LRUCache } from 'lru-cache';
import type { Document } from 'mongodb';
import type { Change, ElementFields } from '../../entities/entity.js';
import { messages } from '../../entities/messages.js';
import { users } from '../../entities/users.js';
import type { ChangeStamps } from '../tiers/change-stamps.js';
import type { Element } from '../tiers/ports.js';
import { newestOf } from './bulk.js';
import { updateAll } from './commands.js';
import type { MongoConnection } from './connection.js';
import { Beside } from './document.js';
import { findElements } from './reads.js';
import { toBson, uuidBinary } from './values.js';

export interface SenderPorts {
  /** From Postgres, in the order of `ids`. */
  users(ids: readonly string[]): Promise<Array<Element | undefined>>;
  /** All that they are or were a member of. */
  conversations(user: string): Promise<readonly string[]>;
  /** Whoever changes a profile stamps it; so do we when we hear of one that somebody else has changed. */
  readonly stamps: Pick<ChangeStamps, 'now' | 'stamp' | 'changedSince'>;
}

/** What of a user stands beside their messages. */
const shown = ['username', 'displayName', 'profilePicture'] as const;
const knownMax = 20_000;
/** Of a process whose stamps are not those of the server: a rebuild. */
const knownMs = 10_000;
/** Conversations of one update. */
const conversationsMax = 100;
/** While a mirror is filled, only who changed so lately (ms) may stand with an old name beside a message. */
const refillMs = 600_000;
const deletedState = 0;

export class Senders {
  private readonly ports: SenderPorts;
  private readonly known = new LRUCache<string, { info: Beside; at: number }>({
    max: knownMax,
    ttl: knownMs,
  });

  constructor(ports: SenderPorts) {
    this.ports = ports;
  }

  /** Of the clock of the stamps. */
  now(): number {
    return this.ports.stamps.now();
  }

  /** By id, for all messages among the changes. */
  async of(changes: readonly Change[]): Promise<ReadonlyMap<string, Beside>> {
    const { stamps } = this.ports;
    const found = new Map<string, Beside>();
    const wanted: string[] = [];
    for (const id of new Set(changes.flatMap((change) => senderOf(change) ?? []))) {
      const known = this.known.get(id);
      if (known === undefined || stamps.changedSince(users.name, id, known.at)) wanted.push(id);
      else found.set(id, known.info);
    }
    if (wanted.length === 0) return found;
    const at = stamps.now();
    for (const [index, element] of (await this.ports.users(wanted)).entries()) {
      const id = wanted[index] as string;
      const info = infoOf(element?.fields);
      found.set(id, info);
      if (element !== undefined) this.known.set(id, { info, at });
    }
    return found;
  }

  /**
   * Whose profile was changed while their messages were written may stand there with the old one, and the change may
   * have been followed before.
   *
   * @param began before `of`
   */
  async mend(connection: MongoConnection, changes: readonly Change[], began: number): Promise<void> {
    const moved = changes.filter((change) => {
      const sender = senderOf(change);
      return sender !== undefined && this.ports.stamps.changedSince(users.name, sender, began);
    });
    if (moved.length === 0) return;
    const info = await this.of(moved);
    const updates = [...info].map(([id, sender]) => ({
      q: { _id: { $in: moved.filter((change) => senderOf(change) === id).map((one) => uuidBinary(one.id)) } },
      u: { $set: sender.fields },
    }));
    await connection.run('write', (database) => updateAll(database, messages.collection, updates));
  }

  /**
   * Follows the profiles that these changes move. To be called before they are written: a change is followed again until
   * its own document says that it was.
   *
   * @param at Unix ms; `isRefill`: messages are written again, too, with their senders of now
   */
  async follow(
    connection: MongoConnection,
    changes: readonly Change[],
    at: { now: number; isRefill: boolean },
  ): Promise<void> {
    const people = [...newestOf(changes)].flatMap(([entity, newest]) =>
      entity.name === users.name ? newest : [],
    );
    if (people.length === 0) return;
    const ids = people.map(({ id }) => id);
    const before = await connection.run('read', (database) =>
      findElements(database, { entity: users, ids }, () => {}),
    );
    for (const [index, { id, fields }] of people.entries()) {
      if (!mustFollow(before[index], fields, at)) continue;
      this.ports.stamps.stamp(users.name, id);
      await this.rewrite(connection, id, infoOf(fields));
    }
  }

  private async rewrite(connection: MongoConnection, user: string, info: Beside): Promise<void> {
    const all = await this.ports.conversations(user);
    const { conversation, sender } = messages.fields;
    for (let start = 0; start < all.length; start += conversationsMax) {
      const some = all.slice(start, start + conversationsMax).map(uuidBinary);
      const q = { [conversation.column]: { $in: some }, [sender.column]: uuidBinary(user) };
      const update = { q, u: { $set: info.fields } };
      await connection.run('write', (database) => updateAll(database, messages.collection, [update]));
    }
  }
}

function senderOf({ entity, fields }: Change): string | undefined {
  return entity.name === messages.name ? (fields?.sender as string | undefined) : undefined;
}

function infoOf(fields: ElementFields | undefined): Beside {
  // null: there is no such user any more.
  if (fields === undefined || fields.state === deletedState) return new Beside({ sender_info: null });
  const columns = shown.map((name) => {
    const { column, type } = users.fields[name];
    return [column, toBson(type, fields[name])];
  });
  return new Beside({ sender_info: Object.fromEntries(columns) as Document });
}

function mustFollow(
  before: Element | undefined,
  fields: ElementFields | undefined,
  { now, isRefill }: { now: number; isRefill: boolean },
): boolean {
  if (before !== undefined) return Buffer.compare(infoOf(before.fields).bytes, infoOf(fields).bytes) !== 0;
  // Who is new has sent nothing yet that could be with another name.
  if (fields === undefined || fields.updatedAt === fields.createdAt) return false;
  return !isRefill || (fields.updatedAt as number) > now - refillMs;
}
