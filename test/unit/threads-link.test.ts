import { MessageChannel } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { createLink, type Link, type LinkLimits } from '#src/threads/link.js';
import { createSimulatedChannel, type SimulatedPort } from '#test/support/sim-channel.js';
import { createSimulation, type Simulation } from '#test/support/sim-clock.js';

interface Pair {
  readonly simulation: Simulation;
  readonly sender: Link<number, string>;
  readonly receiver: Link<string, number>;
  readonly ports: [SimulatedPort, SimulatedPort];
}

function createPair(limits: Partial<LinkLimits> = {}, seed = 1): Pair {
  const simulation = createSimulation(seed);
  const ports = createSimulatedChannel(simulation, { delayMsMax: 5 });
  const [one, two] = [simulation.thread().ports, simulation.thread().ports];
  const sender = createLink<number, string>({ port: ports[0], turns: one.turns, limits });
  const receiver = createLink<string, number>({ port: ports[1], turns: two.turns, limits });
  return { simulation, sender, receiver, ports };
}

describe('link', () => {
  test('A8 the posts of a turn arrive as one array, in order', () => {
    const { simulation, sender, receiver } = createPair();
    const heard: number[][] = [];
    receiver.onMessages((messages) => void heard.push(messages));
    for (const message of [1, 2, 3]) sender.post(message);
    simulation.schedule(1, () => {
      for (const message of [4, 5]) sender.post(message);
    });
    simulation.run();
    expect(heard).toEqual([
      [1, 2, 3],
      [4, 5],
    ]);
    expect(sender.counters()).toMatchObject({ posted: 5, packets: 2, refused: 0 });
    expect(receiver.counters()).toMatchObject({ received: 5 });
  });

  test('A8 what came before there was a handler is not lost', () => {
    const { simulation, sender, receiver } = createPair();
    sender.post(1);
    simulation.run();
    const heard: number[] = [];
    receiver.onMessages((messages) => void heard.push(...messages));
    sender.post(2);
    simulation.run();
    expect(heard).toEqual([1, 2]);
    expect(() => receiver.onMessages(() => {})).toThrow('one handler');
  });

  test('A9 a sender without credits is refused at once, and told when there are some again', () => {
    const { simulation, sender, receiver } = createPair({ creditItemsMax: 4 });
    const heard: number[] = [];
    let credits = 0;
    sender.onCredit(() => {
      credits += 1;
    });
    expect([1, 2, 3, 4, 5].map((message) => sender.post(message))).toEqual([true, true, true, true, false]);
    // Nobody has processed anything: no credits come back.
    simulation.run();
    expect({ credits, posts: sender.post(6), refused: sender.counters().refused }).toEqual({
      credits: 0,
      posts: false,
      refused: 2,
    });
    receiver.onMessages((messages) => void heard.push(...messages));
    simulation.run();
    expect({ heard, credits, inFlight: sender.counters().itemsInFlight }).toEqual({
      heard: [1, 2, 3, 4],
      credits: 1,
      inFlight: 0,
    });
    expect(sender.post(7)).toBe(true);
  });

  test('A9 credits count bytes as well; one message larger than all of them passes', () => {
    const { simulation, sender, receiver } = createPair({ creditBytesMax: 1000 });
    const heard: number[] = [];
    receiver.onMessages((messages) => void heard.push(...messages));
    expect([sender.post(1, 600), sender.post(2, 600), sender.post(3, 1)]).toEqual([true, true, false]);
    simulation.run();
    expect([sender.post(4, 5000), sender.post(5, 1)]).toEqual([true, false]);
    simulation.run();
    expect(heard).toEqual([1, 2, 4]);
    expect(sender.post(6, 1)).toBe(true);
  });

  test('A9 messages are weighed when their sender does not say', () => {
    const simulation = createSimulation(1);
    const [port] = createSimulatedChannel(simulation);
    const limits = { creditBytesMax: 100 };
    const link = createLink<string, never>({
      port,
      turns: simulation.ports.turns,
      limits,
      weigh: (m) => m.length,
    });
    expect([link.post('x'.repeat(99)), link.post('x'), link.post('x')]).toEqual([true, true, false]);
  });

  test('A9 postOrQueue waits for credits up to its bound, in order, and post does not overtake', () => {
    const { simulation, sender, receiver } = createPair({ creditItemsMax: 2, queueBytesMax: 30 });
    const heard: number[] = [];
    let credits = 0;
    sender.onCredit(() => {
      credits += 1;
      sender.post(100);
    });
    const results = [1, 2, 3, 4, 5, 6].map((message) => sender.postOrQueue(message, 10));
    expect(results).toEqual([true, true, true, true, true, false]);
    expect(sender.post(7)).toBe(false);
    sender.postAlways(8, 10);
    expect(sender.counters()).toMatchObject({
      queuedItems: 4,
      queuedBytes: 40,
      itemsInFlight: 2,
      refused: 2,
    });
    receiver.onMessages((messages) => void heard.push(...messages));
    simulation.run();
    expect(heard).toEqual([1, 2, 3, 4, 5, 8, 100]);
    expect(credits).toBe(1);
    expect(sender.counters()).toMatchObject({ queuedItems: 0, queuedBytes: 0 });
  });

  test('A9 grants are gathered: a flood costs few arrays on the way back', () => {
    const { simulation, sender, receiver } = createPair({ creditItemsMax: 100 });
    receiver.onMessages(() => {});
    let next = 0;
    const post = (): void => {
      if (next === 10_000) return;
      sender.post(next);
      next += 1;
      simulation.schedule(0.2, post);
    };
    post();
    simulation.run();
    const { refused, posted } = sender.counters();
    expect(posted + refused).toBe(10_000);
    expect(receiver.counters().packets).toBeLessThan(10_000 / 25 + 2);
  });

  test('A9 credits come back even when the handler throws', () => {
    const simulation = createSimulation(1);
    const ports = createSimulatedChannel(simulation);
    const { turns } = simulation.ports;
    const limits = { creditItemsMax: 1 };
    const sender = createLink<number, never>({ port: ports[0], turns, limits });
    const receiver = createLink<never, number>({ port: ports[1], turns, limits });
    receiver.onMessages(() => {
      throw new Error('planted');
    });
    sender.post(1);
    expect(() => simulation.run()).toThrow('planted');
    simulation.run();
    expect(sender.counters().itemsInFlight).toBe(0);
  });

  test('close posts what is gathered; afterwards everything is refused on both sides', () => {
    const { simulation, sender, receiver } = createPair();
    const heard: number[] = [];
    let gone = 0;
    receiver.onMessages((messages) => void heard.push(...messages));
    receiver.onGone(() => {
      gone += 1;
    });
    sender.post(1);
    sender.close();
    sender.close();
    expect([sender.post(2), sender.postOrQueue(3)]).toEqual([false, false]);
    sender.postAlways(4);
    simulation.run();
    expect({ heard, gone }).toEqual({ heard: [1], gone: 1 });
    expect([receiver.post('a'), receiver.postOrQueue('b')]).toEqual([false, false]);
    receiver.onGone(() => {
      gone += 1;
    });
    expect(gone).toBe(2);
  });

  test('a peer that dies is noticed, and what waited for it is dropped', () => {
    const { simulation, sender, ports } = createPair({ creditItemsMax: 1 });
    let gone = 0;
    sender.onGone(() => {
      gone += 1;
    });
    sender.post(1);
    sender.postOrQueue(2);
    ports[1].die();
    simulation.run();
    expect(gone).toBe(1);
    expect(sender.counters().queuedItems).toBe(0);
    expect(sender.post(3)).toBe(false);
  });
});

test('A8 A9 whatever the interleaving: accepted messages arrive once and in order, credits are never exceeded and all come back', () => {
  const totals = { accepted: 0, refused: 0, queued: 0, credits: 0 };
  const step = fc.record({
    way: fc.constantFrom('post', 'postOrQueue', 'postAlways'),
    bytes: fc.integer({ min: 1, max: 400 }),
    pause: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, fc.integer({ min: 0, max: 20 })),
  });
  const limits = fc.record({
    creditItemsMax: fc.integer({ min: 1, max: 10 }),
    creditBytesMax: fc.integer({ min: 1, max: 2000 }),
    queueBytesMax: fc.integer({ min: 0, max: 2000 }),
  });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 150, size: 'max' }),
      fc.array(step, { maxLength: 150, size: 'max' }),
      limits,
      fc.integer(),
      (there, back, bounds, seed) => {
        const { simulation, sender, receiver } = createPair(bounds, seed);
        const scripts = [
          {
            link: sender as Link<unknown, unknown>,
            script: there,
            accepted: [] as number[],
            heard: [] as unknown[],
          },
          {
            link: receiver as Link<unknown, unknown>,
            script: back,
            accepted: [] as number[],
            heard: [] as unknown[],
          },
        ];
        for (const [index, { link, script, accepted }] of scripts.entries()) {
          const other = scripts[1 - index];
          link.onMessages((messages) => void other?.heard.push(...messages));
          link.onCredit(() => {
            totals.credits += 1;
          });
          let at = 0;
          script.forEach(({ way, bytes, pause }, number) => {
            at += pause;
            simulation.schedule(at, () => {
              const isAccepted = way === 'postAlways' || link[way](number, bytes);
              if (way === 'postAlways') link.postAlways(number, bytes);
              if (isAccepted) accepted.push(number);
              else totals.refused += 1;
              const { itemsInFlight, queuedItems } = link.counters();
              expect(itemsInFlight).toBeLessThanOrEqual(bounds.creditItemsMax);
              if (queuedItems > 0) totals.queued += 1;
            });
          });
        }
        simulation.run();
        for (const { link, accepted, heard } of scripts) {
          totals.accepted += accepted.length;
          expect(heard).toEqual(accepted);
          const { itemsInFlight, queuedItems, queuedBytes } = link.counters();
          expect({ queuedItems, queuedBytes }).toEqual({ queuedItems: 0, queuedBytes: 0 });
          // Less than a quarter may stay owed, until there is more.
          expect(itemsInFlight).toBeLessThan(Math.max(1, bounds.creditItemsMax / 4));
        }
      },
    ),
    { numRuns: 150 },
  );
  for (const [name, count] of Object.entries(totals)) expect(count, name).toBeGreaterThan(0);
});

test('A8 A9 over a real MessageChannel: in order, refused without credits, the peer’s end is noticed', async () => {
  const { port1, port2 } = new MessageChannel();
  const { turns } = nodeRuntimePorts();
  const limits = { creditItemsMax: 100 };
  const sender = createLink<number, number>({ port: port1, turns, limits });
  const receiver = createLink<number, number>({ port: port2, turns, limits });
  const heard: number[] = [];
  const total = 5_000;
  await new Promise<void>((resolve) => {
    receiver.onMessages((messages) => {
      heard.push(...messages);
      if (heard.length === total) resolve();
    });
    let next = 0;
    const post = (): void => {
      while (next < total && sender.post(next)) next += 1;
    };
    sender.onCredit(post);
    post();
  });
  expect(heard.every((value, index) => value === index)).toBe(true);
  expect(sender.counters().refused).toBeGreaterThan(10);
  const gone = new Promise<void>((resolve) => receiver.onGone(resolve));
  sender.close();
  await gone;
  expect(receiver.post(1)).toBe(false);
});
