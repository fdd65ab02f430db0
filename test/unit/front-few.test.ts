/** What an idle socket keeps of itself: small sets, times, and its place among all sessions. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { countOf, type Few, forEachOf, hasItem, itemsOf, withItem, withoutItem } from '#src/front/few.js';
import type { Session } from '#src/front/session.js';
import { Sessions } from '#src/front/sessions.js';
import { msOfTick, tickFrom } from '#src/front/ticks.js';

const things = Array.from({ length: 40 }, (_, index) => ({ index }));
const changes = fc.array(fc.record({ isAdded: fc.boolean(), index: fc.nat({ max: things.length - 1 }) }));

test('a few behave as a set, however many they are', () => {
  let largest = 0;
  fc.assert(
    fc.property(changes, (steps) => {
      const set = new Set<object>();
      let few: Few<object>;
      for (const { isAdded, index } of [...things.map(({ index }) => ({ isAdded: true, index })), ...steps]) {
        const thing = things[index] as object;
        if (isAdded) set.add(thing);
        else set.delete(thing);
        few = isAdded ? withItem(few, thing) : withoutItem(few, thing);
        expect(hasItem(few, thing)).toBe(isAdded);
        expect(countOf(few)).toBe(set.size);
        largest = Math.max(largest, set.size);
      }
      const visited: object[] = [];
      forEachOf(few, (thing) => visited.push(thing));
      expect(new Set(itemsOf(few))).toEqual(set);
      expect(visited).toEqual(itemsOf(few));
      for (const thing of itemsOf(few)) few = withoutItem(few, thing);
      expect(few).toBeUndefined();
    }),
  );
  expect(largest).toBe(things.length);
});

test('who reads a few is not disturbed by what changes meanwhile', () => {
  for (const count of [1, 2, 3, 16, 17, 40]) {
    let few: Few<object>;
    for (const thing of things.slice(0, count)) few = withItem(few, thing);
    const visited: object[] = [];
    forEachOf(few, (thing) => {
      visited.push(thing);
      few = withoutItem(few, thing);
      few = withItem(few, {});
    });
    expect(visited).toEqual(things.slice(0, count));
  }
});

test('a tick is never before its time, and less than a quarter of a second after', () => {
  const times = fc.integer({ min: 0, max: Date.UTC(2100, 0, 1) });
  fc.assert(
    fc.property(times, (ms) => {
      const late = msOfTick(tickFrom(ms)) - ms;
      expect(late).toBeGreaterThanOrEqual(0);
      expect(late).toBeLessThan(250);
    }),
  );
});

test('sessions are counted and found in whatever state they are', () => {
  const sessions = new Sessions();
  const [one, two, three] = [{}, {}, {}] as [Session, Session, Session];
  for (const session of [one, two, three]) sessions.add(session);
  sessions.entered(one, 'mia');
  sessions.entered(two, 'mia');
  expect(sessions.of('mia')).toEqual([one, two]);
  expect(new Set(sessions.all())).toEqual(new Set([one, two, three]));
  expect([sessions.size, sessions.users]).toEqual([3, 1]);
  sessions.left(one, 'mia');
  expect(sessions.of('mia')).toEqual([two]);
  sessions.remove(one);
  expect(new Set(sessions.all())).toEqual(new Set([two, three]));
  sessions.left(two, 'mia');
  expect([sessions.size, sessions.users]).toEqual([2, 0]);
  expect(sessions.of('mia')).toEqual([]);
});

test('those who leave while all are visited are visited, too', () => {
  const sessions = new Sessions();
  const all = Array.from({ length: 10 }, (_, index) => ({ index }) as unknown as Session);
  for (const session of all) sessions.add(session);
  all.slice(0, 7).forEach((session, index) => {
    sessions.entered(session, `user ${index % 3}`);
  });
  const visited = new Set<Session>();
  sessions.forEach((session) => {
    visited.add(session);
    const index = all.indexOf(session);
    if (index < 7) sessions.left(session, `user ${index % 3}`);
    sessions.remove(session);
  });
  expect(visited).toEqual(new Set(all));
  expect(sessions.size).toBe(0);
});
