/** Changes of messages and members at the actor: what depends on what is under way, and on answers that are too old. */
import { expect, test } from 'vitest';
import { recentChangesLimits } from '#actors/conversation/recent-changes.js';
import { nothing } from '#src/storage/facts.js';
import type { ChangedMessage, ConversationSnapshot, Target } from '#src/storage/ports.js';
import type { LogEvent } from '#src/wire/events.js';
import { wireLimits } from '#src/wire/limits.js';
import {
  type Bench,
  base,
  commitAll,
  conv,
  createActive,
  fresh,
  join,
  lastPost,
  now,
  send,
  snapshotOf,
} from '../support/conversation-bench.js';

const message = fresh();
const until = now + 60_000;

function targetOf(part: Partial<Target> = {}): Target {
  return {
    ...{ conv, from: 'mia', seq: 2, number: 1, at: now, version: 0, isDeleted: false },
    ...{ hasReacted: false, hasEmoji: false, emojis: 0, ...part },
  };
}

const info = { conv, type: 'channel', creator: 'olga', state: 'active', createdAt: 1 } as const;

/** A channel of olga (owner), adam (admin), mia and nils, whose mia has said one thing. */
function scene(part: Partial<ConversationSnapshot> = {}, said = message) {
  const bench = createActive(
    { rate: 1e6 },
    snapshotOf({
      info,
      head: { seq: 1, number: 0 },
      members: [
        { user: 'olga', role: 'owner' },
        { user: 'adam', role: 'admin' },
        { user: 'mia', role: 'member' },
        { user: 'nils', role: 'member' },
      ],
      standing: { ...nothing, isChanged: true },
      ...part,
    }),
  );
  const done = new Set<string>();
  const head = { seq: 1, number: 0 };
  bench.turn(send('mia', said, 'what was said'));
  const commit = () => commitAll(bench, done, head);
  commit();
  return { bench, commit };
}

/** The message that things are done with was said so long ago that only the store knows it. */
function sceneOfOld(part: Partial<ConversationSnapshot> = {}) {
  return scene(part, fresh());
}

const edit = (user: string, text = 'better') => ({ kind: 'edit' as const, ...base(user), message, text });
const remove = (user: string) => ({ kind: 'delete' as const, ...base(user), message });
const react = (user: string, emoji = 'x') => ({ kind: 'react' as const, ...base(user), message, emoji });
const unreact = (user: string, emoji = 'x') => ({ kind: 'unreact' as const, ...base(user), message, emoji });
const pin = (user: string, what = message) => ({ kind: 'pin' as const, ...base(user), message: what });
const about = (kind: 'ban' | 'mute' | 'unmute' | 'unban', user: string, member: string) => ({
  kind,
  ...base(user),
  member,
  ...(kind === 'mute' || kind === 'ban' ? { until } : {}),
});
const role = (user: string, member: string, to: 'owner' | 'admin' | 'moderator' | 'member') => ({
  kind: 'role' as const,
  ...base(user),
  member,
  role: to,
});
const history = (user = 'nils', request = 4096) => ({
  kind: 'history' as const,
  request,
  user,
  conv,
  limit: 50,
});

/** Answers every question that is open. */
function tell(bench: Bench, target: Target | undefined): void {
  for (const { asked, done } of bench.targets.splice(0))
    done({ kind: 'targets', targets: asked.map(() => target) });
  bench.turn();
}

const events = (bench: Bench) => bench.appended().map(({ event }) => event.ev);
const codes = (bench: Bench) => bench.posts.flatMap((post) => (post.kind === 'err' ? [post.code] : []));

test('C4 what the store said of a message before it was deleted is asked again', () => {
  const { bench, commit } = sceneOfOld();
  bench.turn(edit('mia'), remove('adam'));
  const [ofEdit, ofDelete] = bench.targets.splice(0);
  ofDelete?.done({ kind: 'targets', targets: [targetOf()] });
  bench.turn();
  commit();
  // The answer to the first is of before.
  ofEdit?.done({ kind: 'targets', targets: [targetOf()] });
  bench.turn();
  expect(events(bench)).toEqual(['message.new', 'message.delete']);
  expect(bench.targets).toHaveLength(1);
  tell(bench, targetOf({ isDeleted: true, version: 3 }));
  expect(lastPost(bench)).toMatchObject({ kind: 'err', code: 'not_found', stored: false });
});

test('C4 a deletion that is under way is waited for, and one that comes to nothing is none', () => {
  for (const isCommitted of [true, false]) {
    const { bench, commit } = sceneOfOld();
    const deletion = remove('mia');
    bench.turn(deletion);
    tell(bench, targetOf());
    bench.turn(edit('mia'), react('nils'), pin('adam'));
    expect(bench.targets).toEqual([]);
    if (isCommitted) commit();
    else bench.turn({ kind: 'settled', ids: [deletion.id] });
    tell(bench, targetOf(isCommitted ? { isDeleted: true, version: 3 } : {}));
    const last = ['message.edit', 'reaction.add', 'message.pin'];
    expect(events(bench)).toEqual(['message.new', 'message.delete', ...(isCommitted ? [] : last)]);
    expect(codes(bench)).toEqual(isCommitted ? ['not_found', 'not_found', 'not_found'] : []);
  }
});

test('C3 C4 a reaction given and taken crosswise by two devices is decided one after the other', () => {
  const { bench, commit } = sceneOfOld();
  bench.turn(react('nils'));
  tell(bench, targetOf());
  bench.turn(unreact('nils'), react('nils'), react('adam'));
  // Of the same user and emoji it waits, of others not.
  expect(bench.targets).toHaveLength(1);
  tell(bench, targetOf());
  expect(events(bench).slice(1)).toEqual(['reaction.add', 'reaction.add']);
  commit();
  tell(bench, targetOf({ hasReacted: true, hasEmoji: true, emojis: 1, version: 4 }));
  expect(events(bench).slice(1)).toEqual(['reaction.add', 'reaction.add', 'reaction.remove']);
  commit();
  tell(bench, targetOf({ hasReacted: false, hasEmoji: true, emojis: 1, version: 5 }));
  expect(events(bench).slice(1)).toEqual(['reaction.add', 'reaction.add', 'reaction.remove', 'reaction.add']);
  const names = bench
    .appended()
    .flatMap(({ event }) => (event.ev.startsWith('reaction') ? [event.from] : []));
  expect(names).toEqual(['nils', 'adam', 'nils', 'nils']);
});

test('C4 those who react to one message at once do not wait for each other for ever', () => {
  const { bench, commit } = sceneOfOld();
  for (let index = 0; index < 50; index += 1) {
    const [mine, theirs] = [react('nils', `mine ${index}`), react('adam', `theirs ${index}`)];
    bench.turn(mine, theirs);
    const [first, second] = bench.targets.splice(0);
    first?.done({ kind: 'targets', targets: [targetOf()] });
    bench.turn();
    commit();
    second?.done({ kind: 'targets', targets: [targetOf()] });
    bench.turn();
    expect(bench.targets, 'asked again').toEqual([]);
    commit();
  }
  expect(events(bench)).toHaveLength(101);
});

test('C3 a message has no more different reactions than it may, also when two come at once', () => {
  const { bench, commit } = sceneOfOld();
  const emojis = wireLimits.messageEmojisMax - 1;
  bench.turn(react('nils', 'one'), react('adam', 'two'));
  tell(bench, targetOf({ emojis }));
  expect(events(bench).slice(1)).toEqual(['reaction.add']);
  commit();
  tell(bench, targetOf({ emojis: emojis + 1, version: 3 }));
  expect(events(bench).slice(1)).toEqual(['reaction.add']);
  expect(codes(bench)).toEqual(['forbidden']);
  bench.turn(react('olga', 'one'));
  tell(bench, targetOf({ emojis: emojis + 1, hasEmoji: true, version: 3 }));
  expect(events(bench).slice(1)).toEqual(['reaction.add', 'reaction.add']);
});

test('C7 two pins at once where one has room: one is pinned, one refused', () => {
  const pins = Array.from({ length: wireLimits.pinsMax - 1 }, () => fresh());
  const { bench, commit } = sceneOfOld({ standing: { ...nothing, isChanged: true, pins } });
  const other = fresh();
  bench.turn(pin('adam'), pin('olga', other));
  tell(bench, targetOf());
  expect(events(bench).slice(1)).toEqual(['message.pin']);
  commit();
  tell(bench, targetOf());
  expect(events(bench).slice(1)).toEqual(['message.pin']);
  expect(codes(bench)).toEqual(['forbidden']);
  // Deleting unpins, and makes room.
  bench.turn(remove('adam'));
  tell(bench, targetOf());
  commit();
  bench.turn(pin('olga', other));
  tell(bench, targetOf());
  expect(events(bench).slice(1)).toEqual(['message.pin', 'message.delete', 'message.pin']);
});

test('G6 what is sent while a mute is under way waits for it, and is refused', () => {
  const { bench, commit } = scene();
  bench.turn(about('mute', 'adam', 'mia'));
  bench.turn(send('mia'), send('nils'));
  expect(events(bench)).toEqual(['message.new', 'member.mute', 'message.new']);
  commit();
  expect(lastPost(bench)).toMatchObject({ code: 'forbidden', stored: false });
  bench.setNow(until + 1);
  bench.turn(send('mia'));
  expect(events(bench).at(-1)).toBe('message.new');
});

test('G6 a mute for as long as can be named is refused in words, and harms nobody', () => {
  const { bench, commit } = scene();
  bench.turn({ ...about('mute', 'adam', 'mia'), until: 253_370_764_799_999 });
  commit();
  bench.turn(send('mia'));
  expect(lastPost(bench)).toMatchObject({ code: 'forbidden', message: expect.stringContaining('9998') });
});

test('G9 two messages at once in slow mode: one passes, the other learns how long to wait', () => {
  const slow = scene({ info: { ...info, slowMs: 10_000 } });
  slow.bench.setNow(now + 20_000);
  slow.bench.turn(send('mia'), send('mia'), send('adam'), send('adam'));
  expect(events(slow.bench)).toEqual(['message.new', 'message.new', 'message.new', 'message.new']);
  const early = lastPost(slow.bench);
  expect(early).toMatchObject({ code: 'rate_limited', retryMs: 10_000 });
  expect(early).not.toHaveProperty('stored');
  slow.bench.setNow(now + 30_001);
  slow.bench.turn(send('mia'));
  expect(events(slow.bench)).toHaveLength(5);
});

test('G9 two who join at once where one has room: one comes in', () => {
  const { bench, commit } = scene({ info: { ...info, membersMax: 5 } });
  bench.turn(join('nora'), join('otto'));
  expect(events(bench).slice(1)).toEqual(['member.join']);
  commit();
  bench.turn(join('otto'));
  expect(codes(bench)).toEqual(['forbidden', 'forbidden']);
});

test('G7 from the moment a ban is taken in, what waits for anything is not taken in any more', () => {
  const { bench, commit } = sceneOfOld();
  bench.turn(edit('mia'), { ...send('mia'), replyTo: fresh() }, react('mia'));
  bench.turn(about('ban', 'adam', 'mia'));
  tell(bench, targetOf());
  bench.turn(send('mia'), history('mia', 512), { kind: 'subscribe', request: 768, user: 'mia', conv });
  expect(events(bench)).toEqual(['message.new', 'member.ban']);
  expect(new Set(codes(bench))).toEqual(new Set(['not_found']));
  expect(codes(bench)).toHaveLength(6);
  commit();
  bench.turn(join('mia'));
  expect(lastPost(bench)).toMatchObject({ code: 'forbidden' });
});

test('G7 a ban that comes to nothing lets them go on', () => {
  const { bench } = scene();
  const ban = about('ban', 'adam', 'mia');
  bench.turn(ban);
  bench.turn({ kind: 'settled', ids: [ban.id] });
  bench.turn(send('mia'));
  expect(events(bench)).toEqual(['message.new', 'member.ban', 'message.new']);
});

test('G2 a role that is being given is waited for by what depends on it', () => {
  const { bench, commit } = sceneOfOld();
  bench.turn(role('olga', 'nils', 'moderator'));
  bench.turn(about('mute', 'nils', 'mia'), about('ban', 'adam', 'nils'), remove('nils'));
  expect(events(bench).slice(1)).toEqual(['member.role']);
  commit();
  expect(events(bench).slice(1)).toEqual(['member.role', 'member.mute', 'member.ban']);
  // Who is to be banned deletes nothing more.
  tell(bench, targetOf());
  expect(lastPost(bench)).toMatchObject({ code: 'not_found' });
});

test('G2 whose message is deleted while they rise is deleted or not by what they are then', () => {
  const { bench, commit } = sceneOfOld();
  bench.turn(role('olga', 'nils', 'moderator'));
  commit();
  bench.turn(remove('nils'));
  bench.turn(role('olga', 'mia', 'admin'));
  tell(bench, targetOf());
  expect(events(bench).at(-1)).toBe('member.role');
  commit();
  tell(bench, targetOf());
  expect(lastPost(bench)).toMatchObject({ code: 'forbidden', stored: false });
});

test('G4 while the owner gives it away they do nothing as an owner any more', () => {
  const { bench, commit } = scene();
  bench.turn(role('olga', 'adam', 'owner'));
  bench.turn({ kind: 'change', ...base('olga'), state: 'deleted' }, { kind: 'leave', ...base('olga') });
  expect(events(bench).slice(1)).toEqual(['member.role']);
  commit();
  expect(events(bench).slice(1)).toEqual(['member.role', 'member.leave']);
  expect(codes(bench)).toEqual(['forbidden']);
});

/** The page that is answered to `history`, once the store has said `changed`. */
function answerPage(bench: Bench, changed: ChangedMessage[]): LogEvent[] | undefined {
  bench.changes.shift()?.done({ kind: 'changed', messages: changed });
  bench.turn();
  const post = bench.posts.at(-1);
  return post?.kind === 'ack' ? post.events : undefined;
}

test('C2 C6 a deletion while a page is being read: the text is not told after its ack', () => {
  const { bench, commit } = scene();
  bench.turn(history());
  bench.turn(remove('mia'));
  tell(bench, targetOf());
  commit();
  const page = answerPage(bench, []);
  expect(page?.find(({ id }) => id === message)).toEqual({
    ...{ ev: 'message.new', conv, seq: 2, number: 1, id: message, from: 'mia', at: now, text: '' },
    state: { version: 3, deletedAt: now, deletedBy: 'mia' },
  });
  expect(JSON.stringify(page)).not.toContain('what was said');
});

test('C2 a deletion while an old page comes from the store, and the reader’s backlog: neither tells the text', () => {
  const recent: LogEvent[] = [
    { ev: 'message.new', conv, seq: 90, number: 50, id: fresh(), from: 'mia', at: now, text: 'recent' },
  ];
  const bench = createActive(
    { rate: 1e6 },
    snapshotOf({ head: { seq: 90, number: 50 }, recent, standing: { ...nothing, isChanged: true } }),
  );
  const old: LogEvent = {
    ev: 'message.new',
    conv,
    seq: 88,
    number: 49,
    id: message,
    from: 'mia',
    at: 5,
    text: 'secret',
  };
  const edited: LogEvent = {
    ...{ ev: 'message.edit', conv, seq: 89, number: 49, id: fresh(), from: 'mia', at: 6 },
    ...{ message, messageSeq: 88, text: 'secret 2' },
  };
  bench.turn({ ...history('olga'), before: 90 });
  bench.turn({ kind: 'subscribe', request: 8192, user: 'olga', conv, have: 87 });
  for (const { done } of bench.reads.splice(0)) done({ kind: 'events', events: [old, edited] });
  const deletion = remove('mia');
  bench.turn(deletion);
  bench.turn({ kind: 'looked up', ids: [deletion.id], found: [], failed: false });
  tell(bench, targetOf({ seq: 88, number: 49 }));
  commitAll(bench, new Set(), { seq: 90, number: 50 });
  for (const { done } of bench.changes.splice(0))
    done({
      kind: 'changed',
      messages: [{ message, state: { version: 89, editedAt: 6 }, text: 'secret 2' }],
    });
  bench.turn();
  const told = bench.posts.filter(
    (post) => 'request' in post && (post.request === 4096 || post.request === 8192),
  );
  expect(told).toHaveLength(2);
  expect(JSON.stringify(told)).toContain('"deletedAt"');
  expect(JSON.stringify(told)).not.toContain('secret');
});

test('C6 a page is never behind what was told before it: changes while it was read are in it', () => {
  const { bench, commit } = scene();
  bench.turn(history());
  bench.turn(react('nils', 'a'), react('adam', 'a'), edit('mia', 'better'), pin('olga'));
  tell(bench, targetOf());
  commit();
  const page = answerPage(bench, [
    // The store had seen the first of them, and nobody had told us.
    { message, state: { version: 3, reactions: [['a', 1, true]] } },
  ]);
  expect(page?.find(({ id }) => id === message)).toMatchObject({
    text: 'better',
    state: {
      version: 6,
      editedAt: now,
      pinnedAt: now,
      pinnedBy: 'olga',
      reactions: [['a', 2, true]],
    },
  });
});

test('C6 a page that more was changed in than is remembered is asked about again', () => {
  const { bench, commit } = scene();
  bench.turn(history());
  const text = 'x'.repeat(32 * 1024);
  for (let chars = 0; chars <= recentChangesLimits.charsMax; chars += text.length) {
    bench.turn(edit('mia', text));
    tell(bench, targetOf());
    commit();
  }
  const before = bench.posts.length;
  answerPage(bench, []);
  expect(bench.posts).toHaveLength(before);
  expect(bench.changes).toHaveLength(1);
  const page = answerPage(bench, [{ message, state: { version: 9_999 } }]);
  expect(page?.find(({ id }) => id === message)).toMatchObject({ state: { version: 9_999 } });
});

test('C6 an edit of a message outside of the page says what that message says now, or nothing', () => {
  const { bench, commit } = scene();
  for (const isDeleted of [false, true]) {
    bench.turn(edit('mia', `edit ${isDeleted}`));
    tell(bench, targetOf());
    commit();
    bench.turn({ ...history(), after: 2 });
    expect(bench.changes[0]?.range).toMatchObject({ named: [message] });
    const state = isDeleted
      ? { version: 4, deletedAt: now, deletedBy: 'mia' }
      : { version: 3, editedAt: now };
    const page = answerPage(bench, [{ message, state, ...(isDeleted ? {} : { text: 'now' }) }]);
    expect(page?.[0]).toMatchObject({ ev: 'message.edit', text: isDeleted ? '' : 'now' });
  }
});

test('C6 a reply shows its parent as it is now, also when that is deleted or edited meanwhile', () => {
  for (const [change, expected] of [
    [edit('mia', 'better'), { preview: 'better' }],
    [remove('mia'), { preview: '', deleted: true }],
  ] as const) {
    const { bench, commit } = scene();
    bench.turn({ ...send('nils', undefined, 'a reply'), replyTo: message });
    commit();
    bench.turn({ ...history(), after: 2 });
    bench.changes.shift()?.done({ kind: 'changed', messages: [] });
    bench.turn(change);
    tell(bench, targetOf());
    commit();
    const parent = { id: message, from: 'mia', seq: 2, preview: 'what was said' };
    bench.parents[0]?.done({ kind: 'parents', parents: [parent] });
    bench.turn();
    const post = bench.posts.at(-1);
    const page = post?.kind === 'ack' ? post.events : undefined;
    expect(page?.[0]).toMatchObject({ text: 'a reply', parent: { id: message, ...expected } });
  }
});

test('C2 an edit that is stored together with the deletion of its message says nothing when it is told', () => {
  const { bench, commit } = scene();
  bench.setLastSeq(2);
  bench.turn(edit('mia', 'said in passing'));
  tell(bench, targetOf());
  bench.turn(remove('mia'));
  tell(bench, targetOf());
  commit();
  const told = bench.published.at(-1)?.events;
  expect(told?.map(({ ev }) => ev)).toEqual(['message.edit', 'message.delete']);
  expect(JSON.stringify(told)).not.toContain('said in passing');
});

test('C2 what a deleted message said leaves the window, with its edits', () => {
  const { bench, commit } = scene();
  bench.turn(edit('mia', 'what was edited'));
  tell(bench, targetOf());
  commit();
  bench.turn(remove('mia'));
  tell(bench, targetOf());
  commit();
  bench.turn({ kind: 'subscribe', request: 1024, user: 'nils', conv, have: 1 });
  const backlog = bench.posts.at(-1);
  expect(backlog).toMatchObject({ kind: 'subscribed', backlog: { kind: 'events' } });
  expect(JSON.stringify(backlog)).not.toContain('what was');
  // A retry of what was deleted is answered as ever.
  bench.turn(send('mia', message, 'what was said'));
  expect(lastPost(bench)).toMatchObject({ kind: 'ack', id: message, seq: 2 });
});

test('C2 G7 an instance that was dropped tells nothing of what it was reading', () => {
  const { bench } = scene();
  bench.turn(history());
  bench.actor.dropped('crashed');
  const page = answerPage(bench, []);
  expect(page).toBeUndefined();
  expect(lastPost(bench)).toMatchObject({ kind: 'err', code: 'unavailable' });
});

test('C5 what is handed over is what the next instance goes on from', () => {
  const { bench, commit } = scene();
  bench.turn(about('mute', 'adam', 'nils'), about('ban', 'olga', 'adam'), role('olga', 'mia', 'moderator'));
  bench.turn(pin('mia'));
  commit();
  tell(bench, targetOf());
  commit();
  bench.turn({ kind: 'change', ...base('olga'), slowMs: 5000 });
  commit();
  bench.actor.dropped('passivated');
  const [moment] = bench.handedOver;
  expect(moment?.info).toMatchObject({ slowMs: 5000 });
  expect(moment?.standing).toEqual({
    ...{ isChanged: true, pins: [message], mutesOfAbsent: [] },
    bans: [{ user: 'adam', until }],
  });
  expect([...(moment?.members ?? [])]).toEqual([
    { user: 'olga', role: 'owner' },
    { user: 'mia', role: 'moderator' },
    { user: 'nils', role: 'member', mutedUntil: until },
  ]);
});
