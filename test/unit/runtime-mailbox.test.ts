import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { idOf, kindOf } from '#src/runtime/address.js';
import { Queue } from '#src/runtime/queue.js';
import { createActorWorld, recorder } from '#test/support/actors.js';

describe('queue', () => {
  test('behaves as a list through growth, wrapping and emptying', () => {
    const steps = fc.array(fc.oneof({ weight: 3, arbitrary: fc.nat(1000) }, fc.constant('shift' as const)), {
      maxLength: 300,
      size: 'max',
    });
    fc.assert(
      fc.property(steps, (script) => {
        const queue = new Queue<number>();
        const model: number[] = [];
        let bytes = 0;
        for (const step of script) {
          if (step === 'shift') {
            bytes -= model[0] ?? 0;
            expect(queue.shift()).toBe(model.shift());
          } else {
            queue.push(step, step);
            model.push(step);
            bytes += step;
          }
          expect(queue.size).toBe(model.length);
          expect(queue.peek()).toBe(model[0]);
          expect(queue.firstBytes).toBe(model[0] ?? 0);
          expect(queue.bytes).toBe(bytes);
        }
      }),
      { numRuns: 60 },
    );
  });

  test('gives memory back after a flood, and goes on', () => {
    const queue = new Queue<number>();
    for (let round = 0; round < 3; round += 1) {
      for (let item = 0; item < 10_000; item += 1) queue.push(item, 1);
      const out = Array.from({ length: 10_000 }, () => queue.shift());
      expect(out.every((item, index) => item === index)).toBe(true);
      expect([queue.size, queue.bytes, queue.shift()]).toEqual([0, 0, undefined]);
    }
  });

  test('counts the tries of its first item only', () => {
    const queue = new Queue<string>();
    queue.push('a');
    queue.push('b');
    expect([queue.countTry(), queue.countTry()]).toEqual([1, 2]);
    queue.shift();
    expect(queue.countTry()).toBe(1);
  });
});

test('an address is a kind, a slash and an id that may hold slashes', () => {
  expect(kindOf('conversation/a/b')).toBe('conversation');
  expect(idOf('conversation/a/b')).toBe('a/b');
  expect(() => kindOf('/x')).toThrow('not an address');
});

describe('mailbox', () => {
  test('A1 what does not fit in items is refused at once, and fits again when some were handled', () => {
    const world = createActorWorld();
    const heard: unknown[] = [];
    world.add('k', { create: recorder(heard), mailboxItemsMax: 3 });
    const results = [1, 2, 3, 4, 5].map((message) => world.system.tell('k/a', message));
    expect(results).toEqual([true, true, true, false, false]);
    expect(world.system.tell('k/b', 'neighbour')).toBe(true);
    world.simulation.run({ maxEvents: 10 });
    expect(heard).toEqual([1, 2, 3, 'neighbour']);
    expect(world.system.tell('k/a', 6)).toBe(true);
  });

  test('A1 what does not fit in bytes is refused at once', () => {
    const world = createActorWorld();
    const heard: unknown[] = [];
    world.add('k', { create: recorder(heard), mailboxBytesMax: 1000 });
    expect(world.system.tell('k/a', 'large', { bytes: 900 })).toBe(true);
    expect(world.system.tell('k/a', 'by default 256')).toBe(false);
    expect(world.system.tell('k/a', 'small', { bytes: 100 })).toBe(true);
    expect(world.system.tell('k/a', 'empty', { bytes: 1 })).toBe(false);
    world.simulation.run({ maxEvents: 10 });
    expect(heard).toEqual(['large', 'small']);
    expect(world.system.tell('k/a', 'never', { bytes: 1001 })).toBe(false);
  });

  test('A2 system messages go first, past the bounds, each kind in its order', () => {
    const world = createActorWorld();
    const heard: unknown[] = [];
    world.add('k', { create: recorder(heard), mailboxItemsMax: 2 });
    world.system.tell('k/a', 1);
    world.system.tell('k/a', 2);
    expect(world.system.tell('k/a', 3)).toBe(false);
    expect(world.system.tell('k/a', 's1', { system: true })).toBe(true);
    expect(world.system.tell('k/a', 's2', { system: true })).toBe(true);
    expect(world.system.stats().mailboxItems).toBe(4);
    world.simulation.run({ maxEvents: 10 });
    expect(heard).toEqual(['s1', 's2', 1, 2]);
    expect(world.system.stats().mailboxItems).toBe(0);
  });

  test('A2 what an actor tells itself goes before what already waits', () => {
    const world = createActorWorld();
    const heard: unknown[] = [];
    world.add('k', {
      create: (context) => ({
        receive(message) {
          heard.push(message);
          if (message === 1) context.tellSelf('own');
        },
      }),
    });
    for (const message of [1, 2, 3]) world.system.tell('k/a', message);
    world.simulation.run({ maxEvents: 10 });
    expect(heard).toEqual([1, 'own', 2, 3]);
  });

  test('a kind that nobody registered, or that is registered twice, is a bug', () => {
    const world = createActorWorld();
    world.add('k', { create: recorder([]) });
    expect(() => world.system.tell('other/a', 1)).toThrow('no actor of kind other');
    expect(() => world.add('k', { create: recorder([]) })).toThrow('twice');
  });
});

test('after stop nothing is delivered and every instance is dropped', () => {
  const world = createActorWorld();
  const heard: unknown[] = [];
  let dropped = 0;
  world.add('k', {
    idleMs: 1000,
    create: () => ({
      receive(message) {
        heard.push(message);
        if (message === 'stop') world.system.stop();
      },
      dropped: () => {
        dropped += 1;
      },
    }),
  });
  world.system.tell('k/a', 1);
  world.system.tell('k/b', 2);
  world.simulation.run({ maxEvents: 10 });
  for (const message of ['stop', 3]) world.system.tell('k/a', message);
  world.system.tell('k/b', 4);
  world.simulation.run();
  expect(heard).toEqual([1, 2, 'stop']);
  expect(dropped).toBe(2);
  expect(world.system.tell('k/a', 5)).toBe(false);
  expect(world.crashes).toEqual([]);
  expect(world.system.stats()).toMatchObject({ actorsByKind: { k: 0 }, mailboxItems: 0 });
});
