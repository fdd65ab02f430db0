import { describe, expect, test } from 'vitest';
import { createActorSystem } from '#src/runtime/system.js';
import { createActorWorld } from '#test/support/actors.js';

/** A counter that keeps its total in a store, as real actors do. */
function addCounters(world: ReturnType<typeof createActorWorld>, may: () => boolean = () => true) {
  const store = new Map<string, number>();
  const answers: string[] = [];
  const lives = { made: 0, dropped: 0 };
  world.add('counter', {
    idleMs: 10_000,
    create: ({ id }) => {
      lives.made += 1;
      let total = store.get(id) ?? 0;
      return {
        receive(message) {
          total += Number(message);
          store.set(id, total);
          answers.push(`${id}=${total}`);
        },
        mayPassivate: may,
        dropped: () => {
          lives.dropped += 1;
        },
      };
    },
  });
  return { answers, lives };
}

describe('passivation', () => {
  test('A7 an idle actor goes and comes back on its next message with the same answers', () => {
    const world = createActorWorld();
    const { answers, lives } = addCounters(world);
    world.system.tell('counter/a', 5);
    world.simulation.run({ untilMs: 9_900 });
    expect(world.system.stats().actorsByKind).toEqual({ counter: 1 });
    world.simulation.run({ untilMs: 12_000 });
    expect(world.system.stats().actorsByKind).toEqual({ counter: 0 });
    world.system.tell('counter/a', 2);
    world.simulation.run({ untilMs: 13_000 });
    expect(answers).toEqual(['a=5', 'a=7']);
    expect(lives).toEqual({ made: 2, dropped: 1 });
    expect(world.system.stats().restartsByKind).toEqual({ counter: 0 });
  });

  test('A7 an instance is told why it goes', () => {
    const world = createActorWorld();
    const reasons: string[] = [];
    world.add('teller', {
      idleMs: 10_000,
      create: ({ id }) => ({
        receive(message) {
          if (message === 'throw') throw new Error('planted');
        },
        mayPassivate: () => true,
        dropped: (reason) => void reasons.push(`${id} ${reason}`),
      }),
    });
    world.system.tell('teller/a', 'stay');
    world.system.tell('teller/b', 'throw');
    world.simulation.run({ untilMs: 1_000 });
    expect(reasons).toContain('b crashed');
    expect(new Set(reasons)).toEqual(new Set(['b crashed']));
    world.simulation.run({ untilMs: 13_000 });
    expect(reasons).toContain('a passivated');
    world.system.tell('teller/c', 'stay');
    world.simulation.run({ untilMs: 14_000 });
    world.system.stop();
    expect(reasons.at(-1)).toBe('c stopped');
  });

  test('A7 an actor that hears something stays, one that may not go stays, one without idleMs stays', () => {
    const world = createActorWorld();
    let may = false;
    const { lives } = addCounters(world, () => may);
    world.add('stayer', { create: () => ({ receive: () => {}, mayPassivate: () => true }) });
    world.system.tell('counter/a', 1);
    world.system.tell('stayer/a', 1);
    world.simulation.run({ untilMs: 60_000 });
    expect(world.system.stats().actorsByKind).toEqual({ counter: 1, stayer: 1 });
    may = true;
    for (let at = 0; at < 60_000; at += 5_000) {
      world.simulation.schedule(at, () => world.system.tell('counter/a', 1));
    }
    world.simulation.run({ untilMs: 120_000 });
    expect(lives).toEqual({ made: 1, dropped: 0 });
    world.simulation.run({ untilMs: 140_000 });
    expect(world.system.stats().actorsByKind).toEqual({ counter: 0, stayer: 1 });
  });

  test('A7 an actor that crashed of late is kept until it is well, so that its crashes are not forgotten', () => {
    const world = createActorWorld({ supervision: { windowMs: 30_000 } });
    let planted = 1;
    world.add('k', {
      idleMs: 1_000,
      create: () => ({
        receive() {
          if (planted-- > 0) throw new Error('planted');
        },
        mayPassivate: () => true,
      }),
    });
    world.system.tell('k/a', 1);
    world.simulation.run({ untilMs: 29_000 });
    expect(world.system.stats().actorsByKind).toEqual({ k: 1 });
    world.simulation.run({ untilMs: 33_000 });
    expect(world.system.stats().actorsByKind).toEqual({ k: 0 });
  });

  test('A7 an actor for whom a message has just come is not idle, however long it was', () => {
    let now = 0;
    const soon: Array<() => void> = [];
    const timers: Array<() => void> = [];
    const system = createActorSystem({
      ports: {
        clock: { now: () => now },
        timers: {
          after: (_ms, run) => {
            timers.push(run);
            return () => {};
          },
        },
        random: { next: () => 0.5 },
        turns: { soon: (run) => void soon.push(run) },
      },
    });
    const heard: unknown[] = [];
    let made = 0;
    system.register('k', {
      idleMs: 1_000,
      mailboxItemsMax: 10,
      mailboxBytesMax: 10_000,
      create: () => {
        made += 1;
        return { receive: (message) => void heard.push(message), mayPassivate: () => true };
      },
      onUndelivered: () => {},
    });
    system.tell('k/a', 1);
    soon.shift()?.();
    now = 5_000;
    system.tell('k/a', 2);
    timers.shift()?.();
    soon.shift()?.();
    expect({ heard, made }).toEqual({ heard: [1, 2], made: 1 });
    now = 10_000;
    timers.shift()?.();
    expect(system.stats().actorsByKind).toEqual({ k: 0 });
  });

  test('A7 a throw of mayPassivate is a crash like any other', () => {
    const world = createActorWorld();
    let planted = 1;
    const { lives } = addCounters(world, () => {
      if (planted-- > 0) throw new Error('planted');
      return true;
    });
    world.system.tell('counter/a', 1);
    world.simulation.run({ untilMs: 12_000 });
    expect(world.crashes).toMatchObject([{ place: 'mayPassivate', outcome: 'restart' }]);
    expect(lives).toEqual({ made: 2, dropped: 1 });
  });

  test('A7 100,000 actors live on one timer, go together and leave no memory of themselves', () => {
    const world = createActorWorld();
    let timers = 0;
    const { after } = world.simulation.ports.timers;
    Object.assign(world.simulation.ports.timers, {
      after: (ms: number, run: () => void) => {
        timers += 1;
        return after(ms, run);
      },
    });
    const { lives } = addCounters(world);
    for (let count = 0; count < 100_000; count += 1) world.system.tell(`counter/${count}`, 1);
    world.simulation.run({ untilMs: 5_000 });
    expect(world.system.stats().actorsByKind).toEqual({ counter: 100_000 });
    expect(timers).toBeLessThanOrEqual(21);
    const result = world.simulation.run({ untilMs: 60_000 });
    expect(world.system.stats().actorsByKind).toEqual({ counter: 0 });
    expect(lives).toEqual({ made: 100_000, dropped: 100_000 });
    // No actor, no timer.
    expect(result.isIdle).toBe(true);
  });
});
