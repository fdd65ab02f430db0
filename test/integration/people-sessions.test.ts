import { afterAll, beforeAll, expect, test } from 'vitest';
import { prunePeople } from '#src/people/revocation-store.js';
import { createRevocations } from '#src/people/revocations.js';
import { createPeopleWorld, device, newName, type PeopleWorld } from '#test/support/people-services.js';

let world: PeopleWorld;
beforeAll(async () => {
  world = await createPeopleWorld();
});
afterAll(() => world.stop());

const password = 'correct horse';
const day = 24 * 3600 * 1000;
const signUp = () => world.services['people.signUp']({ username: newName(), password, device });
const refresh = (refreshToken: string, from = device) =>
  world.services['people.refresh']({ refreshToken, device: from });
const isRevoked = async (token: string) => world.revocations.isRevoked(await world.tokens.verify(token));

test('H4 a refresh token gives a new pair of the same session, and only its hash is stored', async () => {
  const first = await signUp();
  expect(first.refreshToken).toMatch(/^[A-Za-z0-9_-]{43}$/);
  world.clock.advance(1000);
  const second = await refresh(first.refreshToken);
  expect(second).toMatchObject({ user: first.user, session: first.session });
  expect(second.accessExpiresAt).toBe(world.clock.now() + 900_000);
  expect(second.refreshExpiresAt).toBe(world.clock.now() + 30 * day);
  expect(second.refreshToken).not.toBe(first.refreshToken);
  const third = await refresh(second.refreshToken);
  expect(third.session).toBe(first.session);
  const rows = await world.sql<{ hash: Buffer; used: boolean }[]>`
    select hash, used_at is not null as used from refresh_tokens where session = ${first.session}`;
  expect(rows.filter((row) => row.used)).toHaveLength(2);
  expect(rows).toHaveLength(3);
  for (const { hash } of rows) expect(hash).toHaveLength(32);
});

test('H4 a used refresh token ends its whole session: the newest tokens too, and fronts are told', async () => {
  const first = await signUp();
  const other = await signUp();
  const second = await refresh(first.refreshToken);
  world.broadcasts.length = 0;
  await expect(refresh(first.refreshToken)).rejects.toMatchObject({
    code: 'unauthorized',
    message: expect.stringContaining('used before'),
  });
  expect(world.broadcasts).toEqual([expect.objectContaining({ subject: 'session', value: first.session })]);
  expect(await isRevoked(first.accessToken)).toBe(true);
  expect(await isRevoked(second.accessToken)).toBe(true);
  await expect(refresh(second.refreshToken)).rejects.toMatchObject({ code: 'unauthorized' });
  // Said once; and another session is untouched.
  await expect(refresh(first.refreshToken)).rejects.toMatchObject({ code: 'unauthorized' });
  expect(world.broadcasts).toHaveLength(1);
  expect(await isRevoked(other.accessToken)).toBe(false);
  await refresh(other.refreshToken);
});

test('H4 twenty uses of one token at once: one pair at most, and the session is over', async () => {
  for (let round = 0; round < 10; round += 1) {
    const first = await signUp();
    world.broadcasts.length = 0;
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => refresh(first.refreshToken)));
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
    expect(won).toHaveLength(1);
    expect(world.broadcasts).toHaveLength(1);
    for (const pair of won) {
      expect(await isRevoked(pair.accessToken)).toBe(true);
      await expect(refresh(pair.refreshToken)).rejects.toMatchObject({ code: 'unauthorized' });
    }
  }
});

test('H4 what is no refresh token is unauthorized and ends nothing', async () => {
  const first = await signUp();
  world.broadcasts.length = 0;
  const bad = [
    '',
    'x'.repeat(43),
    first.accessToken,
    `${first.refreshToken}=`,
    "' or '1'='1",
    'a\u0000'.repeat(21),
    'x'.repeat(1e6),
  ];
  for (const token of bad) await expect(refresh(token)).rejects.toMatchObject({ code: 'unauthorized' });
  expect(world.broadcasts).toEqual([]);
  await refresh(first.refreshToken);
});

test('H4 a session that is not used for its life expires; a banned user cannot refresh', async () => {
  const idle = await signUp();
  world.clock.advance(30 * day - 1);
  const kept = await refresh(idle.refreshToken);
  world.clock.advance(30 * day);
  await expect(refresh(kept.refreshToken)).rejects.toMatchObject({ code: 'unauthorized' });

  const banned = await signUp();
  await world.sql`update users set state = 2 where id = ${banned.user}`;
  await expect(refresh(banned.refreshToken)).rejects.toMatchObject({ code: 'unauthorized' });
});

test('H5 log-out ends the session at once and only for its owner, and says so again when asked again', async () => {
  const [mine, other] = [await signUp(), await signUp()];
  world.broadcasts.length = 0;
  const logOut = world.services['people.logOut'];
  expect(await logOut({ user: other.user, session: mine.session })).toBe(null);
  expect(world.broadcasts).toEqual([]);
  expect(await logOut({ user: mine.user, session: mine.session })).toBe(null);
  expect(await logOut({ user: mine.user, session: mine.session })).toBe(null);
  expect(world.broadcasts).toHaveLength(2);
  expect(await isRevoked(mine.accessToken)).toBe(true);
  expect(await isRevoked(other.accessToken)).toBe(false);
  await expect(refresh(mine.refreshToken)).rejects.toMatchObject({ code: 'unauthorized' });
  await expect(logOut({ user: mine.user, session: 'x' })).rejects.toMatchObject({ code: 'invalid' });
});

test('H5 a front that starts learns what is revoked, and the store forgets it in time', async () => {
  const pair = await signUp();
  await world.services['people.logOut']({ user: pair.user, session: pair.session });
  const started = createRevocations({ clock: world.clock });
  for (const revocation of await world.services['revocations.list'](null)) started.apply(revocation);
  expect(started.isRevoked(await world.tokens.verify(pair.accessToken))).toBe(true);

  world.clock.advance(900_000 + 60_000);
  await prunePeople(world.sql, world.clock.now());
  const values = (await world.services['revocations.list'](null)).map((revocation) => revocation.value);
  expect(values).not.toContain(pair.session);
  // By then the token has expired by itself.
  expect(() => world.tokens.verify(pair.accessToken)).toThrow(
    expect.objectContaining({ code: 'unauthorized' }),
  );
});

test('H4 pruning keeps what can still be used or reused, and drops what is past', async () => {
  const old = await signUp();
  world.clock.advance(20 * day);
  const used = await signUp();
  await refresh(used.refreshToken);
  world.clock.advance(10 * day);
  await prunePeople(world.sql, world.clock.now());
  expect(await world.sql`select 1 from sessions where id = ${old.session}`).toHaveLength(0);
  expect(await world.sql`select 1 from refresh_tokens where session = ${used.session}`).toHaveLength(2);
  await expect(refresh(used.refreshToken)).rejects.toMatchObject({
    message: expect.stringContaining('used before'),
  });
});

test('H4 a session remembers its device and its last addresses, whatever they say', async () => {
  const username = newName();
  const odd = { name: `<b>\u0000\ud800${'x'.repeat(500)}`, address: '/run/nubo.sock' };
  const pair = await world.services['people.signUp']({ username, password, device: odd });
  let token = pair.refreshToken;
  for (let last = 1; last <= 12; last += 1) {
    const address = last % 2 === 0 ? `::ffff:10.0.0.${last}` : `2001:db8::${last}`;
    token = (await refresh(token, { name: 'phone', address })).refreshToken;
  }
  await refresh(token, { name: "it's", address: '10.0.0.8' });
  const [row] = await world.sql`
    select device_info as info, array_to_json(ip) as ip from sessions where id = ${pair.session}`;
  expect(row?.info).toEqual({ name: "it's" });
  const kept = [
    '2001:db8::5',
    '10.0.0.6',
    '2001:db8::7',
    '2001:db8::9',
    '10.0.0.10',
    '2001:db8::11',
    '10.0.0.12',
    '10.0.0.8',
  ];
  expect(row?.ip).toEqual(kept);
});
