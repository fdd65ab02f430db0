/**
 * People in a few conversations on a real database, two shards, and clients that sync whenever they like: in the middle
 * of everything, with flushes that are lost, or that commit after their owner has lost the shard. Whatever a client was
 * told along its cursors must be what a count of everything says.
 */
import { DirtyProgress } from '#actors/postgres-writer/progress.js';
import { createDirectory } from '#src/storage/postgres/directory.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { createSync } from '#src/storage/postgres/sync.js';
import { decodeCursor, vectorOf } from '#src/storage/postgres/sync-cursor.js';
import type { SyncedConversation } from '#src/threads/services.js';
import type { LogEvent } from '#src/wire/events.js';
import { Asker } from './log-events.js';
import type { TestDatabase } from './postgres.js';
import { SeededRandom } from './seeded-random.js';
import { type Counted, UnreadModel } from './unread-model.js';
import { People, type Room } from './unread-people.js';

interface Shard {
  readonly asker: Asker;
  readonly store: PostgresLogStore;
  dirty: DirtyProgress;
}

interface Client {
  readonly user: string;
  cursor: string | undefined;
  readonly known: Map<string, SyncedConversation>;
}

export interface UnreadTotals {
  operations: number;
  flushes: number;
  crashes: number;
  lateFlushes: number;
  syncs: number;
  pages: number;
  answersLost: number;
  compared: number;
  waysCompared: number;
  wrong: number;
  mentions: number;
}

const shardCount = 2;

export class UnreadWorld {
  readonly totals: UnreadTotals = {
    ...{ operations: 0, flushes: 0, crashes: 0, lateFlushes: 0, syncs: 0, pages: 0, answersLost: 0 },
    ...{ compared: 0, waysCompared: 0, wrong: 0, mentions: 0 },
  };
  /** The first things that were wrong, in words. */
  readonly faults: string[] = [];
  private readonly database: TestDatabase;
  private readonly model = new UnreadModel();
  private readonly people: People;
  private readonly shards: Shard[] = [];
  private readonly clients: Client[];
  private readonly services;
  private readonly directory;

  constructor(database: TestDatabase, seed: number) {
    this.database = database;
    this.people = new People(new SeededRandom(seed), { users: 12, rooms: 10, shards: shardCount });
    this.clients = this.people.users.flatMap((user) =>
      [1, 2].map(() => ({ user, cursor: undefined, known: new Map<string, SyncedConversation>() })),
    );
    this.services = createSync(database.sql);
    this.directory = createDirectory(database.sql);
  }

  /** Until at least so many operations were done. */
  async run(operations: number): Promise<void> {
    const { people } = this;
    for (let shard = 0; shard < shardCount; shard += 1) {
      const store = new PostgresLogStore({ url: this.database.url, shard });
      const asker = new Asker(store);
      await asker.own();
      this.shards.push({ asker, store, dirty: new DirtyProgress() });
    }
    for (const room of people.rooms) await this.write(room.shard, [people.create(room)]);
    while (this.totals.operations < operations) await this.turn();
    await this.flushAll();
    for (const client of this.clients) await this.sync(client, { isChecked: true });
    await this.checkLists();
  }

  async close(): Promise<void> {
    for (const { store } of this.shards) await store.close();
  }

  private async turn(): Promise<void> {
    const { people } = this;
    await this.batch(people.below(shardCount));
    for (let count = people.below(6); count > 0; count -= 1) this.mark();
    if (people.chance(0.3)) await this.flush(people.below(shardCount));
    if (people.chance(0.02)) await this.crash(people.below(shardCount));
    if (people.chance(0.01)) await this.crashWithLateFlush(people.below(shardCount));
    const client = people.one(this.clients) as Client;
    // What was not flushed is not looked for: but the cursor must not pass it by.
    if (people.chance(0.2)) await this.sync(client, { isChecked: false });
    if (people.chance(0.2)) {
      await this.flushAll();
      await this.sync(client, { isChecked: true });
    }
  }

  private async batch(shard: number): Promise<void> {
    const { people } = this;
    const rooms = people.rooms.filter((room) => room.shard === shard);
    const touched = new Set<string>();
    const events: LogEvent[] = [];
    for (let count = 1 + people.below(40); count > 0; count -= 1) {
      const event = people.event(people.one(rooms) as Room, touched);
      if (event !== undefined) events.push(event);
    }
    if (events.length > 0) await this.write(shard, events);
  }

  private async write(shard: number, events: LogEvent[]): Promise<void> {
    const { asker, dirty } = this.shards[shard] as Shard;
    const outcome = await asker.write(events);
    if (outcome.kind !== 'committed')
      throw new Error(`a batch was not committed: ${JSON.stringify(outcome)}`);
    for (const conv of new Set(events.map((event) => event.conv)))
      dirty.onCommitted(
        conv,
        events.filter((event) => event.conv === conv),
      );
    for (const event of events) this.model.take(event);
    this.totals.operations += events.length;
  }

  private mark(): void {
    const { people } = this;
    const room = people.one(people.rooms) as Room;
    const user = people.one(room.members);
    if (user === undefined) return;
    const number = people.below(room.number + 1);
    const kind = people.chance(0.7) ? 'read' : 'unread';
    const { dirty } = this.shards[room.shard] as Shard;
    dirty.mark({ conv: room.conv, user, ...(kind === 'read' ? { mark: number } : { mark: 0, low: number }) });
    this.model.mark(room.conv, user, kind, number);
    this.totals.operations += 1;
  }

  private async flush(index: number): Promise<void> {
    const shard = this.shards[index] as Shard;
    if (shard.dirty.isEmpty) return;
    const progress = shard.dirty.take(shard.asker.batch);
    const result = await shard.asker.flush(progress);
    if (result.kind !== 'flushed') throw new Error(result.message);
    this.keep(index);
    this.totals.flushes += 1;
  }

  private async flushAll(): Promise<void> {
    for (let shard = 0; shard < shardCount; shard += 1) await this.flush(shard);
  }

  /** The thread is gone with all that was not flushed; another takes the shard. */
  private async crash(index: number): Promise<void> {
    const shard = this.shards[index] as Shard;
    shard.dirty = new DirtyProgress();
    this.lose(index);
    await shard.asker.own();
    this.totals.crashes += 1;
  }

  /** As above, and what the dead thread was writing is committed only after clients have been told new cursors. */
  private async crashWithLateFlush(index: number): Promise<void> {
    const shard = this.shards[index] as Shard;
    if (shard.dirty.isEmpty) return;
    const progress = shard.dirty.take(shard.asker.batch);
    this.keep(index);
    const connection = await this.database.sql.reserve();
    try {
      await connection`begin`;
      await connection`
        select nubo_flush(${index}, ${progress.batch}, ${JSON.stringify(progress.heads)}::text::jsonb,
          ${JSON.stringify(progress.marks)}::text::jsonb)`;
      const owned = shard.asker.own();
      for (const client of this.clients) await this.sync(client, { isChecked: false, isQuiet: true });
      await connection`commit`;
      await owned;
    } finally {
      connection.release();
    }
    shard.dirty = new DirtyProgress();
    this.totals.lateFlushes += 1;
  }

  private keep(index: number): void {
    this.model.flushed(this.convsOf(index));
  }

  private lose(index: number): void {
    this.model.crashed(this.convsOf(index));
  }

  private convsOf(index: number): string[] {
    return this.people.rooms.filter(({ shard }) => shard === index).map(({ conv }) => conv);
  }

  /** `isQuiet`: nothing else happens meanwhile. */
  private async sync(
    client: Client,
    { isChecked, isQuiet = isChecked }: { isChecked: boolean; isQuiet?: boolean },
  ): Promise<void> {
    const { people } = this;
    const limit = 1 + people.below(8);
    await this.compareWays(client);
    this.totals.syncs += 1;
    for (;;) {
      const { user, cursor } = client;
      const answer = await this.services.sync({ user, limit, ...(cursor === undefined ? {} : { cursor }) });
      this.totals.pages += 1;
      if (!isChecked && people.chance(0.1)) {
        this.totals.answersLost += 1;
        return;
      }
      for (const conversation of answer.conversations) client.known.set(conversation.conv, conversation);
      client.cursor = answer.cursor;
      if (!answer.more) break;
      // Things happen between two pages, and a client may stay away in the middle.
      if (!isQuiet && people.chance(0.3)) await this.batch(people.below(shardCount));
      if (!isChecked && people.chance(0.1)) return;
    }
    if (isChecked) this.check(client);
  }

  /** The two ways to find what has changed find the same (U1). */
  private async compareWays({ user, cursor }: Client): Promise<void> {
    const { since } = cursor === undefined ? {} : decodeCursor(cursor);
    if (since === undefined) return;
    const [vector, limit] = [vectorOf(since), 1 + this.people.below(20)];
    const first = '00000000-0000-0000-0000-000000000000';
    const ways = await this.database.sql<Array<{ one: string[]; other: string[] }>>`
      select array(select nubo_changed_of_user(${user}, ${vector}::bigint[], ${first}, ${limit})) as one,
        array(select nubo_changed_of_heads(${user}, ${vector}::bigint[], ${first}, ${limit})) as other`;
    const [{ one, other } = { one: [], other: ['none'] }] = ways;
    this.totals.waysCompared += 1;
    if (one.join() === other.join()) return;
    this.totals.wrong += 1;
    this.faults.push(`of ${user} by conversations ${one.join()}, by heads ${other.join()}`);
  }

  private check(client: Client): void {
    for (const { conv } of this.people.rooms) {
      const counted = this.model.count(conv, client.user);
      const told = client.known.get(conv);
      this.totals.compared += 1;
      this.totals.mentions += counted.isMember ? counted.mentions : 0;
      if (!isRight(told, counted)) this.blame(`${client.user} ${conv}`, told, counted);
    }
  }

  private async checkLists(): Promise<void> {
    for (const user of this.people.users) {
      const { conversations } = await this.directory['conversations.list']({ user, limit: 100 });
      const listed = new Map(conversations.map((view) => [view.id, view]));
      for (const { conv } of this.people.rooms) {
        const counted = this.model.count(conv, user);
        const view = listed.get(conv);
        this.totals.compared += 1;
        const isSame =
          view === undefined
            ? !counted.isMember
            : counted.isMember && view.unread === counted.unread && view.mentions === counted.mentions;
        if (!isSame) this.blame(`list of ${user} ${conv}`, view, counted);
      }
    }
  }

  private blame(where: string, told: unknown, counted: Counted): void {
    this.totals.wrong += 1;
    if (this.faults.length < 20)
      this.faults.push(`${where}: told ${JSON.stringify(told)}, counted ${JSON.stringify(counted)}`);
  }
}

function isRight(told: SyncedConversation | undefined, counted: Counted): boolean {
  if (!counted.isMember) return told === undefined || told.standing !== 'member';
  return (
    told?.standing === 'member' &&
    told.head === counted.head &&
    told.number === counted.number &&
    told.mark === counted.mark &&
    told.unread === counted.unread &&
    told.mentions === counted.mentions
  );
}
