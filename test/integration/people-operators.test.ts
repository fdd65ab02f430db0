import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { userIdOfSubject } from '#src/ids.js';
import { isStorableText } from '#src/wire/operations.js';
import { forge } from '#test/support/people.js';
import {
  appSecret,
  createPeopleWorld,
  device,
  newName,
  type PeopleWorld,
} from '#test/support/people-services.js';

let world: PeopleWorld;
beforeAll(async () => {
  world = await createPeopleWorld();
});
afterAll(() => world.stop());

const createUsers = (users: Array<{ sub: string; name?: string }>) =>
  world.services['operator.createUsers']({ users });
const isRevoked = async (token: string) => world.revocations.isRevoked(await world.tokens.verify(token));

async function mint(user: string, seconds = 3600) {
  const { tokens } = await world.services['operator.mintTokens']({ users: [user], seconds });
  const [token] = tokens;
  if (token === undefined) throw new Error('nothing was minted');
  return token;
}

test('H6 a user of the application appears once, however many fronts saw them first', async () => {
  // Two unique indexes say who is there, and which of them says it first is chance.
  for (let round = 0; round < 20; round += 1) {
    const sub = `first seen ${round}`;
    const results = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        world.services['people.appear']({ sub, name: `name ${index % 3}` }),
      ),
    );
    for (const { user } of results) expect(user).toBe(userIdOfSubject(sub));
    const rows = await world.sql`select external_id from users where external_id = ${sub}`;
    expect(rows).toEqual([{ external_id: sub }]);
  }
});

test('H6 a new name replaces the old one, no name keeps it', async () => {
  const { user } = await world.services['people.appear']({ sub: 'renamed' });
  const name = async () => (await world.services['people.me']({ user })).displayName;
  expect(await name()).toBe(null);
  await world.services['people.appear']({ sub: 'renamed', name: 'One' });
  expect(await name()).toBe('One');
  await world.services['people.appear']({ sub: 'renamed' });
  expect(await name()).toBe('One');
  await world.services['people.appear']({ sub: 'renamed', name: "Two'; --" });
  expect(await name()).toBe("Two'; --");
});

test('H6 a user who is banned does not appear, and a bad sub is invalid', async () => {
  const { user } = await world.services['people.appear']({ sub: 'banned' });
  await world.sql`update users set state = 2 where id = ${user}`;
  await expect(world.services['people.appear']({ sub: 'banned' })).rejects.toMatchObject({
    code: 'forbidden',
  });
  for (const sub of ['', 'x'.repeat(256), 'a\u0000', '\ud800']) {
    await expect(world.services['people.appear']({ sub })).rejects.toMatchObject({ code: 'invalid' });
  }
});

test('H7 users in bulk: a thousand at once, twice, in order, and the names kept byte for byte', async () => {
  const odd = [
    'bob',
    'Bob',
    'bob ',
    ' bob',
    'b`|\\^[ob',
    '{"a":null}',
    "''",
    'NULL',
    'null',
    'a\tb\nc',
    '\\.',
    '\u2028',
    'é',
    'e\u0301',
    '\u0003' + '4red',
  ];
  const users = odd
    .map((sub) => ({ sub, name: `${sub}!` }))
    .concat(
      Array.from({ length: 1000 - odd.length }, (_, index) => ({
        sub: `bulk ${index}`,
        name: `Bulk ${index}`,
      })),
    );
  const { users: made } = await createUsers(users);
  expect(made).toEqual(users.map(({ sub }) => ({ sub, user: userIdOfSubject(sub) })));
  expect(await createUsers(users)).toEqual({ users: made });
  const rows = await world.sql<{ sub: string; name: string }[]>`
    select external_id as sub, display_name as name from users
    where id in (select value::uuid from jsonb_array_elements_text(${world.sql.json(made.map(({ user }) => user))}))`;
  expect(new Map(rows.map(({ sub, name }) => [sub, name]))).toEqual(
    new Map(users.map(({ sub, name }) => [sub, name])),
  );
  expect(rows).toHaveLength(1000);
});

test('H7 any storable sub and name are kept byte for byte', async () => {
  const text = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).filter(isStorableText);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ sub: text, name: text }), { minLength: 1, maxLength: 50 }),
      async (users) => {
        const { users: made } = await createUsers(users);
        const last = new Map(users.map(({ sub, name }) => [sub, name]));
        for (const { id, displayName } of await world.services['users.get']({
          ids: made.map(({ user }) => user),
          usernames: [],
        })) {
          const sub = made.find(({ user }) => user === id)?.sub ?? '';
          expect(displayName).toBe(last.get(sub));
          expect((await world.services['people.me']({ user: id })).externalId).toBe(sub);
        }
      },
    ),
    { numRuns: 20 },
  );
});

test('H7 bulk calls that overlap, in opposite orders, do not deadlock', async () => {
  const users = Array.from({ length: 300 }, (_, index) => ({ sub: `crosswise ${index}` }));
  for (let round = 0; round < 20; round += 1) {
    const named = users.map(({ sub }) => ({ sub, name: `round ${round}` }));
    await Promise.all([
      createUsers(named),
      createUsers([...named].reverse()),
      createUsers(named.slice(100, 200)),
    ]);
  }
});

test('H7 a bulk call is all or nothing, and bounded', async () => {
  await expect(createUsers([{ sub: 'good one' }, { sub: 'bad\u0000' }])).rejects.toMatchObject({
    code: 'invalid',
    message: expect.stringContaining('users.1.sub'),
  });
  expect(await world.sql`select 1 from users where external_id = 'good one'`).toHaveLength(0);
  const many = Array.from({ length: 1001 }, (_, index) => ({ sub: `${index}` }));
  await expect(createUsers(many)).rejects.toMatchObject({ code: 'invalid' });
  expect(await createUsers([])).toEqual({ users: [] });
  expect((await createUsers([{ sub: 'twice' }, { sub: 'twice', name: 'T' }])).users).toHaveLength(2);
});

test('H7 tokens are minted for users that exist, with the life and limits asked for', async () => {
  const { users } = await createUsers([{ sub: 'minted a' }, { sub: 'minted b' }]);
  const ids = users.map(({ user }) => user);
  const { tokens } = await world.services['operator.mintTokens']({ users: ids, seconds: 60, limits: 'high' });
  expect(tokens.map(({ user }) => user)).toEqual(ids);
  for (const { user, token, jti, expiresAt } of tokens) {
    expect(expiresAt).toBe(world.clock.now() + 60_000);
    const identity = await world.tokens.verify(token);
    expect(identity).toEqual({ user, jti, issuedAt: world.clock.now(), expiresAt, rate: 'high' });
  }
  const stranger = '018f0000-0000-7000-8000-000000000000';
  const call = (input: object) =>
    world.services['operator.mintTokens'](input as { users: string[]; seconds: number });
  await expect(call({ users: [...ids, stranger], seconds: 60 })).rejects.toMatchObject({ code: 'not_found' });
  for (const bad of [
    { users: ['x'], seconds: 60 },
    { users: ids, seconds: 0 },
    { users: ids, seconds: 1e12 },
    { users: ids },
    {},
  ]) {
    await expect(call(bad)).rejects.toMatchObject({ code: 'invalid' });
  }
});

test('H7 revoking a user takes back minted tokens, the application’s and sessions; new ones are good', async () => {
  const account = await world.services['people.signUp']({
    username: newName(),
    password: 'correct horse',
    device,
  });
  const { user } = account;
  const minted = await mint(user);
  world.broadcasts.length = 0;
  await world.services['operator.revoke']({ user });
  expect(await isRevoked(account.accessToken)).toBe(true);
  expect(await isRevoked(minted.token)).toBe(true);
  await expect(
    world.services['people.refresh']({ refreshToken: account.refreshToken, device }),
  ).rejects.toMatchObject({ code: 'unauthorized' });
  expect(world.broadcasts.map(({ subject }) => subject).sort()).toEqual(['session', 'user']);
  world.clock.advance(1);
  expect(await isRevoked((await mint(user)).token)).toBe(false);
});

test('H7 revoking an application’s user takes back tokens with an earlier iat or none, also before they appear', async () => {
  const user = userIdOfSubject('never seen');
  const now = world.clock.now() / 1000;
  const exp = now + 3600;
  const early = forge({ alg: 'HS256' }, { sub: 'never seen', iat: now, exp }, appSecret);
  const timeless = forge({ alg: 'HS256' }, { sub: 'never seen', exp }, appSecret);
  const other = forge({ alg: 'HS256' }, { sub: 'Never seen', iat: now, exp }, appSecret);
  await world.services['operator.revoke']({ user });
  expect(await isRevoked(early)).toBe(true);
  expect(await isRevoked(timeless)).toBe(true);
  expect(await isRevoked(other)).toBe(false);
  world.clock.advance(1000);
  const later = forge({ alg: 'HS256' }, { sub: 'never seen', iat: world.clock.now() / 1000, exp }, appSecret);
  expect(await isRevoked(later)).toBe(false);
});

test('H7 revoking a jti takes back that token, minted here or not, known or not', async () => {
  const { users } = await createUsers([{ sub: 'by jti' }]);
  const user = users[0]?.user ?? '';
  const [one, other] = [await mint(user), await mint(user)];
  await world.services['operator.revoke']({ jti: one.jti });
  expect(await isRevoked(one.token)).toBe(true);
  expect(await isRevoked(other.token)).toBe(false);

  await world.services['operator.revoke']({ jti: 'not yet made' });
  world.clock.advance(5000);
  const now = world.clock.now() / 1000;
  const claims = { sub: 'by jti', jti: 'not yet made', iat: now, exp: now + 60 };
  expect(await isRevoked(forge({ alg: 'HS256' }, claims, appSecret))).toBe(true);
});

test('H7 a revocation names a user or a jti, and nothing else', async () => {
  const revoke = (input: object) => world.services['operator.revoke'](input as { jti: string });
  for (const bad of [
    {},
    { user: 'x' },
    { jti: '' },
    { jti: 'a\u0000' },
    { jti: 7 },
    { user: userIdOfSubject('a'), jti: 'b' },
  ]) {
    await expect(revoke(bad)).rejects.toMatchObject({ code: 'invalid' });
  }
});

test('H7 what was revoked is known to a front that starts, the longest time stored', async () => {
  const user = userIdOfSubject('listed');
  await world.services['operator.revoke']({ user });
  const first = (await world.services['revocations.list'](null)).find(({ value }) => value === user);
  world.clock.advance(10);
  await world.services['operator.revoke']({ user });
  const second = (await world.services['revocations.list'](null)).find(({ value }) => value === user);
  expect(second?.since).toBe((first?.since ?? 0) + 10);
  expect(second?.until).toBe((first?.until ?? 0) + 10);
});

test('H5 sessions opened, refreshed and revoked at the same time: what the revocation found is over', async () => {
  const username = newName();
  const { user } = await world.services['people.signUp']({ username, password: 'correct horse', device });
  for (let round = 0; round < 10; round += 1) {
    world.clock.advance(2);
    const pairs = await Promise.all(
      Array.from({ length: 4 }, () =>
        world.services['people.logIn']({ name: username, password: 'correct horse', device }),
      ),
    );
    const [refreshed] = await Promise.all([
      Promise.allSettled(
        pairs.map(({ refreshToken }) => world.services['people.refresh']({ refreshToken, device })),
      ),
      world.services['operator.revoke']({ user }),
    ]);
    for (const result of refreshed) {
      if (result.status === 'fulfilled') expect(await isRevoked(result.value.accessToken)).toBe(true);
    }
    for (const pair of pairs) expect(await isRevoked(pair.accessToken)).toBe(true);
    const live = await world.sql`select 1 from sessions where user_id = ${user} and not revoked`;
    expect(live).toHaveLength(0);
  }
});
