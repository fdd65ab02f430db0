/** What people do: every kind of operation, in the rooms there are, with the ids that good and odd clients make. */

import { directConversationId } from '#src/ids.js';
import type { ConversationType } from '#src/wire/events.js';
import type { DurableOperation } from '#src/wire/operations.js';
import type { SimDatabase } from '#test/support/sim-database.js';
import { badMarker } from '#test/support/sim-faults.js';
import type { Draws } from '#test/support/sim-random.js';
import { type Deed, type DeedScene, deedOf, deedWeights, doerOf, isDeed } from './deeds.js';
import type { Device, Unreferenced } from './device.js';
import type { Durable, Sender } from './sender.js';

export interface Room {
  readonly conv: string;
  readonly type: ConversationType;
}

export interface WorkloadOptions {
  readonly random: Draws;
  readonly database: SimDatabase;
  readonly sender: Sender;
  readonly users: readonly string[];
  readonly devices: readonly Device[];
  now(): number;
  shardOf(conv: string): number;
}

const weights = {
  send: 40,
  history: 5,
  read: 5,
  typing: 6,
  ping: 2,
  subscribe: 4,
  unsubscribe: 2,
  join: 3,
  leave: 2,
  add: 3,
  remove: 2,
  create: 1,
  steal: 3,
  cross: 1,
  repeat: 3,
  reauth: 1,
  disconnect: 1,
  stall: 1,
  ...deedWeights,
} as const;

/** A client of an odd mind: its ids are from another time. */
const day = 24 * 60 * 60 * 1000;

export class Workload {
  readonly rooms: Room[] = [];
  /** Operations by user, conversation and id. */
  private readonly used = new Set<string>();
  private readonly options: WorkloadOptions;

  constructor(options: WorkloadOptions) {
    this.options = options;
  }

  /** The rooms that are there from the start: a group, a channel and a pair, on every shard. */
  furnish(shards: number): void {
    const { random, users, devices } = this.options;
    for (let shard = 0; shard < shards; shard += 1) {
      for (const type of ['group', 'channel'] as const) {
        const device = random.pick(devices);
        const id = this.idOn(shard);
        this.create(
          device,
          {
            op: 'create',
            id,
            type,
            members: users.filter((user) => user !== device.user && random.chance(0.6)),
          },
          id,
        );
      }
    }
    this.createPair(random.pick(devices));
  }

  /** One operation of one device. */
  act(): void {
    const { random, devices } = this.options;
    const device = random.pick(devices);
    const kind = random.weighted(weights);
    const room = this.roomFor(device);
    switch (kind) {
      case 'send':
        return this.send(device, room);
      case 'join':
      case 'leave':
        return void this.submit(device, room.conv, { op: kind, id: this.id(), conv: room.conv });
      case 'add':
      case 'remove':
        return void this.submit(device, room.conv, {
          op: kind,
          id: this.id(),
          conv: room.conv,
          member: this.somebody(0.03),
        });
      case 'create':
        return this.createAny(device);
      case 'steal':
        return this.steal(device, room);
      case 'cross':
        return this.cross(device);
      case 'repeat':
        return this.repeat();
      default:
        return isDeed(kind) ? this.doDeed(kind, device, room) : this.actLightly(kind, device, room);
    }
  }

  private doDeed(kind: Deed, anybody: Device, { conv }: Room): void {
    const { random, database, users, devices, now } = this.options;
    const scene: DeedScene = { random, database, users, conv, now: now(), id: this.id() };
    const doer = doerOf(kind, scene);
    const device = doer === undefined ? anybody : random.pick(devices.filter(({ user }) => user === doer));
    this.submit(device, conv, deedOf(kind, scene));
  }

  /** What is not stored. */
  private actLightly(
    kind: Exclude<keyof typeof weights, DurableOperation['op'] | 'steal' | 'cross' | 'repeat'>,
    device: Device,
    room: Room,
  ): void {
    const { random, database } = this.options;
    const { conv } = room;
    const ignore = (): void => {};
    switch (kind) {
      case 'history':
        return this.readHistory(device, conv);
      case 'read':
        return void device.ask(
          { op: 'read', conv, seq: random.between(0, database.headOf(conv) + 2) },
          ignore,
        );
      case 'typing': {
        const op = random.chance(0.7) ? 'typing.start' : 'typing.stop';
        return random.chance(0.5) ? device.say({ op, conv }) : void device.ask({ op, conv }, ignore);
      }
      case 'ping':
        return void device.ask({ op: 'ping' }, ignore);
      case 'subscribe':
        return device.subscriptions.want(conv);
      case 'unsubscribe':
        return device.subscriptions.drop(
          random.chance(0.7) ? (device.subscriptions.conversations[0] ?? conv) : conv,
        );
      case 'reauth':
        return void device.ask({ op: 'auth', token: device.host.tokenFor(device.user) }, ignore);
      case 'disconnect':
        return random.chance(0.5) ? device.disconnect() : undefined;
      case 'stall':
        return device.socket?.stopReading(random.next() * (random.chance(0.5) ? 300 : 4000));
    }
  }

  /** Everybody reads their rooms from end to end. */
  readAll(): void {
    const { devices, database } = this.options;
    for (const device of devices) {
      for (const { conv } of this.rooms) {
        if (!database.isMember(conv, device.user)) continue;
        for (let before = database.headOf(conv) + 1; before > 1; before -= 40) {
          this.readPage(device, conv, { before }, 40);
        }
      }
    }
  }

  private readHistory(device: Device, conv: string): void {
    const { random, database } = this.options;
    const seq = random.between(0, database.headOf(conv) + 1);
    const place = random.pick([{}, { before: seq }, { after: seq }, { around: seq }]);
    this.readPage(device, conv, place, random.between(1, 60));
  }

  private readPage(
    device: Device,
    conv: string,
    place: { before?: number; after?: number; around?: number },
    limit: number,
  ): void {
    const headMin = device.host.ackedSeq(conv);
    device.ask({ op: 'history', conv, ...place, limit }, (reply) => {
      if (reply === undefined || !('ack' in reply)) return;
      device.host.totals.pages += 1;
      device.stream.push({ kind: 'page', conv, head: reply.head ?? 0, events: reply.events ?? [], headMin });
    });
  }

  private send(device: Device, room: Room): void {
    const { random } = this.options;
    const size = random.chance(0.03) ? random.between(500, 2500) : random.between(1, 60);
    const text = `${random.chance(0.005) ? badMarker : ''}${'x'.repeat(size)} ${device.name}`;
    const replyTo = random.chance(0.05) ? this.replyTo(room) : undefined;
    const operation = { op: 'send' as const, id: this.id(), conv: room.conv, text };
    this.submit(device, room.conv, replyTo === undefined ? operation : { ...operation, replyTo });
  }

  private replyTo(room: Room): string {
    const { random, database } = this.options;
    const events = database.read({
      conv: room.conv,
      after: 0,
      before: Number.MAX_SAFE_INTEGER,
      limit: 1000,
      last: true,
    });
    return events.length > 0 && random.chance(0.8) ? random.pick(events).id : this.id();
  }

  /** An id that is another's, or one's own from another conversation: a conflict, told without a word more (P3). */
  private steal(device: Device, room: Room): void {
    const { random, sender } = this.options;
    if (sender.acked.length === 0) return this.send(device, room);
    const victim = random.pick(sender.acked.slice(random.chance(0.5) ? -10 : 0));
    const isElsewhere = victim.user === device.user || random.chance(0.5);
    const conv = isElsewhere ? room.conv : victim.conv;
    const { id } = victim.operation;
    // With one's own id in the same conversation it would be a retry, whatever it says.
    if (this.used.has(keyOf(device.user, conv, id))) return this.send(device, room);
    this.submit(device, conv, { op: 'send', id, conv, text: `stolen by ${device.name}` });
  }

  /** The same ids at the same time in rooms of different shards: one of each pair is stored (L11, P3). */
  private cross(device: Device): void {
    const { random, database, shardOf } = this.options;
    const own = this.rooms.filter((room) => database.isMember(room.conv, device.user));
    const [here] = own;
    const there = own.find((room) => here !== undefined && shardOf(room.conv) !== shardOf(here.conv));
    if (here === undefined || there === undefined) return this.repeat();
    const ids = Array.from({ length: random.between(1, 4) }, () => this.id());
    for (const id of ids) this.submit(device, here.conv, { op: 'send', id, conv: here.conv, text: 'here' });
    for (const id of ids.reverse())
      this.submit(device, there.conv, { op: 'send', id, conv: there.conv, text: 'there' });
  }

  private repeat(): void {
    const { random, sender } = this.options;
    if (sender.acked.length > 0) sender.repeat(random.pick(sender.acked));
  }

  private createAny(device: Device): void {
    const { random, users } = this.options;
    if (random.chance(0.3)) return this.createPair(device);
    const id = this.id();
    const type = random.pick(['group', 'channel'] as const);
    const members = users.filter(() => random.chance(0.4));
    if (random.chance(0.05)) members.push(this.somebody(1));
    this.create(device, { op: 'create', id, type, members }, id);
  }

  private createPair(device: Device): void {
    const { random, users } = this.options;
    const other = random.pick(users.filter((user) => user !== device.user));
    const conv = directConversationId(device.user, other);
    this.create(device, { op: 'create', id: this.id(), type: 'direct', members: [other] }, conv);
  }

  private create(
    device: Device,
    operation: Unreferenced<Extract<DurableOperation, { op: 'create' }>>,
    conv: string,
  ): void {
    if (!this.rooms.some((room) => room.conv === conv)) this.rooms.push({ conv, type: operation.type });
    this.submit(device, conv, operation);
  }

  /** What one does with an id is noted: nobody uses it for something else in the same conversation. */
  submit(device: Device, conv: string, operation: Durable['operation']): Durable {
    this.used.add(keyOf(device.user, conv, operation.id));
    const durable: Durable = { user: device.user, conv, operation, state: 'open' };
    this.options.sender.submit(durable, device);
    return durable;
  }

  /** Mostly one where the user is a member; now and then none of theirs. */
  private roomFor(device: Device): Room {
    const { random, database } = this.options;
    const own = this.rooms.filter((room) => database.isMember(room.conv, device.user));
    // Half of what happens is in one room, so that its window and its memory of ids run over.
    return random.pick(own.length > 0 && random.chance(0.9) ? own.slice(0, random.pick([1, 6])) : this.rooms);
  }

  private somebody(strangerChance: number): string {
    const { random, users, now } = this.options;
    return random.chance(strangerChance) ? random.uuid(now()) : random.pick(users);
  }

  private id(): string {
    const { random, now } = this.options;
    if (random.chance(0.01)) return random.uuid(now() + random.pick([-400 * day, -2 * day, 3_600_000]));
    // Clocks differ by minutes, and phones sleep over what they were asked to send.
    return random.uuid(
      now() + random.between(-60_000, 60_000) - (random.chance(0.05) ? random.between(0, day / 2) : 0),
    );
  }

  private idOn(shard: number): string {
    for (;;) {
      const id = this.options.random.uuid(this.options.now());
      if (this.options.shardOf(id) === shard) return id;
    }
  }
}

function keyOf(user: string, conv: string, id: string): string {
  return `${user} ${conv} ${id}`;
}
