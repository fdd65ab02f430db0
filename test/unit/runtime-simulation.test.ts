import { describe, expect, test } from 'vitest';
import { SeededRandom } from '#test/support/seeded-random.js';
import { createSimulation, simulationStartMs } from '#test/support/sim-clock.js';

/** Three event loops that talk at random; what they did, in order. */
function scenario(seed: number): { log: string[]; hash: string } {
  const simulation = createSimulation(seed);
  const log: string[] = [];
  const threads = ['a', 'b', 'c'].map((name) => ({ name, ports: simulation.thread().ports }));
  for (const { name, ports } of threads) {
    for (let count = 0; count < 20; count += 1) {
      ports.turns.soon(() => void log.push(`${name} turn ${count}`));
      ports.timers.after(5, () => void log.push(`${name} timer ${count} ${ports.random.next()}`));
    }
  }
  simulation.run();
  return { log, hash: simulation.traceHash() };
}

describe('simulation', () => {
  test('the same seed gives the same run, another seed another one', () => {
    const first = scenario(7);
    expect(scenario(7)).toEqual(first);
    const others = Array.from({ length: 50 }, (_, index) => scenario(100 + index));
    expect(new Set(others.map(({ hash }) => hash)).size).toBe(50);
    expect(new Set(others.map(({ log }) => log.join())).size).toBe(50);
  });

  test('turns of one loop keep their order, loops interleave', () => {
    const { log } = scenario(3);
    const turns = log.filter((line) => line.includes('turn'));
    for (const name of ['a', 'b', 'c']) {
      const own = turns.filter((line) => line.startsWith(name));
      expect(own).toEqual(Array.from({ length: 20 }, (_, count) => `${name} turn ${count}`));
    }
    expect(turns.slice(0, 20).every((line) => line.startsWith('a'))).toBe(false);
  });

  test('events come by time, cancelled ones never, and the bounds hold', () => {
    const simulation = createSimulation(1);
    const log: number[] = [];
    for (const at of [30, 10, 20, 40]) simulation.schedule(at, () => void log.push(at));
    simulation.schedule(15, () => void log.push(15))();
    simulation.ports.timers.after(25, () => void log.push(25))();
    expect(simulation.run({ maxEvents: 1 })).toEqual({ events: 1, isIdle: false });
    expect(simulation.run({ untilMs: 30 })).toEqual({ events: 2, isIdle: false });
    expect(simulation.now()).toBe(simulationStartMs + 30);
    expect(simulation.run()).toEqual({ events: 1, isIdle: true });
    expect(log).toEqual([10, 20, 30, 40]);
  });

  test('nothing that a killed thread had scheduled happens', () => {
    const simulation = createSimulation(1);
    const dead = simulation.thread();
    const alive = simulation.thread();
    let isWrong = false;
    let heard = 0;
    dead.ports.turns.soon(() => {
      isWrong = true;
    });
    dead.ports.timers.after(1, () => {
      isWrong = true;
    });
    alive.ports.turns.soon(() => {
      heard += 1;
    });
    dead.kill();
    dead.ports.turns.soon(() => {
      isWrong = true;
    });
    simulation.run();
    expect({ isWrong, heard }).toEqual({ isWrong: false, heard: 1 });
  });

  test('random numbers repeat by seed, differ by stream, fill [0, 1) evenly and do not cycle', () => {
    const draw = (seed: number, stream: number) => {
      const random = new SeededRandom(seed, stream);
      return Array.from({ length: 100 }, () => random.next());
    };
    expect(draw(5, 1)).toEqual(draw(5, 1));
    expect(draw(5, 1)).not.toEqual(draw(5, 2));
    expect(draw(5, 1)).not.toEqual(draw(5 + 2 ** 32, 1));
    const random = new SeededRandom(0);
    const buckets = new Array<number>(100).fill(0);
    const seen = new Set<number>();
    for (let count = 0; count < 100_000; count += 1) {
      const value = random.next();
      seen.add(value);
      buckets[Math.floor(value * 100)] = (buckets[Math.floor(value * 100)] ?? 0) + 1;
    }
    expect(seen.size).toBe(100_000);
    expect(Math.min(...buckets)).toBeGreaterThan(850);
    expect(Math.max(...buckets)).toBeLessThan(1150);
  });
});
