import { expect, test } from 'vitest';
import { addressGroup, canonicalAddress } from '#src/people/addresses.js';
import { createLogInLimits } from '#src/people/login-limits.js';
import { check, displayName, email, password, subject, username } from '#src/people/rules.js';

const invalid = expect.objectContaining({ code: 'invalid', stored: false });

test('H1 usernames: 3 to 32 of a–z 0–9 _ . -, in either case', () => {
  for (const good of ['abc', 'A.b-c_9', 'x'.repeat(32), '...', '007'])
    expect(check(username, good)).toBe(good);
  const bad = [
    '',
    'ab',
    'x'.repeat(33),
    'a b',
    'abc ',
    'ünal',
    'аdmin',
    'a@b.c',
    'abc\n',
    'a\u0000bc',
    "a'--",
    'ＡＢＣ',
    7,
    null,
  ];
  for (const value of bad) expect(() => check(username, value), String(value)).toThrow(invalid);
});

test('H1 passwords: 8 to 256 characters of any script, the same however they were typed', () => {
  expect(check(password, '👩‍🚀'.repeat(4))).toBe('👩‍🚀'.repeat(4));
  expect(check(password, '👍'.repeat(256))).toHaveLength(512);
  expect(check(password, `e\u0301${'x'.repeat(8)}`)).toBe(`é${'x'.repeat(8)}`);
  const bad = [
    '',
    '1234567',
    '👍'.repeat(7),
    'x'.repeat(257),
    '👍'.repeat(257),
    'x'.repeat(8192),
    'abcdefg\u0000',
    'abcdefgh\ud800',
    7,
  ];
  for (const value of bad) expect(() => check(password, value)).toThrow(invalid);
});

test('H1 e-mail addresses and names', () => {
  expect(check(email, 'Ada@Example.org')).toBe('Ada@Example.org');
  for (const value of [
    '',
    'ada',
    'ada@',
    '@b.c',
    'a@b.c\u0000',
    `${'x'.repeat(250)}@example.org`,
    "a'@@b.c",
  ]) {
    expect(() => check(email, value)).toThrow(invalid);
  }
  expect(check(displayName, ' Ada \u202e ')).toBe(' Ada \u202e ');
  for (const value of ['', 'x'.repeat(101), 'a\u0000', '\udfff'])
    expect(() => check(displayName, value)).toThrow(invalid);
});

test('H6 a sub is any storable text of at most 255 bytes', () => {
  for (const good of [' ', 'Ada ', 'é'.repeat(127), 'a\tb\n']) expect(check(subject, good)).toBe(good);
  for (const bad of ['', 'é'.repeat(128), 'x'.repeat(256), '\u0000', '\ud800'])
    expect(() => check(subject, bad)).toThrow(invalid);
});

test('H1 a refusal names the field and the reason', () => {
  expect(() => check(username, 'ab')).toThrow('must be at least 3 characters');
});

test('H2 an address has one form however it is written', () => {
  expect(canonicalAddress('127.0.0.1')).toBe('127.0.0.1');
  expect(canonicalAddress('::ffff:127.0.0.1')).toBe('127.0.0.1');
  expect(canonicalAddress('0000:0000:0000:0000:0000:ffff:7f00:0001')).toBe('127.0.0.1');
  expect(canonicalAddress('fe80:0:0::1%eth0')).toBe('fe80::1');
  for (const none of ['', '/run/x.sock', '1.2.3', "1.1.1.1'; --", '\u0000'])
    expect(canonicalAddress(none)).toBeUndefined();
});

test('H2 IPv6 peers are counted by /64', () => {
  expect(addressGroup('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64');
  expect(addressGroup('2001:db8:1:2::9')).toBe('2001:db8:1:2::/64');
  expect(addressGroup('2001:db8::9')).toBe('2001:db8:0:0::/64');
  expect(addressGroup('::1')).toBe('0:0:0:0::/64');
  expect(addressGroup('::ffff:1.2.3.4')).toBe('1.2.3.4');
  expect(addressGroup('nonsense')).toBe('unknown');
});

test('H2 attempts are counted by name without case and by address, and forgiven by name', async () => {
  const limits = createLogInLimits({ attemptsPerName: 2, attemptsPerAddress: 3 });
  const limited = expect.objectContaining({ code: 'rate_limited', retryMs: expect.any(Number) });
  await limits.name('ada');
  await limits.name('ADA');
  await expect(limits.name('Ada')).rejects.toEqual(limited);
  await limits.forgive('aDa');
  await limits.name('ada');
  for (let count = 0; count < 3; count += 1) await limits.address('::ffff:10.0.0.1');
  await expect(limits.address('10.0.0.1')).rejects.toEqual(limited);
  await limits.address('10.0.0.2');
});
