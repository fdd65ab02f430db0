/** Blocks of a direct conversation: when they hold, and when they are acknowledged. */
import { expect, test } from 'vitest';
import type { ConversationMessage } from '#actors/messages.js';
import type { BlockOutcome } from '#src/storage/ports.js';
import {
  add,
  type Bench,
  base,
  commitAll,
  conv,
  createActive,
  createBench,
  lastPost,
  now,
  send,
  snapshotOf,
} from '../support/conversation-bench.js';

const direct = (blockers: readonly string[] = []) =>
  snapshotOf({ info: { conv, type: 'direct', creator: 'olga', state: 'active', createdAt: 1 }, blockers });
const absent = (blockers: readonly string[] = []) =>
  snapshotOf({ info: undefined, members: [], recent: [], head: { seq: 0, number: 0 }, blockers });

let requests = 1_000_000;
function block(user: string, other: string, isOn = true) {
  requests += 256;
  return { kind: 'block', request: requests, user, conv, other, isOn } as const;
}

function keep(bench: Bench, outcome: BlockOutcome = { kind: 'kept' }): void {
  bench.blockChanges.shift()?.done(outcome);
  bench.turn();
}

const answersTo = (bench: Bench, request: number) =>
  bench.posts.filter((post) => 'request' in post && post.request === request);

test('B1 a block is acknowledged when nothing that was admitted before is under way, and refuses from when it is kept', () => {
  const bench = createActive({}, direct());
  const done = new Set<string>();
  bench.turn(send('mia'));
  const asked = block('olga', 'mia');
  bench.turn(asked);
  expect(bench.blockChanges[0]?.change).toEqual({ conv, blocker: 'olga', blocked: 'mia', isOn: true });
  // Until it is kept it does not hold.
  bench.turn(send('mia'));
  expect(bench.appended()).toHaveLength(2);
  keep(bench);
  bench.turn(send('mia'), send('olga'));
  expect(bench.appended()).toHaveLength(2);
  expect(lastPost(bench)).toMatchObject({ kind: 'err', code: 'forbidden', stored: false });
  expect(answersTo(bench, asked.request)).toEqual([]);
  expect(bench.hidden).toEqual(['olga mia']);
  commitAll(bench, done, { seq: 1, number: 0 });
  expect(answersTo(bench, asked.request)).toMatchObject([{ kind: 'ack', conv }]);
});

test('B1 a duplicate of what was stored before the block is answered as before', () => {
  const bench = createActive({}, direct());
  const message = send('mia');
  bench.turn(message);
  commitAll(bench, new Set(), { seq: 1, number: 0 });
  bench.turn(block('olga', 'mia'));
  keep(bench);
  bench.turn({ ...message, request: 77 * 256 });
  expect(lastPost(bench)).toMatchObject({ kind: 'ack', request: 77 * 256, seq: 2 });
});

test('B1 blocks of both are apart: one that is taken back leaves the other, and they are kept one after another', () => {
  const bench = createActive({}, direct());
  bench.turn(block('olga', 'mia'), block('mia', 'olga'), block('olga', 'mia', false));
  expect(bench.blockChanges).toHaveLength(1);
  for (let each = 0; each < 3; each += 1) keep(bench);
  bench.turn(send('mia'));
  expect(lastPost(bench)).toMatchObject({ code: 'forbidden' });
  bench.turn(block('mia', 'olga', false));
  keep(bench);
  bench.turn(send('mia'));
  expect(bench.appended()).toHaveLength(1);
});

test('B1 who is blocked when the conversation starts is blocked, and cannot begin one that is not there yet', () => {
  const bench = createActive({}, direct(['olga']));
  bench.turn(send('mia'));
  expect(lastPost(bench)).toMatchObject({ code: 'forbidden' });
  for (const user of ['olga', 'mia']) {
    const none = createActive({}, absent(['olga']));
    const other = user === 'olga' ? 'mia' : 'olga';
    none.turn({ kind: 'create', ...base(user), type: 'direct', members: [other] });
    expect(lastPost(none)).toMatchObject({ code: 'forbidden', stored: false });
    expect(none.appended()).toEqual([]);
  }
});

test('B1 what could not be kept is answered and does not hold; what an instance that crashed kept does', () => {
  const bench = createActive({}, direct());
  for (const [outcome, code] of [
    [{ kind: 'failed', message: 'away' }, 'unavailable'],
    [{ kind: 'unknown' }, 'not_found'],
    [{ kind: 'full' }, 'forbidden'],
  ] as const) {
    bench.turn(block('olga', 'mia'));
    keep(bench, outcome);
    expect(lastPost(bench)).toMatchObject({ kind: 'err', code });
  }
  bench.turn(send('mia'));
  expect(bench.appended()).toHaveLength(1);

  // The successor loads before the block is in the database, and hears afterwards that it is.
  const crashed = createActive({}, direct());
  const asked = block('olga', 'mia');
  crashed.turn(asked);
  crashed.actor.dropped('crashed');
  expect(lastPost(crashed)).toMatchObject({ request: asked.request, code: 'unavailable' });
  const successor = createBench();
  successor.turn({ kind: 'block kept', asked, outcome: { kind: 'kept' } });
  successor.turn({ kind: 'loaded', snapshot: direct() });
  successor.turn(send('mia'));
  expect(lastPost(successor)).toMatchObject({ code: 'forbidden' });
  expect(answersTo(successor, asked.request)).toEqual([]);
});

test('B1 an instance that is dropped answers every block that it has not acknowledged', () => {
  const bench = createActive({}, direct());
  const asked = [block('olga', 'mia'), block('mia', 'olga')];
  bench.turn(send('mia'), ...asked);
  keep(bench);
  bench.actor.dropped('crashed');
  for (const { request } of asked)
    expect(answersTo(bench, request)).toMatchObject([{ kind: 'err', code: 'unavailable' }]);
});

test('B1 a burst of blocks is bounded, and costs tokens', () => {
  const bench = createActive({}, direct());
  bench.turn(...Array.from({ length: 100 }, () => block('olga', 'mia')));
  expect(bench.posts.filter((post) => post.kind === 'err' && post.code === 'overloaded')).toHaveLength(36);
  const slow = createActive({ rate: 2 }, direct());
  slow.turn(block('olga', 'mia'), block('olga', 'mia'), block('olga', 'mia'));
  expect(lastPost(slow)).toMatchObject({ code: 'rate_limited' });
});

test('B2 typing and marks of one are not told to the other', () => {
  const open = createActive({}, direct());
  const typing: ConversationMessage = { kind: 'typing', user: 'mia', conv, active: true, at: now };
  const marked: ConversationMessage = {
    kind: 'receipts',
    step: { name: 'marked', user: 'mia', number: 1, what: 'read' },
  };
  open.turn(typing, marked);
  expect([open.ephemeral.length, open.timers.length]).toEqual([1, 2]);
  const shut = createActive({}, direct(['olga']));
  shut.turn(typing, marked);
  expect([shut.ephemeral.length, shut.timers.length]).toEqual([0, 0]);
});

test('B3 nobody adds to a group, or begins one with, whom they have blocked or who has blocked them', () => {
  const bench = createActive();
  bench.turn(add('olga', 'nora'));
  bench.userChecks.shift()?.({ kind: 'checked', unknown: [], blocked: ['nora'] });
  bench.turn();
  expect(lastPost(bench)).toMatchObject({ code: 'forbidden', stored: false });
  const none = createActive({}, absent());
  none.turn({ kind: 'create', ...base('olga'), type: 'group', members: ['mia', 'nora'] });
  none.userChecks.shift()?.({ kind: 'checked', unknown: [], blocked: ['nora'] });
  none.turn();
  expect(lastPost(none)).toMatchObject({ code: 'forbidden', stored: false });
});
