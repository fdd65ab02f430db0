/** How fast all together may write to one conversation. */
import { expect, test } from 'vitest';
import { nothing } from '#src/storage/facts.js';
import {
  base,
  commitAll,
  conv,
  createActive,
  fresh,
  now,
  send,
  snapshotOf,
} from '../support/conversation-bench.js';

const names = Array.from({ length: 40 }, (_, place) => `member ${place}`);

function room(type: 'group' | 'direct' = 'group', rate = 1000) {
  const members = [
    { user: 'olga', role: 'owner' as const },
    { user: 'mod', role: 'moderator' as const },
    ...names.map((user) => ({ user, role: 'member' as const })),
  ];
  return createActive(
    { rate, conversationRate: { perSecond: 2, burst: 10 } },
    snapshotOf({
      info: { conv, type, creator: 'olga', state: 'active', createdAt: 1 },
      members,
      standing: { ...nothing, isChanged: true },
    }),
  );
}

type Room = ReturnType<typeof room>;

const taken = (bench: Room) => bench.appended().map(({ event }) => event.from);
const refusals = (bench: Room) =>
  bench.posts.filter((post) => post.kind === 'err') as unknown as Array<Record<string, unknown>>;

test('L17 a room takes what it may, whoever says it, and tells everybody else when to come again', () => {
  const bench = room();
  bench.turn(...names.map((user) => send(user)));
  expect(taken(bench)).toEqual(names.slice(0, 10));
  expect(refusals(bench)).toHaveLength(30);
  for (const refusal of refusals(bench)) {
    expect(refusal).toMatchObject({ code: 'rate_limited', limit: 'conversation' });
    // All of them wait: a few milliseconds would bring them back at once.
    expect(refusal.retryMs).toBeGreaterThanOrEqual(500);
    expect(refusal).not.toHaveProperty('stored');
  }
  bench.setNow(now + 1_000);
  bench.turn(...names.map((user) => send(user)));
  expect(taken(bench)).toHaveLength(12);
});

test('L17 who moderates is heard in a flood, and what calms a room always goes through', () => {
  const bench = room();
  bench.turn(...names.slice(0, 20).map((user) => send(user)));
  const before = taken(bench).length;
  bench.turn(
    ...[send('mod'), send('olga'), { kind: 'mute' as const, ...base('mod'), member: 'member 1' }],
    ...[{ kind: 'remove' as const, ...base('olga'), member: 'member 2' }],
    { kind: 'leave' as const, ...base('member 3') },
    { kind: 'change' as const, ...base('olga'), slowMs: 60_000 },
  );
  expect(taken(bench).slice(before)).toEqual(['mod', 'olga', 'mod', 'olga', 'member 3', 'olga']);
});

test('L17 a token of class high is not held to it and takes nothing from the others', () => {
  const bench = room();
  bench.turn(...names.map((user) => ({ ...send(user), rate: 'high' as const })));
  expect(taken(bench)).toHaveLength(40);
  bench.turn(...names.map((user) => send(user)));
  expect(taken(bench)).toHaveLength(50);
});

test('L17 two in a direct conversation are held to their own rates only', () => {
  const bench = room('direct');
  bench.turn(...Array.from({ length: 50 }, () => send('member 1')));
  expect(taken(bench)).toHaveLength(50);
});

test('L5 L17 what comes too early costs its user a token, and a duplicate is answered in any flood', () => {
  const bench = room('group', 15);
  const first = fresh();
  bench.turn(send('member 1', first));
  commitAll(bench, new Set(), { seq: 1, number: 0 });
  bench.turn(...Array.from({ length: 20 }, () => send('member 1')));
  expect(refusals(bench).map(({ limit }) => limit)).toEqual([
    ...Array.from({ length: 5 }, () => 'conversation'),
    ...Array.from({ length: 6 }, () => 'operations'),
  ]);
  bench.turn(send('member 1', first));
  expect(bench.posts.at(-1)).toMatchObject({ kind: 'ack', id: first, seq: 2 });
});

test('W7 a flood of retries of one message has one answer each, whichever limit meets them', () => {
  const bench = room();
  const floods = Array.from({ length: 300 }, (_, place) =>
    send(names[place % 40] as string, undefined, 'again'),
  );
  bench.turn(...floods);
  const answered = new Set(refusals(bench).map(({ request }) => request));
  const accepted = new Set(bench.appended().map(({ request }) => request));
  expect(answered.size + accepted.size).toBe(300);
  expect(refusals(bench)).toHaveLength(answered.size);
});
