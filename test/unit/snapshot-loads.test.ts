/** Loads through snapshots: whatever was kept, of whatever log, a conversation is loaded as without it. */
import fc from 'fast-check';
import { uuidv7 } from 'uuidv7';
import { expect, test } from 'vitest';
import { Active } from '#actors/conversation/active.js';
import { Answered } from '#actors/conversation/answered.js';
import { type ConversationState, stateOf } from '#actors/conversation/state.js';
import { changeOfMoment, momentOfFields, snapshotBytesMax } from '#src/entities/snapshots.js';
import { Rates } from '#src/rates.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { nothing as nothingStands } from '#src/storage/facts.js';
import { MemoryMirror } from '#src/storage/memory/mirror.js';
import type { ConversationMoment, ConversationSnapshot } from '#src/storage/ports.js';
import type { Tier } from '#src/storage/tiers/ports.js';
import { SnapshotLoads } from '#src/storage/tiers/snapshot-loads.js';
import type { LogEvent } from '#src/wire/events.js';
import { Script } from '#test/support/log-events.js';
import { SimDatabase } from '#test/support/sim-database.js';

const ports = nodeRuntimePorts();
const people = Array.from({ length: 5 }, () => uuidv7());

type Step =
  | { do: 'message' | 'join' | 'leave' | 'add' | 'remove'; who: number }
  /** It leaves memory; a tier that is not told in time keeps what it had. */
  | { do: 'passivate' }
  /** The database as it was so many events ago; people go on from there. */
  | { do: 'restore'; back: number }
  | { do: 'load' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constantFrom(
        'message' as const,
        'join' as const,
        'leave' as const,
        'add' as const,
        'remove' as const,
      ),
      who: fc.nat({ max: people.length - 1 }),
    }),
  },
  { weight: 2, arbitrary: fc.constant({ do: 'passivate' as const }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restore' as const), back: fc.nat({ max: 30 }) }) },
  { weight: 3, arbitrary: fc.constant({ do: 'load' as const }) },
);

/** A log of one conversation, and loads of it with and without snapshots. */
class Room {
  readonly tier = new MemoryMirror({ limitBytes: 1_000_000, turns: ports.turns });
  readonly results: string[] = [];
  events: LogEvent[] = [];
  private script = new Script({ conv: uuidv7(), owner: people[0] ?? '' });
  private database = new SimDatabase({ now: () => 0 });

  constructor() {
    this.write(this.script.create(people.slice(1, 3), 'group', 'a title'));
  }

  async take({ do: what, ...rest }: Step): Promise<void> {
    const who = people['who' in rest ? rest.who : 0] ?? '';
    switch (what) {
      case 'message':
        return this.write(this.script.message('hello'));
      case 'join':
      case 'leave':
      case 'add':
      case 'remove':
        return this.write(this.script[what](who));
      case 'passivate':
        return this.loads.keep(momentOf(this.database.load(this.script.conv)));
      case 'restore':
        return this.restore('back' in rest ? rest.back : 0);
      case 'load':
        return this.compare();
    }
  }

  async compare(): Promise<void> {
    const whole = this.database.load(this.script.conv);
    expect(withoutOrder(await this.load())).toEqual(withoutOrder(whole));
  }

  private readonly loads = new SnapshotLoads({
    store: {
      load: (conv, done) => setImmediate(() => done({ kind: 'loaded', snapshot: this.database.load(conv) })),
      loadTail: (conv, done) => {
        const { head, recent } = this.database.load(conv);
        setImmediate(done, { kind: 'tail', tail: { head, recent } });
      },
    },
    ...{ tier: this.tier, clock: ports.clock, timers: ports.timers },
    onLoad: (result) => void this.results.push(result),
  });

  private load(): Promise<ConversationSnapshot> {
    return new Promise((resolve, reject) =>
      this.loads.load(this.script.conv, (result) =>
        result.kind === 'loaded' ? resolve(result.snapshot) : reject(new Error(result.message)),
      ),
    );
  }

  private write(event: LogEvent): void {
    this.events.push(event);
    this.database.commit(this.database.begin(0), [event]);
  }

  private restore(back: number): void {
    const { conv, owner } = this.script;
    const events = this.events.slice(0, Math.max(1, this.events.length - back));
    this.database = new SimDatabase({ now: () => 0 });
    this.events = [];
    for (const event of events) this.write(event);
    this.script = new Script({ conv, owner });
    this.script.seq = events.length;
    this.script.number = events.at(-1)?.number ?? 0;
  }
}

/** As the actor gives it when it leaves memory. */
function momentOf(snapshot: ConversationSnapshot): ConversationMoment {
  const moments: ConversationMoment[] = [];
  const state: ConversationState = stateOf(snapshot);
  const nothing = () => {};
  const active = new Active(
    { address: 'conversation/c', id: 'c', crashes: 0, tellSelf: nothing },
    {
      ...{ clock: ports.clock, timers: ports.timers },
      ...{
        post: nothing,
        notify: nothing,
        hide: nothing,
        tellWriter: nothing,
        receiptsMembersMax: 100,
        receiptMarksMax: 8,
      },
      store: {
        ...{ read: nothing, unknownUsers: nothing, withoutReceipts: nothing, targets: nothing },
        ...{ setBlock: nothing },
        ...{ changed: nothing, parents: nothing, attachments: nothing },
      },
      publisher: {
        subscribe: nothing,
        lastSeq: () => 0,
        publish: nothing,
        missed: nothing,
        ephemeral: nothing,
      },
      answered: new Answered(ports.clock, nothing),
      rates: new Rates(
        { standard: { perSecond: 1, burst: 1 }, high: { perSecond: 1, burst: 1 } },
        ports.clock,
      ),
      handOver: (moment) => void moments.push(moment),
    },
    state,
  );
  active.handOver();
  if (moments[0] === undefined) throw new Error('nothing was handed over');
  return moments[0];
}

function withoutOrder({ members, ...rest }: ConversationSnapshot) {
  return { ...rest, members: members.map(({ user, role }) => `${user} ${role}`).sort() };
}

test('a load through snapshots is a load without them, whatever happened to the log', async () => {
  const results = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120, size: 'max' }), async (steps) => {
      const room = new Room();
      for (const each of steps) await room.take(each);
      await room.compare();
      for (const result of room.results) results.set(result, (results.get(result) ?? 0) + 1);
    }),
    { numRuns: 300 },
  );
  for (const result of ['hit', 'miss', 'unusable'])
    expect(results.get(result) ?? 0, result).toBeGreaterThan(20);
});

test('a snapshot counts while the end of the log reaches back to its last event, and no longer', async () => {
  const room = new Room();
  await room.take({ do: 'passivate' });
  for (let count = 0; count < 23; count += 1) await room.take({ do: 'message', who: 0 });
  await room.take({ do: 'load' });
  await room.take({ do: 'add', who: 4 });
  await room.take({ do: 'load' });
  expect(room.results).toEqual(['hit', 'unusable']);
});

test('a snapshot of a log that was restored and went on otherwise is not used, though the head is beyond it', async () => {
  const room = new Room();
  for (const who of [3, 4, 3]) await room.take({ do: 'add', who });
  await room.take({ do: 'passivate' });
  await room.take({ do: 'restore', back: 3 });
  await room.take({ do: 'load' });
  for (let count = 0; count < 6; count += 1) await room.take({ do: 'message', who: 0 });
  await room.take({ do: 'load' });
  await room.take({ do: 'passivate' });
  await room.take({ do: 'load' });
  expect(room.results).toEqual(['unusable', 'unusable', 'hit']);
});

test('a tier that fails or stands still is not waited for long, and then left alone', async () => {
  const results: string[] = [];
  let asked = 0;
  const frozen: Tier = {
    name: 'redis',
    ...{ events: () => {}, fill: () => {} },
    get: () => {
      asked += 1;
    },
  };
  const snapshot = new SimDatabase({ now: () => 0 }).load('none');
  const loads = new SnapshotLoads({
    store: {
      load: (_conv, done) => setImmediate(done, { kind: 'loaded', snapshot }),
      loadTail: () => {
        throw new Error('nothing was found that a tail could be added to');
      },
    },
    ...{ tier: frozen, clock: ports.clock, timers: ports.timers },
    onLoad: (result) => void results.push(result),
  });
  const load = () => new Promise((resolve) => loads.load('none', resolve));
  const begun = performance.now();
  expect(await load()).toEqual({ kind: 'loaded', snapshot });
  expect(await load()).toEqual({ kind: 'loaded', snapshot });
  const ms = performance.now() - begun;
  expect(ms).toBeGreaterThan(200);
  // How often it was waited for is in `asked`: a busy machine may add to once.
  expect(ms).toBeLessThan(2_000);
  expect({ asked, results }).toEqual({ asked: 1, results: ['failed'] });
});

const moment = (users: readonly string[]): ConversationMoment => ({
  info: { conv: uuidv7(), type: 'channel', creator: users[0] ?? '', state: 'active', createdAt: 1 },
  last: { seq: 7, number: 3, id: uuidv7(), at: 5 },
  members: users.map((user, index) => ({ user, role: index === 0 ? 'owner' : 'member' })),
  standing: nothingStands,
});

test('a snapshot of ten thousand members is kept, one that is too large or names what is no UUID is not', () => {
  const many = Array.from({ length: 10_000 }, () => uuidv7());
  const large = moment(many);
  expect(momentOfFields(changeOfMoment(large)?.fields ?? {})).toEqual(large);
  const packed = Buffer.byteLength(JSON.stringify(changeOfMoment(large)?.fields));
  expect(packed).toBeLessThan(snapshotBytesMax);
  expect(changeOfMoment(moment([...many, ...many]))).toBeUndefined();
  for (const wrong of ['olga', many[0]?.toUpperCase() ?? '', `${many[0]?.slice(1)}-`, ''])
    expect(changeOfMoment(moment([wrong]))).toBeUndefined();
});
