import { describe, expect, test } from 'vitest';
import type { RuntimePorts } from '#src/runtime/ports.js';
import { createActorSystem } from '#src/runtime/system.js';
import { createActorWorld } from '#test/support/actors.js';

describe('turns', () => {
  test('A3 a full mailbox keeps nobody else waiting for more than one turn', () => {
    const world = createActorWorld();
    const heard: string[] = [];
    world.add('k', { create: ({ id }) => ({ receive: () => void heard.push(id) }) });
    for (let count = 0; count < 1000; count += 1) world.system.tell('k/busy', count);
    world.system.tell('k/quiet', 1);
    world.simulation.run({ maxEvents: 10 });
    expect(heard.indexOf('quiet')).toBe(64);
    expect(heard.length).toBe(1001);
  });

  test('A3 an actor that always has something to tell itself keeps nobody waiting', () => {
    const world = createActorWorld();
    let own = 0;
    let heard = 0;
    world.add('loop', {
      create: (context) => ({
        receive() {
          own += 1;
          context.tellSelf('again');
        },
      }),
    });
    world.add('k', {
      create: () => ({
        receive: () => {
          heard += 1;
        },
      }),
    });
    world.system.tell('loop/a', 'start');
    for (let count = 0; count < 100; count += 1) world.system.tell(`k/${count}`, 1);
    let otherEvents = 0;
    for (let count = 0; count < 20; count += 1)
      world.simulation.schedule(0, () => {
        otherEvents += 1;
      });
    const { isIdle } = world.simulation.run({ maxEvents: 40 });
    expect({ heard, otherEvents, isIdle }).toEqual({ heard: 100, otherEvents: 20, isIdle: false });
    expect(own).toBeGreaterThan(1000);
  });

  test('A3 a turn of the thread ends after its share of messages', () => {
    const world = createActorWorld({ turn: { threadItemsMax: 100 } });
    let heard = 0;
    world.add('k', {
      create: () => ({
        receive: () => {
          heard += 1;
        },
      }),
    });
    for (let count = 0; count < 500; count += 1) world.system.tell(`k/${count}`, count);
    const perTurn: number[] = [];
    while (!world.simulation.run({ maxEvents: 1 }).isIdle) perTurn.push(heard);
    expect(perTurn).toEqual([100, 200, 300, 400]);
    expect(heard).toBe(500);
  });

  test('A3 a turn of the thread ends after its share of time', () => {
    const soon: Array<() => void> = [];
    let now = 0;
    const ports: RuntimePorts = {
      clock: { now: () => now },
      timers: { after: () => () => {} },
      random: { next: () => 0.5 },
      turns: { soon: (run) => void soon.push(run) },
    };
    const system = createActorSystem({ ports });
    let heard = 0;
    system.register('slow', {
      create: () => ({
        receive() {
          heard += 1;
          now += 2;
        },
      }),
      mailboxItemsMax: 10,
      mailboxBytesMax: 10_000,
      onUndelivered: () => {},
    });
    for (let count = 0; count < 10; count += 1) system.tell(`slow/${count}`, 1);
    expect(soon.length).toBe(1);
    soon.shift()?.();
    expect({ heard, waiting: soon.length }).toEqual({ heard: 3, waiting: 1 });
  });

  test('A3 endTurn comes once after the messages of a turn', () => {
    const world = createActorWorld();
    const log: string[] = [];
    world.add('k', {
      create: () => ({
        receive: (message) => void log.push(String(message)),
        endTurn: () => void log.push('end'),
      }),
      turnItemsMax: 3,
    });
    for (const message of [1, 2, 3, 4, 5]) world.system.tell('k/a', message);
    world.simulation.run({ maxEvents: 10 });
    expect(log).toEqual(['1', '2', '3', 'end', '4', '5', 'end']);
    world.system.tell('k/a', 6);
    world.simulation.run({ maxEvents: 10 });
    expect(log.slice(-2)).toEqual(['6', 'end']);
  });

  test('A3 messages told within a turn are taken in the same one, in the order of telling', () => {
    const world = createActorWorld();
    const log: string[] = [];
    world.add('from', {
      create: ({ id }) => ({
        receive(message) {
          world.system.tell('to/x', `${id}${String(message)}`);
        },
      }),
    });
    world.add('to', {
      create: () => ({
        receive: (message) => void log.push(String(message)),
        endTurn: () => void log.push('end'),
      }),
    });
    for (const message of [1, 2]) for (const id of ['a', 'b']) world.system.tell(`from/${id}`, message);
    expect(world.simulation.run().events).toBe(1);
    expect(log).toEqual(['a1', 'a2', 'b1', 'b2', 'end']);
  });
});
