import { expect, test } from 'vitest';
import { ConversationModel } from '#client/model/conversation-model.js';
import { lateChangesMax } from '#client/model/late-changes.js';
import { Ranges } from '#client/model/ranges.js';
import { decorate, editedElsewhere, repliedTo } from '#src/pages.js';
import { MessageChanges } from '#src/storage/memory/message-changes.js';
import type { LogEvent, MessageChange } from '#src/wire/events.js';
import { RandomHistory } from '#test/support/random-history.js';
import { Draws } from '#test/support/sim-random.js';

const conv = '018f4e2a-7b1c-7abc-a000-0000000000cc';
const [ada, bob] = ['ada', 'bob'];

function row(seq: number, from = bob) {
  return { conv, seq, number: seq, id: `id ${seq}`, from, at: 1000 + seq };
}

function said(seq: number, text: string, more: Partial<LogEvent<'message.new'>> = {}): LogEvent {
  return { ev: 'message.new', ...row(seq), text, ...more };
}

function about(seq: number, messageSeq: number) {
  return { ...row(seq), message: `id ${messageSeq}`, messageSeq };
}

const edited = (seq: number, messageSeq: number, text: string): MessageChange => ({
  ev: 'message.edit',
  ...about(seq, messageSeq),
  text,
});
const reacted = (seq: number, messageSeq: number): MessageChange => ({
  ev: 'reaction.add',
  ...about(seq, messageSeq),
  emoji: '👍',
});
const deleted = (seq: number, messageSeq: number): MessageChange => ({
  ev: 'message.delete',
  ...about(seq, messageSeq),
  messageNumber: messageSeq,
  author: bob,
  sentAt: 1000 + messageSeq,
});

test('C6 a change counts once: not below the version that a page told', () => {
  const model = new ConversationModel({ conv, user: ada, have: 10 });
  const state = { version: 12, reactions: [['👍', 3, false] as [string, number, boolean]] };
  model.applyPage({ events: [said(5, 'hello', { state })], head: 12, asked: { before: 6 } });
  for (const seq of [11, 12]) model.apply(reacted(seq, 5));
  expect(model.message('id 5')?.state?.reactions).toEqual([['👍', 3, false]]);
  model.apply({ ...reacted(13, 5), from: ada });
  expect(model.message('id 5')?.state).toEqual({ version: 13, reactions: [['👍', 4, true]] });
});

test('C6 C9 a change that overtook the page of its message is made up for, unless the page knew it', () => {
  const model = new ConversationModel({ conv, user: ada, have: 10 });
  for (const change of [edited(11, 5, 'now'), reacted(12, 5)]) model.apply(change);
  model.applyPage({ events: [said(5, 'once')], head: 10, asked: { before: 6 } });
  expect(model.message('id 5')).toMatchObject({ text: 'now', state: { version: 12 } });
  const state = { version: 11, editedAt: 1 };
  model.begin(10);
  for (const change of [edited(11, 5, 'now'), reacted(12, 5)]) model.apply(change);
  model.applyPage({ events: [said(5, 'now', { state })], head: 11, asked: { before: 6 } });
  expect(model.message('id 5')?.state).toEqual({ version: 12, editedAt: 1, reactions: [['👍', 1, false]] });
});

test('C6 what a reply shows of a message that is not here is made up for as well', () => {
  const model = new ConversationModel({ conv, user: ada, have: 10 });
  model.apply(edited(11, 5, 'now'));
  const parent = { id: 'id 5', from: bob, seq: 5, preview: 'once' };
  model.applyPage({
    events: [said(8, 'reply', { replyTo: 'id 5', parent })],
    head: 10,
    asked: { before: 9 },
  });
  expect(model.message('id 8')?.parent?.preview).toBe('now');
  model.apply(deleted(12, 5));
  expect(model.message('id 8')?.parent).toMatchObject({ preview: '', deleted: true });
  // An older page that comes late brings nothing back.
  model.applyPage({
    events: [said(8, 'reply', { replyTo: 'id 5', parent })],
    head: 10,
    asked: { before: 9 },
  });
  expect(model.message('id 8')?.parent).toMatchObject({ preview: '', deleted: true });
});

test('C9 what a page tells beyond the stream is not shown before the stream has come there', () => {
  const model = new ConversationModel({ conv, user: ada, have: 10 });
  model.applyPage({ events: [said(10, 'here'), said(11, 'later')], head: 11, asked: {} });
  expect(model.messages.map(({ seq }) => seq)).toEqual([10]);
  expect(model.loaded).toEqual([[10, 10]]);
  model.apply(said(11, 'later'));
  expect(model.loaded).toEqual([[10, 11]]);
});

test('C9 a page is refused that was read before changes which are remembered no more', () => {
  const model = new ConversationModel({ conv, user: ada, have: 10 });
  const page = { events: [said(5, 'once')], asked: { before: 6 } };
  for (let count = 1; count <= lateChangesMax + 1; count += 1) model.apply(reacted(10 + count, 5));
  expect(model.applyPage({ ...page, head: 10 })).toBe(false);
  expect(model.messages).toEqual([]);
  expect(model.applyPage({ ...page, head: 11 })).toBe(true);
  expect(model.message('id 5')?.state?.reactions).toEqual([['👍', lateChangesMax, false]]);
});

test('C2 of what was deleted nothing is left: in its place, in replies, in changes that wait for a page', () => {
  const model = new ConversationModel({ conv, user: ada, have: 0 });
  model.apply(said(1, 'secret'));
  model.apply(said(2, 'reply', { replyTo: 'id 1' }));
  expect(model.message('id 2')?.parent).toMatchObject({ preview: 'secret', seq: 1 });
  model.apply(edited(3, 1, 'secret again'));
  expect(model.message('id 2')?.parent).toMatchObject({ preview: 'secret again' });
  model.apply(deleted(4, 1));
  expect(model.canonical()).not.toContain('secret');
  expect(model.message('id 1')).toMatchObject({ text: '', state: { version: 4, deletedBy: bob } });
  expect(model.message('id 2')?.parent).toEqual({
    id: 'id 1',
    from: bob,
    seq: 1,
    preview: '',
    deleted: true,
  });
  model.begin(10);
  for (const change of [edited(11, 5, 'secret'), deleted(12, 5)]) model.apply(change);
  expect(JSON.stringify([...Object.values(model)].map((part) => deepValues(part)))).not.toContain('secret');
  model.begin(10);
  model.apply(edited(11, 5, 'secret'));
  model.applyPage({ events: [said(5, 'once')], head: 10, asked: { before: 6 } });
  model.apply(deleted(12, 5));
  expect(JSON.stringify([...Object.values(model)].map((part) => deepValues(part)))).not.toContain('secret');
});

/** What is in a part of a model, Maps unfolded. */
function deepValues(value: unknown): unknown {
  if (value instanceof Map) return [...value.values()].map(deepValues);
  if (typeof value !== 'object' || value === null) return value;
  return Object.values(value).map(deepValues);
}

test('P6 the stream has no holes, and what was heard before is left out', () => {
  const model = new ConversationModel({ conv, user: ada, have: 1 });
  model.apply({ ev: 'unknown', conv, seq: 2 });
  model.apply(said(2, 'again'));
  expect(model.messages).toEqual([]);
  expect(() => model.apply(said(4, 'too early'))).toThrow(RangeError);
  expect(model.have).toBe(2);
});

test('ranges that meet are one, whatever order they come in', () => {
  const ranges = new Ranges();
  for (const [from, to] of [
    [10, 20],
    [30, 40],
    [1, 3],
    [5, 4],
  ] as const)
    ranges.add(from, to);
  expect(ranges.all).toEqual([
    [1, 3],
    [10, 20],
    [30, 40],
  ]);
  ranges.add(21, 29);
  ranges.add(2, 5);
  ranges.add(41, 41);
  expect(ranges.all).toEqual([
    [1, 5],
    [10, 41],
  ]);
  ranges.add(1, 50);
  expect(ranges.all).toEqual([[1, 50]]);
  expect(ranges.at(50)).toEqual([1, 50]);
  expect(ranges.at(51)).toBeUndefined();
});

/** A server's answers about a log, as far as it had been written. */
class Pages {
  private readonly log: LogEvent[] = [];
  private readonly changes = new MessageChanges((id) => this.log.find((event) => event.id === id));

  add(event: LogEvent): void {
    this.log.push(event);
    if ('message' in event) this.changes.apply(event);
  }

  /** As `history` tells it, at this moment. */
  read(user: string, after: number, limit: number) {
    const events = this.log.slice(after, after + limit);
    const [from, to] = [events[0]?.seq ?? 0, events.at(-1)?.seq ?? 0];
    const named = editedElsewhere(events);
    const changed = this.changes.changed({ conv, from, to, named, user });
    const parents = this.changes.parents(conv, repliedTo(events));
    const askedAt = this.log.length;
    return { events: decorate({ events, changed, parents }), head: askedAt, asked: { after } };
  }
}

test('C6 C9 1,000 random histories: pages in any order, early and late, give what the whole stream gives', {
  timeout: 120_000,
}, () => {
  for (let seed = 1; seed <= 1_000; seed += 1) {
    const random = new Draws(seed, 1);
    const users = ['u0', 'u1', 'u2', 'u3'];
    const user = random.pick(users);
    const at = 1_700_000_000_000;
    const history = new RandomHistory({ conv, users, random, at, id: () => random.uuid(at) });
    history.grow(random.between(20, 80));
    const { events } = history;
    const server = new Pages();
    const whole = new ConversationModel({ conv, user });
    const begin = random.between(0, events.length);
    const model = new ConversationModel({ conv, user, have: begin });
    let underWay: Array<ReturnType<Pages['read']>> = [];
    // The stream may lag behind the pages, and the pages behind the stream.
    let behind: LogEvent[] = [];
    for (const event of events) {
      server.add(event);
      whole.apply(event);
      behind.push(event);
      if (random.chance(0.4)) for (const heard of behind.splice(0)) model.apply(heard);
      if (event.seq < begin) continue;
      if (random.chance(0.3))
        underWay.push(server.read(user, random.between(0, event.seq), random.between(1, 30)));
      if (!random.chance(0.2)) continue;
      for (const page of underWay) expect(model.applyPage(page)).toBe(true);
      underWay = [];
    }
    for (const heard of behind) model.apply(heard);
    behind = [];
    for (let after = begin; after >= 0; after -= 10) underWay.push(server.read(user, after, 20));
    underWay.push(server.read(user, 0, 20));
    underWay.sort(() => random.next() - 0.5);
    for (const page of underWay) model.applyPage(page);
    expect(model.loaded, `seed ${seed}`).toEqual([[1, events.length]]);
    expect(model.canonical(), `seed ${seed}`).toBe(whole.canonical());
    expect(whole.members?.size).toBeGreaterThan(0);
  }
});
