/** Shapes of crowds. */
import { expect, test } from 'vitest';
import type { RunningTarget } from '#bench/contract.js';
import { Casts, separateShape } from '#bench/run/shape.js';

const shape = separateShape({ rooms: 3, listenersPerRoom: 2, senders: 4 });
const users = Array.from({ length: 10 }, (_, index) => ({ user: `u${index}`, token: `t${index}` }));
const populated = { users, rooms: ['a', 'b', 'c'] };

test('listeners and senders are apart, senders are dealt out, and members are those of the connections', () => {
  const clients = shape.cast(populated);
  expect(shape.population).toMatchObject({ users: 10, rooms: 3 });
  expect(clients).toHaveLength(10);
  expect(clients.filter(({ hears }) => hears.length > 0)).toHaveLength(6);
  expect(clients.filter(({ hears, sends }) => hears.length > 0 && sends.length > 0)).toEqual([]);
  expect(clients.slice(6).map(({ sends }) => sends)).toEqual([[0], [1], [2], [0]]);
  for (const room of [0, 1, 2]) {
    const present = clients.flatMap(({ hears, sends }, index) =>
      [...hears, ...sends].includes(room) ? [index] : [],
    );
    expect(shape.population.membersOf(room)).toEqual(present);
  }
});

test('a target is populated once a shape', async () => {
  let calls = 0;
  const running = {
    populate: async () => {
      calls += 1;
      return populated;
    },
  } as unknown as RunningTarget;
  const casts = new Casts();
  const [one, other] = await Promise.all([casts.at(running, shape), casts.at(running, shape)]);
  expect(one).toBe(other);
  expect(one.rooms).toEqual(['a', 'b', 'c']);
  await casts.at(running, separateShape({ rooms: 3, listenersPerRoom: 1, senders: 1 }));
  expect(calls).toBe(2);
});
