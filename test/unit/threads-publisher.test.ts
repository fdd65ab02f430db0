import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLink, type Link, type LinkLimits } from '#src/threads/link.js';
import type { ToFront, ToShard } from '#src/threads/messages.js';
import { createPublisher, type Publisher } from '#src/threads/publisher.js';
import type { LogEvent } from '#src/wire/events.js';
import { createSimulatedChannel } from '#test/support/sim-channel.js';
import { createSimulation, type Simulation } from '#test/support/sim-clock.js';

function eventsOf(conv: string, from: number, to: number): LogEvent[] {
  return Array.from({ length: to - from + 1 }, (_, index) => {
    const seq = from + index;
    return {
      ev: 'message.new',
      conv,
      seq,
      number: seq,
      id: `${conv}-${seq}`,
      from: 'u',
      at: 1,
      text: 'hello',
    };
  });
}

interface World {
  readonly simulation: Simulation;
  readonly publisher: Publisher;
  readonly heard: Map<number, ToFront[]>;
  readonly links: Map<number, Link<ToFront, ToShard>>;
  /** Starts a front: from `startListening` on it processes what comes. */
  start(front: number): { startListening(): void };
}

function createWorld(limits: Partial<LinkLimits> = {}, seed = 1): World {
  const simulation = createSimulation(seed);
  const links: World['links'] = new Map();
  const heard: World['heard'] = new Map();
  const shard = simulation.thread().ports;
  const publisher = createPublisher({ posts: (front) => links.get(front) });
  return {
    simulation,
    publisher,
    heard,
    links,
    start(front) {
      const [one, two] = createSimulatedChannel(simulation, { delayMsMax: 5 });
      links.set(front, createLink<ToFront, ToShard>({ port: one, turns: shard.turns, limits }));
      const there = createLink<ToShard, ToFront>({
        port: two,
        turns: simulation.thread().ports.turns,
        limits,
      });
      const messages: ToFront[] = [];
      heard.set(front, messages);
      return { startListening: () => there.onMessages((arrived) => void messages.push(...arrived)) };
    },
  };
}

/** The seqs of one conversation as a front hears them: numbers of events, `…n` for missed up to n. */
function story(messages: readonly ToFront[], conv: string): Array<number | string> {
  return messages.flatMap((message): Array<number | string> => {
    if (message.kind === 'publish' && message.conv === conv) return message.events.map((event) => event.seq);
    return message.kind === 'missed' && message.conv === conv ? [`…${message.head}`] : [];
  });
}

describe('publisher', () => {
  test('P6 events go once to every interested front, from its subscription on', () => {
    const world = createWorld();
    for (const front of [0, 1, 2]) world.start(front).startListening();
    world.publisher.subscribe(0, 'c', 4);
    world.publisher.publish('c', eventsOf('c', 5, 6));
    world.publisher.subscribe(1, 'c', 6);
    world.publisher.subscribe(1, 'c', 6);
    world.publisher.publish('c', eventsOf('c', 7, 7));
    world.publisher.publish('other', eventsOf('other', 1, 1));
    world.simulation.run();
    expect(story(world.heard.get(0) ?? [], 'c')).toEqual([5, 6, 7]);
    expect(story(world.heard.get(1) ?? [], 'c')).toEqual([7]);
    expect(world.heard.get(2)).toEqual([]);
    expect(world.heard.get(0)?.length).toBe(2);
  });

  test('P6 lastSeq says where to go on after a crash, and nothing when nobody listens', () => {
    const { publisher } = createWorld();
    expect(publisher.lastSeq('c')).toBeUndefined();
    publisher.publish('c', eventsOf('c', 1, 3));
    expect(publisher.lastSeq('c')).toBeUndefined();
    publisher.subscribe(0, 'c', 3);
    expect(publisher.lastSeq('c')).toBe(3);
    publisher.publish('c', eventsOf('c', 4, 5));
    expect(publisher.lastSeq('c')).toBe(5);
    publisher.subscribe(1, 'c', 5);
    publisher.unregister(0, 'c');
    publisher.unregister(0, 'c');
    expect(publisher.lastSeq('c')).toBe(5);
    publisher.unregister(1, 'c');
    expect(publisher.lastSeq('c')).toBeUndefined();
    expect(publisher.counters()).toMatchObject({ conversations: 0 });
  });

  test('P6 what was published is left out, a hole throws before anything is posted', () => {
    const world = createWorld();
    world.start(0).startListening();
    const { publisher } = world;
    publisher.subscribe(0, 'c', 0);
    publisher.publish('c', eventsOf('c', 1, 3));
    publisher.publish('c', eventsOf('c', 2, 4));
    publisher.publish('c', eventsOf('c', 1, 4));
    expect(() => publisher.publish('c', eventsOf('c', 6, 7))).toThrow('6 published where 5 was next');
    const withHole = [...eventsOf('c', 5, 5), ...eventsOf('c', 7, 7)];
    expect(() => publisher.publish('c', withHole)).toThrow('7 published where 6 was next');
    expect(publisher.lastSeq('c')).toBe(4);
    publisher.publish('c', eventsOf('c', 5, 5));
    world.simulation.run();
    expect(story(world.heard.get(0) ?? [], 'c')).toEqual([1, 2, 3, 4, 5]);
  });

  test('P6 missed tells every front, and publishing goes on behind it', () => {
    const world = createWorld();
    for (const front of [0, 1]) world.start(front).startListening();
    const { publisher } = world;
    publisher.subscribe(0, 'c', 2);
    publisher.subscribe(1, 'c', 2);
    publisher.missed('c', 1000);
    publisher.missed('c', 900);
    publisher.missed('nobody', 5);
    publisher.publish('c', eventsOf('c', 1001, 1001));
    world.simulation.run();
    for (const front of [0, 1]) expect(story(world.heard.get(front) ?? [], 'c')).toEqual(['…1000', 1001]);
  });

  test('P6 a subscription at a later head tells the others what they lack; one at an earlier head is a bug', () => {
    const world = createWorld();
    for (const front of [0, 1]) world.start(front).startListening();
    world.publisher.subscribe(0, 'c', 2);
    world.publisher.subscribe(1, 'c', 5);
    expect(() => world.publisher.subscribe(1, 'c', 4)).toThrow('published up to 5');
    world.publisher.subscribe(1, 'c', 6);
    world.simulation.run();
    expect(story(world.heard.get(0) ?? [], 'c')).toEqual(['…5', '…6']);
    expect(story(world.heard.get(1) ?? [], 'c')).toEqual(['…6']);
  });

  test('P6 a front without room is told what it missed once it has room, others are untouched', () => {
    const world = createWorld({ creditItemsMax: 2, queueBytesMax: 1500 });
    const slow = world.start(0);
    world.start(1).startListening();
    const { publisher, simulation } = world;
    for (const front of [0, 1]) for (const conv of ['c', 'd', 'e']) publisher.subscribe(front, conv, 0);
    for (let seq = 1; seq <= 10; seq += 1) {
      simulation.schedule(seq * 100, () => {
        for (const conv of ['c', 'd']) publisher.publish(conv, eventsOf(conv, seq, seq));
      });
    }
    simulation.run();
    expect(publisher.counters()).toMatchObject({ lagging: 2, missedTold: 0 });
    expect(story(world.heard.get(1) ?? [], 'c')).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    slow.startListening();
    simulation.run();
    publisher.publish('c', eventsOf('c', 11, 11));
    publisher.publish('e', eventsOf('e', 1, 1));
    simulation.run();
    const heard = world.heard.get(0) ?? [];
    expect(story(heard, 'c')).toEqual([1, 2, '…10', 11]);
    expect(story(heard, 'd')).toEqual([1, 2, '…10']);
    expect(story(heard, 'e')).toEqual([1]);
    expect(publisher.counters()).toMatchObject({ lagging: 0, missedTold: 2 });
  });

  test('G7 who lost the conversation while a front lagged is named with what it missed, and who came back is not', () => {
    const world = createWorld({ creditItemsMax: 1, queueBytesMax: 0 });
    const slow = world.start(0);
    const { publisher, simulation } = world;
    publisher.subscribe(0, 'c', 0);
    const [first] = eventsOf('c', 1, 1);
    const member = (seq: number, ev: 'member.ban' | 'member.add' | 'member.remove', user: string) =>
      [{ ...first, ev, seq, user }] as unknown as LogEvent[];
    publisher.publish('c', eventsOf('c', 1, 1));
    publisher.publish('c', member(2, 'member.ban', 'mia'));
    publisher.publish('c', member(3, 'member.remove', 'nils'));
    publisher.publish('c', member(4, 'member.add', 'nils'));
    publisher.publish('c', [{ ...first, ev: 'member.leave', seq: 5, from: 'olga' }] as unknown as LogEvent[]);
    slow.startListening();
    simulation.run();
    expect(world.heard.get(0)?.at(-1)).toEqual({ kind: 'missed', conv: 'c', head: 5, gone: ['mia', 'olga'] });
  });

  test('P8 ephemeral events are shed when there is no room, and never wait', () => {
    const world = createWorld({ creditItemsMax: 1 });
    const front = world.start(0);
    const event = { ev: 'typing.start', conv: 'c', from: 'u' } as const;
    world.publisher.ephemeral('c', event, 5);
    world.publisher.subscribe(0, 'c', 0);
    world.publisher.ephemeral('c', event, 6);
    world.publisher.ephemeral('c', event, 7);
    front.startListening();
    world.simulation.run();
    expect(world.heard.get(0)).toEqual([{ kind: 'ephemeral', conv: 'c', event, at: 6 }]);
    expect(world.publisher.counters().ephemeralShed).toBe(1);
  });

  test('P6 a front that is gone takes its interests with it; its successor starts anew', () => {
    const world = createWorld({ creditItemsMax: 1, queueBytesMax: 0 });
    const first = world.start(0);
    world.start(1).startListening();
    const { publisher, simulation } = world;
    for (const conv of ['c', 'd']) publisher.subscribe(0, conv, 0);
    publisher.subscribe(1, 'c', 0);
    publisher.publish('c', eventsOf('c', 1, 1));
    publisher.publish('c', eventsOf('c', 2, 2));
    simulation.run();
    expect(publisher.counters().lagging).toBe(1);
    publisher.frontGone(0);
    expect([publisher.lastSeq('c'), publisher.lastSeq('d')]).toEqual([2, undefined]);
    const old = world.heard.get(0);
    world.start(0).startListening();
    publisher.subscribe(0, 'c', 2);
    publisher.publish('c', eventsOf('c', 3, 3));
    simulation.run();
    first.startListening();
    simulation.run();
    expect(story(world.heard.get(0) ?? [], 'c')).toEqual([3]);
    expect(story(old ?? [], 'c')).toEqual([1]);
    expect(story(world.heard.get(1) ?? [], 'c').at(-1)).toBe(3);
  });
});

test('P6 whatever is slow: each front hears every seq of its conversations once and in order, or is told what it missed', () => {
  const totals = { events: 0, missed: 0 };
  const step = fc.record({
    conv: fc.constantFrom('c', 'd', 'e'),
    count: fc.integer({ min: 1, max: 5 }),
    pauseMs: fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 10 })),
  });
  const scenario = fc.record({
    steps: fc.array(step, { maxLength: 100, size: 'max' }),
    creditItemsMax: fc.integer({ min: 1, max: 8 }),
    queueBytesMax: fc.integer({ min: 0, max: 6000 }),
    listenAtMs: fc.integer({ min: 0, max: 200 }),
    seed: fc.integer(),
  });
  fc.assert(
    fc.property(scenario, ({ steps, listenAtMs, seed, ...limits }) => {
      const world = createWorld(limits, seed);
      const { publisher, simulation } = world;
      world.start(0).startListening();
      const late = world.start(1);
      simulation.schedule(listenAtMs, () => late.startListening());
      const heads = new Map([...'cde'].map((conv) => [conv, 0]));
      for (const conv of heads.keys()) for (const front of [0, 1]) publisher.subscribe(front, conv, 0);
      let at = 0;
      for (const { conv, count, pauseMs } of steps) {
        at += pauseMs;
        simulation.schedule(at, () => {
          const head = heads.get(conv) ?? 0;
          heads.set(conv, head + count);
          publisher.publish(conv, eventsOf(conv, head + 1, head + count));
        });
      }
      simulation.run();
      for (const front of [0, 1]) {
        for (const [conv, head] of heads) {
          let have = 0;
          for (const item of story(world.heard.get(front) ?? [], conv)) {
            if (typeof item === 'number') {
              expect(item).toBe(have + 1);
              have = item;
              totals.events += 1;
            } else {
              const upTo = Number(item.slice(1));
              expect(upTo).toBeGreaterThan(have);
              have = upTo;
              totals.missed += 1;
            }
          }
          expect(have).toBe(head);
        }
      }
    }),
    { numRuns: 200 },
  );
  for (const [name, count] of Object.entries(totals)) expect(count, name).toBeGreaterThan(0);
});
