/** Look-ups of messages and members, as the services give them. */
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ConversationType, LogEvent, LogEventName } from '#src/wire/events.js';
import { type DirectoryWorld, openDirectoryWorld } from '../support/directory-world.js';
import { Script } from '../support/log-events.js';

let world: DirectoryWorld;
let asker: DirectoryWorld['asker'];
let directory: DirectoryWorld['directory'];
const [ann, bob, eve] = [uuidv7(), uuidv7(), uuidv7()] as [string, string, string];

beforeAll(async () => {
  world = await openDirectoryWorld();
  ({ asker, directory } = world);
});
afterAll(() => world.close());

/** The next event of a script, of any kind. */
function next<Name extends LogEventName>(
  script: Script,
  ev: Name,
  fields: object,
  from = script.owner,
): LogEvent<Name> {
  const { ev: _ev, ...base } = script.join(from);
  return { ev, ...base, ...fields } as unknown as LogEvent<Name>;
}

function on({ id, seq }: LogEvent): { message: string; messageSeq: number } {
  return { message: id, messageSeq: seq };
}

/** A conversation of Ann's with Bob in it, and one message of Bob's. */
async function begun(type: ConversationType = 'group') {
  const script = new Script({ owner: ann });
  const creation = script.create([bob], type);
  const said = script.message('first', { from: bob });
  await asker.write([creation, said]);
  return { script, said, creation };
}

const refusal = (asked: Promise<unknown>) =>
  asked.then(
    () => 'answered',
    ({ code, message }: { code: string; message: string }) => `${code} ${message}`,
  );

test('W17 a message is told as in a page: with its state, its parent, and what it says now', async () => {
  const { script, said } = await begun();
  const reply = script.message('yes', { replyTo: said.id });
  await asker.write([
    reply,
    next(script, 'message.edit', { ...on(said), text: 'second' }, bob),
    next(script, 'reaction.add', { ...on(said), emoji: '👍' }),
    next(script, 'message.pin', on(said)),
  ]);
  const now = await directory['messages.get']({ user: ann, id: said.id });
  expect(now).toMatchObject({
    text: 'second',
    state: { version: 6, reactions: [['👍', 1, true]], pinnedBy: ann },
  });
  expect((await directory['messages.get']({ user: bob, id: said.id })).state?.reactions).toEqual([
    ['👍', 1, false],
  ]);
  expect((await directory['messages.get']({ user: ann, id: reply.id })).parent).toMatchObject({
    id: said.id,
    preview: 'second',
  });
  expect(await directory['messages.pins']({ user: bob, conv: script.conv })).toMatchObject({
    messages: [{ id: said.id, text: 'second' }],
  });
});

test('C8 W17 what a message said is listed in order and paged, and is gone with the message', async () => {
  const { script, said } = await begun();
  const edits = ['second', 'third'].map((text) => next(script, 'message.edit', { ...on(said), text }, bob));
  await asker.write(edits);
  const read = (more: object = {}) =>
    directory['messages.edits']({ user: ann, id: said.id, limit: 10, ...more });
  const all = await read();
  expect(all.edits.map(({ seq, by, text }) => [seq, by, text])).toEqual([
    [2, bob, 'first'],
    [3, bob, 'second'],
    [4, bob, 'third'],
  ]);
  const page = await read({ limit: 2 });
  expect(page.edits).toHaveLength(2);
  expect(await read({ cursor: page.next ?? '' })).toEqual({ edits: all.edits.slice(2), next: null });
  await expect(read({ cursor: 'WzEsMl0' })).rejects.toMatchObject({ code: 'invalid' });
  const deletion = { ...on(said), messageNumber: 1, author: bob, sentAt: said.at };
  await asker.write([next(script, 'message.delete', deletion, bob)]);
  expect(await read()).toEqual({ edits: [], next: null });
  const gone = await directory['messages.get']({ user: ann, id: said.id });
  expect(gone).toMatchObject({ text: '', state: { deletedBy: bob } });
  expect(JSON.stringify(gone)).not.toMatch(/first|second|third/);
});

test('W17 who reacted is listed in their order, by emoji, and paged', async () => {
  const { script, said } = await begun();
  const people = Array.from({ length: 5 }, () => uuidv7());
  const react = (user: string, emoji: string) => next(script, 'reaction.add', { ...on(said), emoji }, user);
  await asker.write([...people.map((user) => react(user, '👍')), react(bob, 'tea')]);
  await asker.write([next(script, 'reaction.remove', { ...on(said), emoji: '👍' }, people[0])]);
  const read = (more: object = {}) =>
    directory['messages.reactions']({ user: ann, id: said.id, limit: 3, ...more });
  const first = await read();
  expect(first.reactions.map(({ user }) => user)).toEqual(people.slice(1, 4));
  const rest = await read({ cursor: first.next ?? '' });
  expect(rest).toEqual({
    reactions: [
      { user: people[4], emoji: '👍', at: expect.any(Number) },
      { user: bob, emoji: 'tea', at: expect.any(Number) },
    ],
    next: null,
  });
  expect((await read({ emoji: 'tea' })).reactions.map(({ user }) => user)).toEqual([bob]);
});

test('W17 R6 members are for members, bans and mutes for those who may impose them', async () => {
  const { script } = await begun('channel');
  const [muted, banned] = [uuidv7(), uuidv7()];
  const until = Date.now() + 3_600_000;
  await asker.write([
    next(script, 'member.join', {}, muted),
    next(script, 'member.nickname', { user: bob, nickname: 'Bo' }),
    next(script, 'member.mute', { user: muted, until }),
    next(script, 'member.ban', { user: banned }),
  ]);
  const asked = { conv: script.conv, limit: 2 };
  const first = await directory['members.list']({ user: bob, ...asked });
  const rest = await directory['members.list']({ user: bob, ...asked, cursor: first.next ?? '' });
  expect(rest.next).toBeNull();
  expect(
    [...first.members, ...rest.members].map(({ user, role, nickname }) => [user, role, nickname]),
  ).toEqual(
    [
      [ann, 'owner', null],
      [bob, 'member', 'Bo'],
      [muted, 'member', null],
    ].toSorted(([one], [other]) => (String(one) < String(other) ? -1 : 1)),
  );
  expect(await directory['members.bans']({ user: ann, ...asked })).toEqual({
    bans: [{ user: banned, until: null }],
    next: null,
  });
  expect(await directory['members.mutes']({ user: ann, ...asked })).toEqual({
    mutes: [{ user: muted, until }],
    next: null,
  });
  for (const service of ['members.bans', 'members.mutes'] as const) {
    await expect(directory[service]({ user: bob, ...asked })).rejects.toMatchObject({ code: 'forbidden' });
    expect(await refusal(directory[service]({ user: eve, ...asked }))).toBe(
      await refusal(directory[service]({ user: eve, conv: uuidv7(), limit: 2 })),
    );
  }
  expect(await refusal(directory['members.list']({ user: eve, ...asked }))).toMatch(/^not_found/);
});

test('R6 whatever is asked about a message of others is answered as about none', async () => {
  const { script, said, creation } = await begun();
  const hidden = [said.id, creation.id, uuidv7()];
  const asks = hidden.flatMap((id) => [
    directory['messages.get']({ user: eve, id }),
    directory['messages.find']({ user: eve, message: id, operation: uuidv7() }),
    directory['messages.edits']({ user: eve, id, limit: 1 }),
    directory['messages.reactions']({ user: eve, id, limit: 1 }),
  ]);
  asks.push(directory['messages.pins']({ user: eve, conv: script.conv }) as never);
  asks.push(directory['messages.pins']({ user: eve, conv: uuidv7() }) as never);
  expect(new Set(await Promise.all(asks.map(refusal))).size).toBe(1);
  expect(await refusal(asks[0] as Promise<unknown>)).toMatch(/^not_found/);
});

test('R6 what is said in the open is anybody’s to read, but not of those who are banned there', async () => {
  const { script, said } = await begun('community');
  const read = () =>
    Promise.all([
      refusal(directory['messages.get']({ user: eve, id: said.id })),
      refusal(directory['messages.pins']({ user: eve, conv: script.conv })),
      refusal(directory['messages.edits']({ user: eve, id: said.id, limit: 1 })),
    ]);
  expect(new Set(await read())).toEqual(new Set(['answered']));
  await asker.write([next(script, 'member.ban', { user: eve, until: Date.now() + 3_600_000 })]);
  for (const answer of await read()) expect(answer).toMatch(/^not_found/);
  await asker.write([next(script, 'member.unban', { user: eve })]);
  expect(new Set(await read())).toEqual(new Set(['answered']));
});

test('R2 P2 an operation on a message that is stored finds its conversation, also when its author has left', async () => {
  const { script, said } = await begun();
  const edit = next(script, 'message.edit', { ...on(said), text: 'second' }, bob);
  await asker.write([edit, script.remove(bob)]);
  const find = (user: string, operation: string) =>
    directory['messages.find']({ user, message: said.id, operation });
  expect(await find(ann, uuidv7())).toEqual({ conv: script.conv });
  expect(await find(bob, edit.id)).toEqual({ conv: script.conv });
  await expect(find(bob, uuidv7())).rejects.toMatchObject({ code: 'not_found' });
  await expect(find(eve, edit.id)).rejects.toMatchObject({ code: 'not_found' });
});

test('R6 a deleted conversation is as one that never was, an archived one is shown as such', async () => {
  const { script, said } = await begun('announcement');
  const view = (user: string) => directory['conversations.get']({ user, conv: script.conv });
  await asker.write([
    next(script, 'conversation.change', {
      title: script.conv,
      avatar: '/a.png',
      slowMs: 5_000,
      membersMax: 9,
      state: 'archived',
    }),
  ]);
  expect(await view(ann)).toMatchObject({
    state: 'archived',
    avatar: '/a.png',
    slowMs: 5_000,
    membersMax: 9,
  });
  const find = async () =>
    (await directory['channels.find']({ user: eve, title: script.conv, limit: 5 })).conversations.length;
  expect(await find()).toBe(1);
  await asker.write([next(script, 'conversation.change', { state: 'deleted' })]);
  expect(await refusal(view(ann))).toBe(
    await refusal(directory['conversations.get']({ user: ann, conv: uuidv7() })),
  );
  expect(await find()).toBe(0);
  expect(await refusal(directory['messages.get']({ user: ann, id: said.id }))).toMatch(/^not_found/);
  const { conversations } = await directory['conversations.list']({ user: ann, limit: 100 });
  expect(conversations.map(({ id }) => id)).not.toContain(script.conv);
});
