import postgres from 'postgres';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPeopleWorld, device, newName, type PeopleWorld } from '#test/support/people-services.js';

let world: PeopleWorld;
beforeAll(async () => {
  world = await createPeopleWorld();
});
afterAll(() => world.stop());

const password = 'correct horse';
const signUp = (username: string, more: object = {}) =>
  world.services['people.signUp']({ username, password, device, ...more });
const logIn = (name: string, attempt = password) =>
  world.services['people.logIn']({ name, password: attempt, device });
const wrong = { code: 'unauthorized', message: 'The name or the password is wrong.' };

test('H1 who signs up is known by username and e-mail, in any case, and sees themselves', async () => {
  const pair = await signUp('Ada.L-1', { email: 'Ada@Example.org', displayName: 'Ada \u202e 👩‍🚀' });
  expect(await world.tokens.verify(pair.accessToken)).toMatchObject({
    user: pair.user,
    session: pair.session,
  });
  expect((await logIn('aDA.l-1')).user).toBe(pair.user);
  expect((await logIn('ADA@example.ORG')).user).toBe(pair.user);
  expect(await world.services['people.me']({ user: pair.user })).toMatchObject({
    id: pair.user,
    username: 'Ada.L-1',
    externalId: null,
    displayName: 'Ada \u202e 👩‍🚀',
    email: 'Ada@Example.org',
    createdAt: world.clock.now(),
  });
  const [stored] = await world.sql`select password_hash from users where id = ${pair.user}`;
  expect(stored?.password_hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
});

test('H1 a username or e-mail is taken in any case', async () => {
  const name = newName();
  await signUp(name, { email: `${name}@example.org` });
  await expect(signUp(name.toUpperCase())).rejects.toMatchObject({
    code: 'taken',
    message: 'This username is taken.',
  });
  await expect(signUp(newName(), { email: `${name}@EXAMPLE.org` })).rejects.toMatchObject({
    code: 'taken',
    message: 'This email is taken.',
  });
});

test('H1 of twenty who want one name at once, one gets it and the others hear taken', async () => {
  const results = await Promise.allSettled(Array.from({ length: 20 }, () => signUp('contested')));
  expect(results.filter((result) => result.status === 'fulfilled')).toHaveLength(1);
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'taken' });
  }
});

test('H1 hostile sign-ups are invalid, with the field named, and store nothing', async () => {
  const [before] = await world.sql`select count(*)::int as count from users`;
  const hostile: Array<[string, object]> = [
    ["x'; drop table users; --", {}],
    ['ab', {}],
    ['x'.repeat(33), {}],
    ['аdmin', {}],
    ['a\u0000bc', {}],
    ['good-name', { password: 'x'.repeat(8192) }],
    ['good-name', { password: 'short' }],
    ['good-name', { password: 'eight\u0000chars' }],
    ['good-name', { email: "a'--@" }],
    ['good-name', { displayName: 'a\ud800' }],
    ['good-name', { displayName: 7 }],
  ];
  for (const [username, more] of hostile) {
    const field = Object.keys(more)[0] ?? 'username';
    await expect(signUp(username, more), username).rejects.toMatchObject({
      code: 'invalid',
      message: expect.stringContaining(field),
      stored: false,
    });
  }
  const [after] = await world.sql`select count(*)::int as count from users`;
  expect(after).toEqual(before);
});

test('H2 wrong password, unknown name, hostile name, no password of their own, banned: one answer', async () => {
  const name = newName();
  const { user } = await signUp(name);
  await expect(logIn(name, 'wrong horse')).rejects.toMatchObject(wrong);
  const names = [
    'nobody',
    "' or '1'='1",
    `${name}'--`,
    '%',
    'a\u0000b',
    'x'.repeat(8192),
    '@',
    'nobody@example.org',
    '',
  ];
  for (const hostile of names) await expect(logIn(hostile), hostile).rejects.toMatchObject(wrong);
  for (const hostile of ['', 'x'.repeat(8192), 'a\u0000bcdefgh'])
    await expect(logIn(name, hostile)).rejects.toMatchObject(wrong);
  await world.sql`update users set state = 2 where id = ${user}`;
  await expect(logIn(name)).rejects.toMatchObject(wrong);
  await world.sql`update users set state = 1, password_hash = null where id = ${user}`;
  await expect(logIn(name)).rejects.toMatchObject(wrong);
});

test('H2 an unknown name takes as long as a wrong password', async () => {
  const name = newName();
  await signUp(name);
  const spent = { unknown: [] as number[], wrong: [] as number[] };
  for (let round = 0; round < 15; round += 1) {
    for (const kind of ['unknown', 'wrong'] as const) {
      const start = performance.now();
      await logIn(kind === 'unknown' ? 'nobody-at-all' : name, 'wrong horse').catch(() => undefined);
      spent[kind].push(performance.now() - start);
    }
  }
  const median = (times: number[]) => times.sort((a, b) => a - b)[7] ?? 0;
  console.log(
    `log-in, median ms: unknown ${median(spent.unknown).toFixed(1)}, wrong ${median(spent.wrong).toFixed(1)}`,
  );
  expect(median(spent.unknown) / median(spent.wrong)).toBeGreaterThan(0.6);
  expect(median(spent.unknown) / median(spent.wrong)).toBeLessThan(1.7);
});

test('A11 a hundred log-ins at once: some get in, the others are told when to come again, nothing breaks', async () => {
  const name = newName();
  await signUp(name);
  const results = await Promise.allSettled(Array.from({ length: 100 }, () => logIn(name)));
  const refused = results.filter((result) => result.status === 'rejected');
  for (const { reason } of refused)
    expect(reason).toMatchObject({ code: 'overloaded', retryMs: expect.any(Number) });
  expect(refused.length).toBeGreaterThan(0);
  expect(refused.length).toBeLessThanOrEqual(68);
  expect((await logIn(name)).user).toBeDefined();
});

test('H2 too many attempts on a name or from an address are rate limited, also with the right password', async () => {
  const name = newName();
  await signUp(name);
  const limited = { code: 'rate_limited', retryMs: expect.any(Number) };
  const byName = world.with({ limits: { attemptsPerName: 3 } });
  const attempt = (services: typeof byName, who: string, given: string) =>
    services['people.logIn']({ name: who, password: given, device });
  for (let count = 0; count < 3; count += 1) {
    await expect(attempt(byName, name, 'wrong horse')).rejects.toMatchObject(wrong);
  }
  await expect(attempt(byName, name.toUpperCase(), password)).rejects.toMatchObject(limited);

  const byAddress = world.with({ limits: { attemptsPerAddress: 2 } });
  await attempt(byAddress, name, password);
  await attempt(byAddress, name, password);
  await expect(attempt(byAddress, name, password)).rejects.toMatchObject(limited);
  await expect(byAddress['people.signUp']({ username: newName(), password, device })).rejects.toMatchObject(
    limited,
  );
});

test('H1 a user that does not exist is not found, and what is no id is invalid', async () => {
  const user = '018f0000-0000-7000-8000-000000000000';
  await expect(world.services['people.me']({ user })).rejects.toMatchObject({ code: 'not_found' });
  await expect(world.services['people.me']({ user: "' or 1=1" })).rejects.toMatchObject({ code: 'invalid' });
});

test('P7 while the database is away the outcome is unknown: unavailable, with a time to come again', async () => {
  const sql = postgres({ host: '127.0.0.1', port: 9, connect_timeout: 2, max: 1 });
  const services = world.with({ sql });
  const away = { code: 'unavailable', retryMs: expect.any(Number) };
  const name = newName();
  await expect(services['people.signUp']({ username: name, password, device })).rejects.toMatchObject(away);
  await expect(services['people.logIn']({ name, password, device })).rejects.toMatchObject(away);
  await expect(services['revocations.list'](null)).rejects.toMatchObject(away);
  await sql.end();
});

test('H6 users.get names those that exist', async () => {
  const { user } = await signUp('shown', { displayName: 'Shown' });
  const ids = [user, '018f0000-0000-7000-8000-000000000000', user];
  expect(await world.services['users.get']({ ids, usernames: [] })).toEqual([
    { id: user, username: 'shown', displayName: 'Shown', bio: null, profilePicture: null, badges: [] },
  ]);
  expect(await world.services['users.get']({ ids: [], usernames: ['SHOWN', 'nobody-here'] })).toEqual([
    { id: user, username: 'shown', displayName: 'Shown', bio: null, profilePicture: null, badges: [] },
  ]);
  expect(await world.services['users.get']({ ids: [], usernames: [] })).toEqual([]);
  await expect(world.services['users.get']({ ids: ['x'], usernames: [] })).rejects.toMatchObject({
    code: 'invalid',
  });
  await expect(
    world.services['users.get']({ ids: Array(1001).fill(user), usernames: [] }),
  ).rejects.toMatchObject({
    code: 'invalid',
  });
});
