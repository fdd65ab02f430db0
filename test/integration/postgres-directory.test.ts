/** Lists and look-ups of conversations, as the services give them. */
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { directConversationId } from '#src/ids.js';
import { createDirectory } from '#src/storage/postgres/directory.js';
import { openSql } from '#src/storage/postgres/sql.js';
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

async function head(script: Script, at: number, preview = ''): Promise<void> {
  const { conv, seq, number } = script;
  await asker.flush({ batch: asker.batch, heads: [{ conv, seq, number, at, preview }], marks: [] });
}

test('R4 conversations come by last activity, paged, with preview, unread, peer and count', async () => {
  const group = new Script({ owner: ann });
  const direct = new Script({ owner: bob, conv: directConversationId(ann, bob) });
  const quiet = new Script({ owner: ann });
  const foreign = new Script({ owner: eve });
  await asker.write([
    group.create([bob, eve], 'group', 'Group'),
    group.message('1'),
    group.message('2', { from: bob }),
    direct.create([ann], 'direct'),
    direct.message('hi'),
    foreign.create(),
  ]);
  const creation = { ...quiet.create([], 'channel', 'Quiet'), at: 1_000 };
  await asker.write([creation]);
  await head(group, 5_000, 'two');
  await head(direct, 5_000, 'hi');
  await asker.flush({ batch: 1, heads: [], marks: [{ conv: group.conv, user: ann, mark: 1 }] });
  const all = await directory['conversations.list']({ user: ann, limit: 10 });
  expect(all.next).toBeNull();
  const byId = new Map(all.conversations.map((view) => [view.id, view]));
  expect([...byId.keys()].sort()).toEqual([group.conv, direct.conv, quiet.conv].sort());
  expect(all.conversations.at(-1)?.id).toBe(quiet.conv);
  const shown = {
    type: 'group',
    title: 'Group',
    creator: ann,
    seq: 3,
    number: 2,
    lastActivityAt: 5_000,
    preview: 'two',
  };
  expect(byId.get(group.conv)).toMatchObject({
    ...shown,
    unread: 1,
    role: 'owner',
    peer: null,
    memberCount: 3,
  });
  expect(byId.get(direct.conv)).toMatchObject({ peer: bob, unread: 1, role: 'member', memberCount: 2 });
  expect(byId.get(quiet.conv)).toMatchObject({
    lastActivityAt: 1_000,
    createdAt: 1_000,
    unread: 0,
    preview: null,
    seq: 0,
  });
});

test('R4 pages join without a gap or a repeat, also among equal times', async () => {
  const reader = uuidv7();
  const scripts = Array.from({ length: 11 }, () => new Script({ owner: reader }));
  await asker.write(scripts.map((script) => script.create()));
  for (const [index, script] of scripts.entries()) await head(script, index < 8 ? 9_000 : 9_001);
  const seen: string[] = [];
  let cursor: string | null | undefined;
  let pages = 0;
  do {
    const page = await directory['conversations.list']({
      user: reader,
      limit: 3,
      ...(cursor ? { cursor } : {}),
    });
    seen.push(...page.conversations.map((view) => view.id));
    cursor = page.next;
    pages += 1;
  } while (cursor !== null);
  expect(pages).toBe(4);
  expect(new Set(seen)).toEqual(new Set(scripts.map((script) => script.conv)));
  expect(seen).toHaveLength(11);
  for (const bad of ['x', 'WzEsMl0', Buffer.from('["1","2"]').toString('base64url')]) {
    const asked = directory['conversations.list']({ user: reader, limit: 3, cursor: bad });
    await expect(asked).rejects.toMatchObject({ code: 'invalid' });
  }
});

test('R6 what one may not see answers as what does not exist; a channel is anybody’s', async () => {
  const group = new Script({ owner: bob });
  const channel = new Script({ owner: bob });
  const secret = group.message('secret');
  group.seq = 0;
  const creation = group.create([ann]);
  const open = [channel.create([], 'channel', 'Open'), channel.message('public')] as const;
  secret.seq = 2;
  await asker.write([creation, secret, ...open]);
  const ask = (user: string, conv: string) => directory['conversations.get']({ user, conv });
  const message = (user: string, id: string) => directory['messages.get']({ user, id });
  const refused = await Promise.all([
    ask(eve, group.conv).catch((error) => error),
    ask(eve, uuidv7()).catch((error) => error),
    message(eve, secret.id).catch((error) => error),
    message(eve, uuidv7()).catch((error) => error),
    message(ann, creation.id).catch((error) => error),
  ]);
  expect(new Set(refused.map(({ code, message: words }) => `${code} ${words}`)).size).toBe(1);
  expect(refused[0]).toMatchObject({ code: 'not_found' });
  expect(await ask(ann, group.conv)).toMatchObject({ id: group.conv, role: 'member', memberCount: 2 });
  expect(await message(ann, secret.id)).toEqual(secret);
  expect(await ask(eve, channel.conv)).toMatchObject({
    id: channel.conv,
    role: null,
    unread: 0,
    memberCount: 1,
  });
  expect(await message(eve, open[1].id)).toEqual(open[1]);
  group.seq = 2;
  await asker.write([group.remove(ann)]);
  await expect(message(ann, secret.id)).rejects.toMatchObject({ code: 'not_found' });
  await expect(ask(ann, group.conv)).rejects.toMatchObject({ code: 'not_found' });
});

test('R4 channels are found by words of their title, the exact one first', async () => {
  const titles = ['ubuntu-devel', '#ubuntu', 'Ubuntu', 'ubuntu', '100%_match', '100x match'];
  const scripts = titles.map(() => new Script({ owner: bob }));
  await asker.write(scripts.map((script, index) => script.create([], 'channel', titles[index])));
  await asker.write([new Script({ owner: bob }).create([ann], 'group', 'ubuntu')]);
  const find = async (title: string, limit = 10) => {
    const { conversations } = await directory['channels.find']({ user: ann, title, limit });
    return conversations.map((view) => view.title);
  };
  expect(await find('ubuntu')).toEqual(['ubuntu', 'Ubuntu', '#ubuntu', 'ubuntu-devel']);
  expect(await find('ubuntu', 1)).toEqual(['ubuntu']);
  expect(await find('%_')).toEqual(['100%_match']);
  expect(await find('nothing like it')).toEqual([]);
});

test('O2 an outage is an answer that can be retried', async () => {
  const sql = openSql('postgres://nobody@127.0.0.1:1/none', { max: 1 });
  const away = createDirectory(sql);
  const asked = away['conversations.get']({ user: ann, conv: uuidv7() });
  await expect(asked).rejects.toMatchObject({ code: 'unavailable', retryMs: 1_000 });
  await sql.end();
});
