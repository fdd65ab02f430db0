/** What people see and change of themselves, and see of others. */
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { users } from '#src/entities/users.js';
import { userIdOfSubject } from '#src/ids.js';
import { createEntityStore } from '#src/storage/postgres/entity-store.js';
import { ChangeStamps } from '#src/storage/tiers/change-stamps.js';
import { ElementReader } from '#src/storage/tiers/element-reader.js';
import type { Element, Tier } from '#src/storage/tiers/ports.js';
import { createPeopleWorld, device, newName, type PeopleWorld } from '#test/support/people-services.js';

let world: PeopleWorld;
beforeAll(async () => {
  world = await createPeopleWorld();
});
afterAll(() => world.stop());

const password = 'correct horse';
const signUp = () => world.services['people.signUp']({ username: newName(), password, device });
const notFound = { code: 'not_found', stored: false };

/** Everything that was told to it, and nothing newer: a mirror that stands still. */
function frozenTier(): Tier {
  const held = new Map<string, Element>();
  return {
    name: 'redis',
    events: () => {},
    get: (_entity, ids, done) =>
      setImmediate(() => done({ kind: 'elements', elements: ids.map((id) => held.get(id)) })),
    fill: (changes) => {
      for (const { id, version, fields } of changes) held.set(id, { id, version, fields });
    },
  };
}

test('H9 what one may change of oneself is changed, and what it is not named stays', async () => {
  const { user } = await signUp();
  const before = await world.services['people.me']({ user });
  world.clock.advance(1_000);
  const fields = { firstName: 'Ada', bio: 'Ducks 🦆', birthdate: '1815-12-10', works: '' };
  await expect(world.services['people.patchMe']({ user, fields })).rejects.toMatchObject({
    code: 'invalid',
    message: 'birthdate must not be before 1900',
  });
  const changes = { ...fields, birthdate: '1992-02-29' };
  expect(await world.services['people.patchMe']({ user, fields: changes })).toEqual({
    ...before,
    ...changes,
    updatedAt: world.clock.now(),
  });
  const cleared = await world.services['people.patchMe']({ user, fields: { bio: null } });
  expect(cleared).toMatchObject({ ...changes, bio: null });
});

test('H9 what one may not change, or not to this, is named, and nothing is changed', async () => {
  const { user } = await signUp();
  const before = await world.services['people.me']({ user });
  const refused: Array<[fields: Record<string, unknown>, message: string]> = [
    [{ bio: 'x', email: 'other@example.org' }, 'email cannot be changed here'],
    [{ bio: 'x', state: 1, grade: 9 }, 'state, grade cannot be changed here'],
    [{ passwordHash: 'x' }, 'passwordHash cannot be changed here'],
    [{ bio: 'x', displayName: '' }, 'displayName must not be empty'],
    [{ bio: 'a\u0000b' }, 'bio must not contain NUL or lone surrogates'],
    [{ bio: 'x'.repeat(2001) }, 'bio must be at most 2000 characters'],
    [{ birthdate: '2023-02-29' }, 'birthdate must be a date, YYYY-MM-DD'],
    [{}, 'names no field to change'],
  ];
  for (const [fields, message] of refused) {
    await expect(world.services['people.patchMe']({ user, fields })).rejects.toMatchObject({
      code: 'invalid',
      message,
      stored: false,
    });
  }
  expect(await world.services['people.me']({ user })).toEqual(before);
});

test('H9 settings are what they are at first until some are chosen; each that is named is replaced', async () => {
  const { user } = await signUp();
  const initial = { privacy: {}, notifications: {}, language: null, theme: 0, readReceipts: true };
  const { services } = world;
  expect(await services['people.settings']({ user })).toEqual(initial);
  const privacy = { posts: 'public', lists: [1, { deep: true }] };
  expect(await services['people.patchSettings']({ user, fields: { privacy, language: 'pt-BR' } })).toEqual({
    ...initial,
    privacy,
    language: 'pt-BR',
  });
  expect(
    await services['people.patchSettings']({ user, fields: { privacy: { posts: 'friends' }, theme: 1 } }),
  ).toEqual({ ...initial, privacy: { posts: 'friends' }, language: 'pt-BR', theme: 1 });
  const invalid = (fields: Record<string, unknown>) =>
    expect(services['people.patchSettings']({ user, fields })).rejects;
  await invalid({ theme: -1 }).toMatchObject({ code: 'invalid', message: expect.stringMatching(/^theme /) });
  await invalid({ language: 'not a tag' }).toMatchObject({
    message: expect.stringMatching(/^language must/),
  });
  await invalid({ user: uuidv7() }).toMatchObject({ message: 'user cannot be changed here' });
});

test('H5 R6 one sees the sessions that live and ends one; of others there are none', async () => {
  const { user, session, refreshToken } = await signUp();
  const [me] = await world.sql<Array<{ username: string }>>`select username from users where id = ${user}`;
  const second = await world.services['people.logIn']({ name: me?.username ?? '', password, device });
  const listed = await world.services['people.sessions']({ user });
  expect(listed.map(({ id }) => id)).toEqual([second.session, session]);
  expect(listed[0]).toEqual({
    id: second.session,
    device: { name: device.name },
    addresses: [device.address],
    createdAt: world.clock.now(),
    lastUsedAt: world.clock.now(),
    expiresAt: second.refreshExpiresAt,
  });

  const stranger = await signUp();
  const end = (by: string, which: string) =>
    world.services['people.endSession']({ user: by, session: which });
  await expect(end(stranger.user, session)).rejects.toMatchObject(notFound);
  await expect(end(stranger.user, uuidv7())).rejects.toMatchObject(notFound);
  expect(await world.services['people.sessions']({ user })).toHaveLength(2);
  await end(user, session);
  expect(world.broadcasts.at(-1)).toMatchObject({ subject: 'session', value: session });
  expect((await world.services['people.sessions']({ user })).map(({ id }) => id)).toEqual([second.session]);
  await expect(world.services['people.refresh']({ refreshToken, device })).rejects.toMatchObject({
    code: 'unauthorized',
  });
});

test('R6 a user who is deleted is as one who never was', async () => {
  const { user } = await signUp();
  const never = uuidv7();
  await world.sql`update users set state = 0 where id = ${user}`;
  for (const id of [user, never]) {
    await expect(world.services['people.me']({ user: id })).rejects.toMatchObject(notFound);
    const fields = { bio: 'x' };
    await expect(world.services['people.patchMe']({ user: id, fields })).rejects.toMatchObject(notFound);
    await expect(world.services['people.settings']({ user: id })).rejects.toMatchObject(notFound);
    expect(await world.services['users.get']({ ids: [id], usernames: [] })).toEqual([]);
  }
});

test('R5 every change is seen by the next read, although a mirror stands still', async () => {
  const store = createEntityStore(world.sql);
  const stamps = new ChangeStamps();
  const level = stamps.now();
  let asked = 0;
  const reader = new ElementReader({
    tiers: [frozenTier()],
    freshUntil: () => level,
    load: (entity, ids) => {
      asked += 1;
      return store.get(entity, ids);
    },
    stamps,
  });
  const services = world.with({ store, stamps, reader });
  const sub = uuidv7();
  const user = userIdOfSubject(sub);
  expect(await services['users.get']({ ids: [user], usernames: [] })).toEqual([]);
  await services['people.appear']({ sub, name: 'First' });
  const name = async () => (await services['users.get']({ ids: [user], usernames: [] }))[0]?.displayName;
  expect(await name()).toBe('First');
  await services['people.appear']({ sub, name: 'Second' });
  expect(await name()).toBe('Second');
  await services['operator.createUsers']({ users: [{ sub, name: 'Third' }] });
  expect(await name()).toBe('Third');
  for (let round = 0; round < 10; round += 1) {
    await services['people.patchMe']({ user, fields: { displayName: `Name ${round}` } });
    expect(await name()).toBe(`Name ${round}`);
    await services['people.patchSettings']({ user, fields: { theme: round } });
    expect((await services['people.settings']({ user })).theme).toBe(round);
  }
  expect(asked).toBeGreaterThan(20);
  expect(stamps.changedSince(users.name, user, level)).toBe(true);
});
