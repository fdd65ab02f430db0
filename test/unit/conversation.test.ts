import { expect, test } from 'vitest';
import { Answered } from '#actors/conversation/answered.js';
import { answerCharsMax, cutPage } from '#actors/conversation/reading.js';
import { Rates } from '#src/rates.js';
import { nothing } from '#src/storage/facts.js';
import type { ToFront } from '#src/threads/messages.js';
import type { LogEvent } from '#src/wire/events.js';
import {
  add,
  commitAll,
  conv,
  createActive,
  createBench,
  fresh,
  idAt,
  join,
  lastPost,
  leave,
  now,
  remove,
  send,
  snapshotOf,
} from '../support/conversation-bench.js';

test('L5 a member who was removed gets the original ack for what was stored, and a refusal for what was not', () => {
  const bench = createActive();
  const done = new Set<string>();
  const head = { seq: 1, number: 0 };
  const stored = fresh();
  bench.turn(send('mia', stored));
  commitAll(bench, done, head);
  bench.turn(remove('olga', 'mia'));
  commitAll(bench, done, head);
  bench.turn(send('mia', stored));
  expect(lastPost(bench)).toMatchObject({ kind: 'ack', id: stored, seq: 2, at: now });
  bench.turn(send('mia'));
  expect(lastPost(bench)).toMatchObject({ kind: 'err', code: 'not_found', stored: false });
});

test('L5 a refusal for the rate carries retryMs and no stored, and a duplicate is answered all the same', () => {
  const bench = createActive({ rate: 2 });
  const first = fresh();
  bench.turn(send('mia', first));
  commitAll(bench, new Set(), { seq: 1, number: 0 });
  bench.turn(send('mia'));
  bench.turn(send('mia'));
  expect(lastPost(bench)).toMatchObject({ kind: 'err', code: 'rate_limited', retryMs: expect.any(Number) });
  expect(lastPost(bench)).not.toHaveProperty('stored');
  bench.turn(send('mia', first));
  expect(lastPost(bench)).toMatchObject({ kind: 'ack', id: first, seq: 2 });
});

test('L6 a restriction counts from admission: after a pending leave nothing more is taken in', () => {
  const bench = createActive();
  bench.turn(leave('mia'));
  bench.turn(send('mia'));
  expect(lastPost(bench)).toMatchObject({ kind: 'err', code: 'not_found', stored: false });
  expect(bench.appended().map(({ event }) => event.ev)).toEqual(['member.leave']);
});

test('L6 a permission counts from commit: what depends on a pending join waits for it, in order', () => {
  const bench = createActive();
  bench.turn(join('nora'));
  bench.turn(send('nora', undefined, 'one'));
  bench.turn({ kind: 'subscribe', request: 999_936, user: 'nora', conv });
  bench.turn(send('nora', undefined, 'two'));
  expect(bench.appended().map(({ event }) => event.ev)).toEqual(['member.join']);
  commitAll(bench, new Set(), { seq: 1, number: 0 });
  expect(bench.appended().map(({ event }) => (event.ev === 'message.new' ? event.text : event.ev))).toEqual([
    'member.join',
    'one',
    'two',
  ]);
  expect(bench.posts).toContainEqual({
    kind: 'subscribed',
    request: 999_936,
    conv,
    head: 2,
    backlog: { kind: 'none' },
  });
});

test('L6 when the join it waited for comes to nothing, the operation is refused', () => {
  const bench = createActive();
  const joining = join('nora');
  bench.turn(joining);
  bench.turn(send('nora'));
  bench.turn({ kind: 'settled', ids: [joining.id] });
  expect(lastPost(bench)).toMatchObject({ kind: 'err', code: 'not_found', stored: false });
});

test('L7 joining twice answers the current seq and takes none', () => {
  const bench = createActive();
  bench.turn(join('mia'));
  expect(lastPost(bench)).toMatchObject({ kind: 'ack', seq: 1, conv });
  expect(bench.appended()).toEqual([]);
});

test('P7 a late copy of a refused operation is refused again, even after the reason is gone', () => {
  const answeredBy = new Answered({ now: () => now });
  const bench = createActive({ answeredBy });
  const id = fresh();
  bench.turn(send('nora', id));
  expect(lastPost(bench)).toMatchObject({ code: 'not_found', stored: false });
  bench.turn(join('nora'));
  commitAll(bench, new Set(), { seq: 1, number: 0 });
  bench.turn(send('nora', id));
  expect(lastPost(bench)).toMatchObject({ code: 'not_found', stored: false });
  const next = createActive(
    { answeredBy },
    snapshotOf({ members: [{ user: 'nora', role: 'member', mark: 0 }] }),
  );
  next.turn(send('nora', id));
  expect(lastPost(next)).toMatchObject({ code: 'not_found', stored: false });
  expect(next.appended()).toEqual([]);
});

test.each([
  { name: 'from 1970', at: 5 },
  { name: 'from 2099', at: Date.UTC(2099, 0, 1) },
  { name: '24 h and a second old', at: now - 24 * 3_600_000 - 1000 },
  { name: '5 min and a second ahead', at: now + 301_000 },
])('L4 an id $name is looked up, then refused with the server’s time', ({ at }) => {
  const bench = createActive();
  const id = idAt(at);
  bench.turn(send('mia', id));
  expect(bench.toWriter.at(-1)).toEqual({ kind: 'lookup', conv, ids: [id] });
  expect(bench.posts).toEqual([]);
  bench.turn({ kind: 'looked up', ids: [id], found: [], failed: false });
  expect(lastPost(bench)).toMatchObject({ kind: 'err', code: 'id_out_of_window', stored: false, at: now });
});

test('L16 an id from before the horizon is answered expired, without a word on whether it was stored', () => {
  const bench = createActive();
  const horizon = now - 60 * 24 * 3_600_000;
  for (const [at, code] of [
    [horizon - 1, 'expired'],
    [horizon, 'id_out_of_window'],
  ] as const) {
    const id = idAt(at);
    bench.turn(send('mia', id));
    bench.turn({ kind: 'looked up', ids: [id], found: [], failed: false, horizon });
    expect(lastPost(bench)).toMatchObject({ kind: 'err', code });
    expect('stored' in (lastPost(bench) as object)).toBe(code !== 'expired');
  }
  // What is still stored is answered as ever.
  const id = idAt(horizon - 1000);
  bench.turn(send('mia', id));
  const found = [{ id, conv, from: 'mia', seq: 7, at: 70 }];
  bench.turn({ kind: 'looked up', ids: [id], found, failed: false, horizon });
  expect(lastPost(bench)).toMatchObject({ kind: 'ack', id, seq: 7 });
});

test('P2 a retry after a year is answered with the original, by looking it up', () => {
  const bench = createActive();
  const id = idAt(now - 366 * 24 * 3_600_000);
  bench.turn(send('mia', id));
  bench.turn({
    kind: 'looked up',
    ids: [id],
    found: [{ id, conv, from: 'mia', seq: 7, at: 70 }],
    failed: false,
  });
  expect(lastPost(bench)).toMatchObject({ kind: 'ack', id, seq: 7, at: 70 });
});

test('P2 an id that the actor may have forgotten is looked up before it is admitted', () => {
  const recent: LogEvent[] = [
    { ev: 'message.new', conv, seq: 500, number: 499, id: fresh(), from: 'mia', at: now, text: '' },
  ];
  const bench = createActive({}, snapshotOf({ head: { seq: 500, number: 499 }, recent }));
  const id = fresh();
  bench.turn(send('mia', id));
  expect(bench.appended()).toEqual([]);
  bench.turn({ kind: 'looked up', ids: [id], found: [], failed: false });
  expect(bench.appended()).toHaveLength(1);
});

test('P2 an instance that has just started answers a retry of what is stored from what it loaded', () => {
  const [create] = snapshotOf().recent as [LogEvent];
  const id = fresh();
  const stored: LogEvent = {
    ...{ ev: 'message.new', conv, seq: 2, number: 1, id, from: 'mia', at: now, text: 'hello' },
  };
  const snapshot = snapshotOf({ head: { seq: 2, number: 1 }, recent: [create, stored] });
  const bench = createActive({}, snapshot);
  bench.turn(send('mia', id));
  expect(lastPost(bench)).toMatchObject({ kind: 'ack', id, seq: 2, at: now });
  expect(bench.toWriter.map(({ kind }) => kind)).toEqual(['load']);
});

test('P2 when the store cannot be asked, the answer is unavailable and never a refusal for good', () => {
  const bench = createActive();
  const id = idAt(5);
  bench.turn(send('mia', id));
  bench.turn({ kind: 'looked up', ids: [id], found: [], failed: true });
  expect(lastPost(bench)).toMatchObject({ kind: 'err', code: 'unavailable' });
  expect(lastPost(bench)).not.toHaveProperty('stored');
});

test('R6 a stranger learns the same of a conversation that exists and of one that does not', () => {
  const known = createActive(
    {},
    snapshotOf({ info: { conv, type: 'group', creator: 'olga', state: 'active', createdAt: 1 } }),
  );
  const unknown = createActive(
    {},
    { info: undefined, head: { seq: 0, number: 0 }, members: [], standing: nothing, recent: [] },
  );
  for (const make of [
    send,
    join,
    leave,
    (user: string) => add(user, 'x'),
    (user: string) => remove(user, 'x'),
  ]) {
    const id = fresh();
    const request = { ...make('eve'), request: 512, id };
    known.turn(request);
    unknown.turn(request);
    expect(lastPost(known)).toEqual(lastPost(unknown));
  }
  for (const bench of [known, unknown])
    bench.turn({ kind: 'history', request: 768, user: 'eve', conv, limit: 10 });
  expect(lastPost(known)).toEqual(lastPost(unknown));
});

test('W12 a subscription with have gets the events after it, a longer absence a gap, and never a part', () => {
  const message = (seq: number): LogEvent => ({
    ev: 'message.new',
    conv,
    seq,
    number: seq - 1,
    id: fresh(),
    from: 'mia',
    at: now,
    text: `m${seq}`,
  });
  const recent = Array.from({ length: 100 }, (_, index) => message(901 + index));
  const bench = createActive({}, snapshotOf({ head: { seq: 1000, number: 999 }, recent }));
  bench.turn({ kind: 'subscribe', request: 256, user: 'mia', conv, have: 995 });
  expect(lastPost(bench)).toMatchObject({ kind: 'subscribed', head: 1000, backlog: { kind: 'events' } });
  const backlog = (bench.posts.at(-1) as Extract<ToFront, { kind: 'subscribed' }>).backlog;
  expect(backlog.kind === 'events' && backlog.events.map((event) => event.seq)).toEqual([
    996, 997, 998, 999, 1000,
  ]);
  bench.turn({ kind: 'subscribe', request: 512, user: 'mia', conv, have: 3 });
  expect(lastPost(bench)).toMatchObject({
    kind: 'subscribed',
    head: 1000,
    backlog: { kind: 'gap', have: 3 },
  });
  bench.turn({ kind: 'subscribe', request: 768, user: 'mia', conv, have: 800 });
  const read = bench.reads.shift();
  expect(read?.range).toMatchObject({ after: 800, before: 1001 });
  const meanwhile = send('mia');
  bench.turn(meanwhile);
  bench.turn({ kind: 'looked up', ids: [meanwhile.id], found: [], failed: false });
  commitAll(bench, new Set(), { seq: 1000, number: 999 });
  read?.done({ kind: 'events', events: Array.from({ length: 200 }, (_, index) => message(801 + index)) });
  bench.turn();
  const late = bench.posts.find((post) => post.kind === 'subscribed' && post.request === 768) as Extract<
    ToFront,
    { kind: 'subscribed' }
  >;
  expect(late.head).toBe(1001);
  expect(late.backlog.kind === 'events' && late.backlog.events.map((event) => event.seq)).toEqual(
    Array.from({ length: 201 }, (_, index) => 801 + index),
  );
});

test('W11 a page of long texts is cut where its texts go beyond the bound, at the end away from the reader', () => {
  const longest = 4_000;
  const message = (seq: number, chars: number): LogEvent => ({
    ...{ ev: 'message.new', conv, seq, number: seq, id: fresh(), from: 'mia', at: now },
    text: 'x'.repeat(chars),
  });
  const page = Array.from({ length: 100 }, (_, place) => message(place + 1, longest));
  const whole = page.slice(0, 25);
  for (const last of [false, true]) {
    expect(cutPage(whole, last)).toBe(whole);
    const cut = cutPage(page, last);
    const chars = cut.reduce((sum, event) => sum + ('text' in event ? event.text.length : 0), 0);
    expect(chars).toBeLessThanOrEqual(answerCharsMax);
    expect(chars).toBeGreaterThan(0.9 * answerCharsMax);
    expect(cut).toEqual(last ? page.slice(-cut.length) : page.slice(0, cut.length));
    // Somebody who pages must get on.
    const giant = [message(1, 2 * answerCharsMax), message(2, 2 * answerCharsMax)];
    expect(cutPage(giant, last)).toEqual([last ? giant[1] : giant[0]]);
  }
});

test('L16 W12 what has left the log is a gap to a resume, no end to history, and no reason to refuse a mark', () => {
  const message = (seq: number): LogEvent => {
    return { ev: 'message.new', conv, seq, number: seq, id: fresh(), from: 'mia', at: now, text: '' };
  };
  const bench = createActive(
    {},
    snapshotOf({ head: { seq: 60, number: 60 }, recent: [59, 60].map(message) }),
  );
  const answerRead = (events: LogEvent[]) => {
    const read = bench.reads.shift();
    read?.done({ kind: 'events', events });
    bench.turn();
    return read?.range;
  };
  for (const events of [
    [],
    [50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60].map(message),
    [41, 43, 60].map(message),
  ]) {
    bench.turn({ kind: 'subscribe', request: 512, user: 'mia', conv, have: 40 });
    answerRead(events);
    expect(lastPost(bench)).toMatchObject({
      kind: 'subscribed',
      head: 60,
      backlog: { kind: 'gap', have: 40 },
    });
  }
  bench.turn({ kind: 'history', request: 512, user: 'mia', conv, after: 10, limit: 5 });
  expect(answerRead([50, 51].map(message))).toEqual({ conv, after: 10, before: 61, limit: 5, last: false });
  bench.turn({ kind: 'history', request: 512, user: 'mia', conv, before: 50, limit: 5 });
  expect(answerRead([])).toEqual({ conv, after: 0, before: 50, limit: 5, last: true, writtenBefore: now });
  bench.turn({ kind: 'history', request: 512, user: 'mia', conv, around: 30, limit: 4 });
  expect(answerRead([])).toEqual({ conv, after: 28, before: 33, limit: 4, last: false, writtenBefore: now });
  for (const [kept, number] of [
    [[message(33)], 33],
    [[], 0],
  ] as const) {
    bench.turn({ kind: 'read', request: 512, user: 'mia', conv, seq: 35 });
    expect(answerRead([...kept])).toEqual({ conv, after: 0, before: 36, limit: 1, last: true });
    expect(bench.toWriter.at(-1)).toMatchObject({ kind: 'mark', number, seq: 35 });
  }
});

test('U5 U6 E8 marks of a second are told as one event of bounded size, to members who show theirs, in small conversations only', () => {
  const bench = createActive();
  bench.turn({ kind: 'receipts', step: { name: 'marked', user: 'mia', number: 3, what: 'read' } });
  bench.turn({ kind: 'receipts', step: { name: 'marked', user: 'olga', number: 5, what: 'delivered' } });
  bench.turn({ kind: 'receipts', step: { name: 'marked', user: 'mia', number: 4, what: 'delivered' } });
  bench.turn({ kind: 'receipts', step: { name: 'marked', user: 'stranger', number: 4, what: 'read' } });
  expect(bench.timers.length).toBe(1);
  const tell = (without: string[]) => {
    bench.timers.shift()?.();
    bench.turn();
    bench.receiptChecks.shift()?.({ kind: 'asked', users: without });
    bench.turn();
    return { events: bench.ephemeral.splice(0), to: bench.toldTo.splice(0) };
  };
  const both: Array<[string, number, number]> = [
    ['mia', 3, 4],
    ['olga', 0, 5],
  ];
  expect(tell([])).toEqual({ events: [{ ev: 'read.update', conv, marks: both }], to: [['olga', 'mia']] });
  for (const user of ['mia', 'olga'])
    bench.turn({ kind: 'receipts', step: { name: 'marked', user, number: 6, what: 'read' } });
  expect(tell(['mia'])).toEqual({
    events: [{ ev: 'read.update', conv, marks: [['olga', 6, 6]] }],
    to: [['olga']],
  });
  // Two fit a second here: the others wait for the next one, each once.
  const four = createActive(
    {},
    snapshotOf({
      members: ['mia', 'olga', 'ana', 'ben'].map((user) => ({ user, role: 'member' as const, mark: 0 })),
    }),
  );
  const marked = (user: string, number: number) =>
    four.turn({ kind: 'receipts', step: { name: 'marked', user, number, what: 'read' } });
  const told = () => {
    four.timers.shift()?.();
    four.turn();
    four.receiptChecks.shift()?.({ kind: 'asked', users: [] });
    four.turn();
    return four.ephemeral.splice(0).flatMap((event) => (event.ev === 'read.update' ? event.marks : []));
  };
  for (const user of ['ana', 'mia', 'ben', 'olga']) marked(user, 1);
  marked('ana', 2);
  expect(told()).toEqual([
    ['ana', 2, 2],
    ['mia', 1, 1],
  ]);
  marked('olga', 3);
  marked('mia', 2);
  expect(told()).toEqual([
    ['ben', 1, 1],
    ['olga', 3, 3],
  ]);
  expect(told()).toEqual([['mia', 2, 2]]);
  expect(four.timers).toEqual([]);
  const crowd = Array.from({ length: 101 }, (_, index) => ({
    user: `user ${index}`,
    role: 'member' as const,
    mark: 0,
  }));
  const large = createActive({}, snapshotOf({ members: crowd }));
  large.turn({ kind: 'receipts', step: { name: 'marked', user: 'user 1', number: 1, what: 'read' } });
  expect(large.timers).toEqual([]);
});

test.each([
  ['all', 4, []],
  ['all but the last', 3, [{ kind: 'publish', seqs: [4] }]],
  ['only what came before what is here', 1, [{ kind: 'publish', seqs: [2, 3, 4] }]],
  ['so little that not all of it is here', 0, [{ kind: 'missed', head: 4 }]],
  ['more than there is', 5, [{ kind: 'missed', head: 4 }]],
])('P6 a front that registers and has %s is told what it lacks, then live events go on', (_, have, told) => {
  const recent: LogEvent[] = [2, 3, 4].map((seq) => ({
    ...{ ev: 'message.new', conv, seq, number: seq, id: fresh(), from: 'mia', at: now, text: '' },
  }));
  const bench = createActive({}, snapshotOf({ head: { seq: 4, number: 4 }, recent }));
  bench.turn({ kind: 'register', front: 0, conv, have });
  const posts = bench.posts.map((post) => {
    if (post.kind === 'publish') return { kind: post.kind, seqs: post.events.map(({ seq }) => seq) };
    return post.kind === 'missed' ? { kind: post.kind, head: post.head } : post;
  });
  expect(posts).toEqual(told);
  expect(bench.lastSeq()).toBe(4);
});

test('P6 an instance that starts after a crash publishes what was committed and not told', () => {
  const bench = createBench();
  bench.setLastSeq(2);
  const recent: LogEvent[] = [2, 3, 4].map((seq) => ({
    ev: 'message.new',
    conv,
    seq,
    number: seq,
    id: fresh(),
    from: 'mia',
    at: now,
    text: '',
  }));
  bench.turn({ kind: 'loaded', snapshot: snapshotOf({ head: { seq: 4, number: 4 }, recent }) });
  expect(bench.published.map(({ events }) => events?.map((event) => event.seq))).toEqual([[3, 4]]);
  const far = createBench();
  far.setLastSeq(0);
  far.turn({ kind: 'loaded', snapshot: snapshotOf({ head: { seq: 4, number: 4 }, recent }) });
  expect(far.published).toEqual([{ conv, missed: 4 }]);
});

test('a conversation that leaves memory is handed over as its last event left it, one that crashed or is stopped is not', () => {
  for (const reason of ['passivated', 'crashed', 'stopped'] as const) {
    const bench = createActive();
    const leaving = {
      ev: 'member.leave' as const,
      conv,
      seq: 2,
      number: 0,
      id: fresh(),
      from: 'mia',
      at: now,
    };
    bench.turn({ kind: 'committed', events: [leaving] });
    bench.actor.dropped(reason);
    const [moment, ...others] = bench.handedOver;
    expect(others).toEqual([]);
    if (reason !== 'passivated') {
      expect(moment).toBeUndefined();
      continue;
    }
    expect(moment).toMatchObject({ info: { conv, creator: 'olga' }, last: { seq: 2, id: leaving.id } });
    expect([...(moment?.members ?? [])]).toMatchObject([{ user: 'olga', role: 'owner' }]);
  }
});

test('what does not exist, was not loaded, or has lost the end of its log is not handed over', () => {
  const bench = createBench();
  bench.actor.dropped('passivated');
  const empty = createActive({}, snapshotOf({ info: undefined, members: [], standing: nothing, recent: [] }));
  empty.actor.dropped('passivated');
  const old = createActive({}, snapshotOf({ head: { seq: 9, number: 7 }, recent: [] }));
  old.actor.dropped('passivated');
  expect([...bench.handedOver, ...empty.handedOver, ...old.handedOver]).toEqual([]);
});

test('W7 whatever an instance holds when it is dropped is answered, and what it loaded for is asked again', () => {
  const bench = createBench();
  const loading = send('mia');
  bench.turn(loading);
  bench.actor.dropped('crashed');
  expect(lastPost(bench)).toMatchObject({ kind: 'err', request: loading.request, code: 'unavailable' });
  const active = createActive();
  const old = send('mia', idAt(5));
  const waiting = send('nora');
  active.turn(old);
  active.turn(join('nora'), waiting);
  active.actor.dropped('crashed');
  const answered = active.posts.filter((post) => post.kind === 'err').map((post) => post.request);
  expect(answered.sort()).toEqual([old.request, waiting.request].sort());
});

test('W7 when a conversation cannot be loaded its requests are answered and the next one tries again', () => {
  const bench = createBench();
  bench.turn(send('mia'), { kind: 'register', front: 0, conv, have: 3 });
  bench.turn({ kind: 'load failed', message: 'away' });
  expect(bench.posts).toMatchObject([{ kind: 'err', code: 'unavailable' }]);
  bench.timers.shift()?.();
  bench.turn();
  expect(bench.toWriter.filter((message) => message.kind === 'load')).toHaveLength(2);
  bench.turn({ kind: 'loaded', snapshot: snapshotOf() });
  expect(lastPost(bench)).toMatchObject({ kind: 'missed', head: 1 });
});

test('only owner and admins add and remove, and nobody removes from below or from a direct conversation', () => {
  const bench = createActive();
  bench.turn(add('mia', 'nora'));
  expect(lastPost(bench)).toMatchObject({ code: 'forbidden', stored: false });
  bench.turn(remove('mia', 'olga'));
  expect(lastPost(bench)).toMatchObject({ code: 'forbidden', stored: false });
  bench.turn(add('olga', 'ghost'));
  bench.userChecks.shift()?.({ kind: 'checked', unknown: ['ghost'], blocked: [] });
  bench.turn();
  expect(lastPost(bench)).toMatchObject({ code: 'not_found', stored: false });
  bench.turn(add('olga', 'nora'));
  bench.userChecks.shift()?.({ kind: 'checked', unknown: [], blocked: [] });
  bench.turn();
  commitAll(bench, new Set(), { seq: 1, number: 0 });
  expect(bench.notified).toEqual(['nora']);
  const direct = createActive(
    {},
    snapshotOf({ info: { conv, type: 'direct', creator: 'olga', state: 'active', createdAt: 1 } }),
  );
  direct.turn(leave('mia'));
  expect(lastPost(direct)).toMatchObject({ code: 'forbidden', stored: false });
});

test('A7 an actor with something pending does not passivate', () => {
  const bench = createActive();
  expect(bench.actor.mayPassivate()).toBe(false);
  bench.setNow(now + 61_000);
  expect(bench.actor.mayPassivate()).toBe(true);
  bench.turn(send('mia'));
  expect(bench.actor.mayPassivate()).toBe(false);
  commitAll(bench, new Set(), { seq: 1, number: 0 });
  expect(bench.actor.mayPassivate()).toBe(false);
  bench.setNow(now + 122_000);
  expect(bench.actor.mayPassivate()).toBe(true);
  const empty = createActive(
    {},
    { info: undefined, head: { seq: 0, number: 0 }, members: [], standing: nothing, recent: [] },
  );
  expect(empty.actor.mayPassivate()).toBe(true);
});

test('L5 a user cannot get around the rate by spreading over conversations, or by being refused', () => {
  const rates = new Rates(
    { standard: { perSecond: 2, burst: 2 }, high: { perSecond: 9, burst: 9 } },
    { now: () => now },
  );
  const one = createActive({ rates });
  const two = createActive({ rates });
  one.turn(send('mia'));
  two.turn(send('mia'));
  one.turn(send('mia'));
  expect(lastPost(one)).toMatchObject({ code: 'rate_limited' });
  two.turn(send('nora'));
  two.turn(send('nora'));
  expect(lastPost(two)).toMatchObject({ code: 'not_found', stored: false });
  two.turn(send('nora'));
  expect(lastPost(two)).toMatchObject({ code: 'rate_limited' });
  expect(lastPost(two)).not.toHaveProperty('stored');
});

test('W7 a crash in the middle of what was kept while loading leaves none of it in silence', () => {
  const bench = createBench();
  const history = (request: number) => ({ kind: 'history' as const, request, user: 'mia', conv, limit: 10 });
  bench.turn(history(256), history(512), { kind: 'register', front: 0, conv, have: 1 });
  bench.setBroken(true);
  expect(() => bench.turn({ kind: 'loaded', snapshot: snapshotOf() })).toThrow('planted');
  bench.setBroken(false);
  bench.actor.dropped('crashed');
  expect(bench.posts.map((post) => 'request' in post && post.request)).toEqual([256, 512]);
});
