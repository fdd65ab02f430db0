/** Reads of elements through tiers that lag, fail and hang. */
import { expect, test } from 'vitest';
import { users } from '#src/entities/users.js';
import { ChangeStamps } from '#src/storage/tiers/change-stamps.js';
import { ElementReader } from '#src/storage/tiers/element-reader.js';
import type { Element, Tier, TierName } from '#src/storage/tiers/ports.js';

type Mode = 'works' | 'fails' | 'hangs';

class FakeTier implements Tier {
  readonly name: TierName;
  readonly held = new Map<string, Element>();
  readonly asked: string[][] = [];
  mode: Mode = 'works';
  freshUntil = Number.POSITIVE_INFINITY;

  constructor(name: TierName) {
    this.name = name;
  }

  events(): void {
    throw new Error('elements are asked for, not events');
  }

  get(...[, ids, done]: Parameters<Tier['get']>): void {
    this.asked.push([...ids]);
    if (this.mode === 'hangs') return;
    const failed = { kind: 'failed', message: 'it is away' } as const;
    const elements = ids.map((id) => this.held.get(id));
    setImmediate(() => done(this.mode === 'fails' ? failed : { kind: 'elements', elements }));
  }

  fill(changes: Parameters<Tier['fill']>[0]): void {
    for (const { id, version, fields } of changes) this.held.set(id, { id, version, fields });
  }
}

function element(id: string, version = 1, bio = 'ducks'): Element {
  return { id, version, fields: { id, bio } };
}

function createWorld(...tiers: FakeTier[]) {
  const stamps = new ChangeStamps();
  const stored = new Map<string, Element>();
  const loads: string[][] = [];
  const faults: string[] = [];
  let gate: Promise<void> = Promise.resolve();
  const reader = new ElementReader({
    tiers,
    freshUntil: (tier) => (tier as FakeTier).freshUntil,
    load: async (_entity, ids) => {
      loads.push([...ids]);
      const elements = ids.map((id) => stored.get(id));
      await gate;
      return elements;
    },
    stamps,
    onFault: (tier, message) => faults.push(`${tier}: ${message}`),
  });
  return {
    stamps,
    stored,
    loads,
    faults,
    get: async (...ids: string[]) => [...(await reader.get(users, ids)).values()],
    /** Reads of Postgres are held back until the answer is called. */
    hold(): () => void {
      let open = () => {};
      gate = new Promise((resolve) => {
        open = resolve;
      });
      return open;
    },
    write(written: Element): void {
      stored.set(written.id, written);
      stamps.stamp(users.name, written.id);
    },
  };
}

test('the fastest tier that has it answers, and the faster ones are told', async () => {
  const [redis, mongo] = [new FakeTier('redis'), new FakeTier('mongo')];
  const world = createWorld(redis, mongo);
  redis.held.set('a', element('a'));
  mongo.held.set('b', element('b'));
  world.stored.set('c', element('c'));
  expect(await world.get('a', 'b', 'c', 'd')).toEqual(
    expect.arrayContaining([element('a'), element('b'), element('c')]),
  );
  expect(world.loads).toEqual([['c', 'd']]);
  expect([...redis.held.keys()].sort()).toEqual(['a', 'b', 'c']);
  expect([...mongo.held.keys()].sort()).toEqual(['b', 'c']);
  await world.get('a', 'b', 'c');
  expect(world.loads).toHaveLength(1);
});

test('without a tier every read is of Postgres', async () => {
  const world = createWorld();
  world.stored.set('a', element('a'));
  expect(await world.get('a', 'a', 'b')).toEqual([element('a')]);
  expect(await world.get('a')).toEqual([element('a')]);
  expect(world.loads).toEqual([['a', 'b'], ['a']]);
});

test('R5 a copy is served only by a tier that is known to have the last change', async () => {
  const redis = new FakeTier('redis');
  const world = createWorld(redis);
  redis.held.set('a', element('a', 1, 'old'));
  redis.freshUntil = world.stamps.now();
  expect(await world.get('a')).toEqual([element('a', 1, 'old')]);
  world.write(element('a', 2, 'new'));
  expect(await world.get('a')).toEqual([element('a', 2, 'new')]);
  // The tier hears of it, and is level with a later moment.
  redis.held.set('a', element('a', 2, 'new'));
  redis.freshUntil = world.stamps.now();
  expect(await world.get('a')).toEqual([element('a', 2, 'new')]);
  expect(world.loads).toEqual([['a']]);
});

test('R5 a tier that has not been level since the start is not asked', async () => {
  const redis = new FakeTier('redis');
  const world = createWorld(redis);
  redis.held.set('a', element('a', 1, 'of another life'));
  redis.freshUntil = 0;
  world.stored.set('a', element('a', 2, 'true'));
  expect(await world.get('a')).toEqual([element('a', 2, 'true')]);
  expect(redis.asked).toEqual([]);
});

test('R5 readers at once share one look-up, but not with one that began before a change', async () => {
  const world = createWorld();
  world.stored.set('a', element('a', 1, 'old'));
  const open = world.hold();
  const early = [world.get('a'), world.get('a')];
  world.write(element('a', 2, 'new'));
  const late = [world.get('a'), world.get('a')];
  expect(world.loads).toEqual([['a'], ['a']]);
  open();
  expect(await Promise.all(early)).toEqual([[element('a', 1, 'old')], [element('a', 1, 'old')]]);
  expect(await Promise.all(late)).toEqual([[element('a', 2, 'new')], [element('a', 2, 'new')]]);
});

test('what was read before a change is not told to a tier after it', async () => {
  const redis = new FakeTier('redis');
  const world = createWorld(redis);
  world.stored.set('a', element('a', 1, 'old'));
  const open = world.hold();
  const reading = world.get('a');
  await new Promise((resolve) => setImmediate(resolve));
  await new Promise((resolve) => setImmediate(resolve));
  expect(world.loads).toHaveLength(1);
  world.write(element('a', 2, 'new'));
  open();
  await reading;
  expect(redis.held.size).toBe(0);
});

test('an id that nobody has is looked up once, until something of that name is written', async () => {
  const world = createWorld();
  expect(await world.get('a')).toEqual([]);
  expect(await world.get('a')).toEqual([]);
  expect(world.loads).toHaveLength(1);
  world.write(element('a'));
  expect(await world.get('a')).toEqual([element('a')]);
});

test('what a tier knows to be gone is not looked for further', async () => {
  const redis = new FakeTier('redis');
  const world = createWorld(redis);
  redis.held.set('a', { id: 'a', version: 3, fields: undefined });
  expect(await world.get('a')).toEqual([]);
  expect(world.loads).toEqual([]);
});

test.each(['fails', 'hangs'] as const)(
  'a tier that %s is passed by, told of once, and tried again',
  async (mode) => {
    const [redis, mongo] = [new FakeTier('redis'), new FakeTier('mongo')];
    const world = createWorld(redis, mongo);
    redis.mode = mode;
    mongo.held.set('a', element('a'));
    const began = performance.now();
    expect(await world.get('a')).toEqual([element('a')]);
    expect(performance.now() - began).toBeLessThan(mode === 'hangs' ? 2_000 : 250);
    for (let round = 0; round < 20; round += 1) await world.get('a');
    expect(redis.asked).toHaveLength(1);
    expect(world.faults).toHaveLength(1);
    expect(world.loads).toEqual([]);
    redis.mode = 'works';
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    await world.get('a');
    expect(redis.asked).toHaveLength(2);
  },
);

test('a read fails only when Postgres does, and the next one is tried anew', async () => {
  const stamps = new ChangeStamps();
  let isAway = true;
  const reader = new ElementReader({
    tiers: [],
    freshUntil: () => 0,
    load: async (_entity, ids) => {
      if (isAway) throw new Error('the database is away');
      return ids.map((id) => element(id));
    },
    stamps,
  });
  await expect(Promise.all([reader.get(users, ['a', 'b']), reader.get(users, ['b'])])).rejects.toThrow(
    'away',
  );
  isAway = false;
  expect((await reader.get(users, ['b'])).size).toBe(1);
});
