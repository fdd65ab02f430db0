import { describe, expect, test } from 'vitest';
import { afterCrash, type CrashHistory, isWell, supervisionLimits } from '#src/runtime/supervision.js';
import { createActorWorld, fragile } from '#test/support/actors.js';

describe('supervision', () => {
  test('A4 every pause before a restart is at most 100 ms, the first restart is at once', () => {
    let history: CrashHistory | undefined;
    const pauses: number[] = [];
    for (let crash = 0; crash < 5; crash += 1) {
      const decision = afterCrash(history, 1000 + crash, supervisionLimits);
      if (decision.kind === 'restart') pauses.push(decision.afterMs);
      history = decision.history;
    }
    expect(pauses.length).toBe(5);
    expect(pauses[0]).toBe(0);
    expect(Math.max(...pauses)).toBeLessThan(100);
  });

  test('A6 the sixth crash within ten seconds brings a rest, crashes far apart never do', () => {
    let history: CrashHistory | undefined;
    const kinds: string[] = [];
    for (let crash = 0; crash < 7; crash += 1) {
      const decision = afterCrash(history, crash * 1000, supervisionLimits);
      kinds.push(decision.kind);
      history = decision.history;
    }
    expect(kinds).toEqual(['restart', 'restart', 'restart', 'restart', 'restart', 'rest', 'restart']);
    history = undefined;
    for (let crash = 0; crash < 50; crash += 1) {
      const decision = afterCrash(history, crash * 3000, supervisionLimits);
      expect(decision.kind).toBe('restart');
      history = decision.history;
    }
  });

  test('an actor is well after a whole window without a crash, and its crashes are forgotten', () => {
    const first = afterCrash(undefined, 0, supervisionLimits).history;
    const second = afterCrash(first, 9_000, supervisionLimits).history;
    expect(second.crashes).toBe(2);
    expect(isWell(second, 19_000, supervisionLimits)).toBe(false);
    expect(isWell(second, 19_001, supervisionLimits)).toBe(true);
    expect(afterCrash(second, 19_001, supervisionLimits).history.crashes).toBe(1);
  });
});

describe('restart', () => {
  test('A4 a throw restarts that actor alone: neighbours keep their state, the mailbox its messages and order', () => {
    const world = createActorWorld();
    const heard: string[] = [];
    const made: string[] = [];
    let planted = 1;
    world.add('k', {
      create: ({ id, crashes }) => {
        made.push(`${id}${crashes}`);
        let sum = 0;
        return {
          receive(message) {
            if (message === 2 && id === 'a' && planted-- > 0) throw new Error('planted');
            sum += Number(message);
            heard.push(`${id}:${message}=${sum}`);
          },
        };
      },
    });
    for (const message of [1, 2, 3]) for (const id of ['a', 'b']) world.system.tell(`k/${id}`, message);
    world.simulation.run();
    expect(heard.filter((line) => line.startsWith('b'))).toEqual(['b:1=1', 'b:2=3', 'b:3=6']);
    expect(heard.filter((line) => line.startsWith('a'))).toEqual(['a:1=1', 'a:2=2', 'a:3=5']);
    expect(made).toEqual(['a0', 'b0', 'a1']);
    expect(world.undelivered).toEqual([]);
    expect(world.crashes).toMatchObject([
      { address: 'k/a', place: 'receive', outcome: 'restart', poison: false },
    ]);
    expect(world.system.stats()).toMatchObject({ restartsByKind: { k: 1 }, actorsByKind: { k: 2 } });
  });

  test('A4 it is back within 100 ms after each of five crashes, also when nobody tells it anything', () => {
    const world = createActorWorld();
    const madeAt: number[] = [];
    const crashedAt: number[] = [];
    world.add('k', {
      create: () => {
        madeAt.push(world.simulation.now());
        return {
          receive() {
            crashedAt.push(world.simulation.now());
            throw new Error('planted');
          },
        };
      },
    });
    for (const at of [0, 1000, 2000, 3000, 4000]) {
      world.simulation.schedule(at, () => world.system.tell('k/a', at, { system: true }));
    }
    world.simulation.run({ untilMs: 9_000 });
    expect(crashedAt.length).toBeGreaterThanOrEqual(5);
    crashedAt.slice(0, 5).forEach((at, index) => {
      expect((madeAt[index + 1] ?? Number.POSITIVE_INFINITY) - at).toBeLessThanOrEqual(100);
    });
  });

  test('A4 dropped is called once for each instance, whatever it throws', () => {
    const world = createActorWorld();
    let made = 0;
    let dropped = 0;
    let planted = 2;
    world.add('k', {
      create: () => {
        made += 1;
        return {
          receive() {
            if (planted-- > 0) throw new Error('planted');
          },
          dropped() {
            dropped += 1;
            throw new Error('planted in dropped');
          },
        };
      },
    });
    world.system.tell('k/a', 1);
    world.simulation.run();
    expect({ made, dropped }).toEqual({ made: 3, dropped: 2 });
    expect(world.crashes.map((crash) => crash.place)).toEqual(['dropped', 'receive', 'dropped', 'receive']);
  });

  test('A4 what a dropped instance had asked for reaches its successor', () => {
    const world = createActorWorld();
    const heard: string[] = [];
    world.add('k', {
      create: (context) => ({
        receive(message) {
          if (message === 'ask') world.simulation.schedule(50, () => context.tellSelf('result'));
          else if (message === 'crash' && context.crashes === 0) throw new Error('planted');
          else heard.push(`${String(message)} in ${context.crashes}`);
        },
      }),
    });
    world.system.tell('k/a', 'ask');
    world.system.tell('k/a', 'crash');
    world.simulation.run();
    expect(heard).toEqual(['crash in 1', 'result in 1']);
  });
});

describe('poison', () => {
  test('A5 a message that made three instances crash is set aside, counted and answered; the rest goes on', () => {
    const world = createActorWorld();
    const heard: string[] = [];
    let tried = 0;
    world.add('k', {
      create: fragile(heard, (message) => {
        if (message === 'poison') tried += 1;
        return message === 'poison';
      }),
    });
    for (const message of ['before', 'poison', 'after']) world.system.tell('k/a', message);
    world.system.tell('k/b', 'neighbour');
    world.simulation.run();
    expect(tried).toBe(3);
    expect(heard.sort()).toEqual(['a:after', 'a:before', 'b:neighbour']);
    expect(world.undelivered).toMatchObject([{ id: 'a', message: 'poison', reason: 'poison' }]);
    expect(world.crashes.map((crash) => crash.poison)).toEqual([false, false, true]);
    expect(world.system.stats().poisonByKind).toEqual({ k: 1 });
  });

  test('A5 a system message can be poison as well, and what it hides is heard', () => {
    const world = createActorWorld();
    const heard: string[] = [];
    world.add('k', { create: fragile(heard, (message) => message === 'poison') });
    world.system.tell('k/a', 'ordinary');
    world.system.tell('k/a', 'poison', { system: true });
    world.simulation.run();
    expect(heard).toEqual(['a:ordinary']);
    expect(world.undelivered).toMatchObject([{ message: 'poison', reason: 'poison' }]);
  });

  test('A5 a message that crashes one or two instances only is handled', () => {
    const world = createActorWorld();
    const heard: string[] = [];
    let tries = 0;
    world.add('k', { create: fragile(heard, (message) => message === 'twice' && ++tries <= 2) });
    world.system.tell('k/a', 'twice');
    world.simulation.run();
    expect(heard).toEqual(['a:twice']);
    expect(world.undelivered).toEqual([]);
  });

  test('A5 a crash of endTurn is no message’s fault', () => {
    const world = createActorWorld();
    const heard: unknown[] = [];
    let crashes = 0;
    world.add('k', {
      create: () => ({
        receive: (message) => void heard.push(message),
        endTurn() {
          if (crashes++ < 4) throw new Error('planted');
        },
      }),
      turnItemsMax: 1,
    });
    for (const message of [1, 2, 3, 4, 5, 6]) world.system.tell('k/a', message);
    world.simulation.run();
    expect(heard).toEqual([1, 2, 3, 4, 5, 6]);
    expect(world.undelivered).toEqual([]);
    expect(world.system.stats()).toMatchObject({ restartsByKind: { k: 4 }, poisonByKind: { k: 0 } });
  });
});

describe('rest', () => {
  test('A6 an actor that crashes too often rests: ordinary messages are answered, then it works again', () => {
    const world = createActorWorld();
    const heard: string[] = [];
    let isBroken = true;
    world.add('k', { create: fragile(heard, () => isBroken) });
    for (const message of [1, 2, 3, 4]) world.system.tell('k/a', message);
    world.simulation.run({ untilMs: 1_000 });
    // Three crashes for the first message, then three for the second: the sixth crash brings the rest.
    expect(world.undelivered.map(({ message, reason }) => `${String(message)} ${reason}`)).toEqual([
      '1 poison',
      '2 poison',
      '3 resting',
      '4 resting',
    ]);
    world.system.tell('k/a', 'during', {});
    world.system.tell('k/a', 'system', { system: true });
    world.simulation.run({ untilMs: 2_000 });
    expect(world.undelivered.at(-1)).toMatchObject({ message: 'during', reason: 'resting' });
    isBroken = false;
    expect(heard).toEqual([]);
    world.simulation.run({ untilMs: 7_000 });
    expect(heard).toEqual(['a:system']);
    world.system.tell('k/a', 'afterwards');
    world.simulation.run({ untilMs: 8_000 });
    expect(heard).toEqual(['a:system', 'a:afterwards']);
    expect(world.crashes.at(-1)).toMatchObject({ outcome: 'rest', crashes: 6 });
  });

  test('A6 an actor that cannot even be made rests too, and its neighbours work', () => {
    const world = createActorWorld();
    const heard: string[] = [];
    let tries = 0;
    world.add('k', {
      create: (context) => {
        if (context.id === 'a') {
          tries += 1;
          throw new Error('planted');
        }
        return { receive: (message) => void heard.push(String(message)) };
      },
    });
    world.system.tell('k/a', 1);
    world.system.tell('k/b', 2);
    world.simulation.run({ untilMs: 4_000 });
    expect(heard).toEqual(['2']);
    expect(tries).toBe(6);
    expect(world.undelivered).toMatchObject([{ message: 1, reason: 'resting' }]);
    expect(world.crashes.every((crash) => crash.place === 'create')).toBe(true);
  });

  test('A6 what onUndelivered throws harms nobody', () => {
    const world = createActorWorld();
    const heard: string[] = [];
    world.add('k', {
      create: fragile(heard, (message) => message === 'bad'),
      onUndelivered: () => {
        throw new Error('planted in onUndelivered');
      },
    });
    for (const message of ['bad', 'good']) world.system.tell('k/a', message);
    world.simulation.run();
    expect(heard).toEqual(['a:good']);
    expect(world.crashes.at(-1)?.place).toBe('onUndelivered');
  });
});
