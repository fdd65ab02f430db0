import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Identity } from '#src/people/identity.js';
import { createRevocations, revokes } from '#src/people/revocations.js';
import type { Revocation } from '#src/threads/messages.js';
import { HandClock } from '#test/support/people.js';

const identity: Identity = {
  user: 'u',
  session: 's',
  jti: 'j',
  issuedAt: 1000,
  expiresAt: 9e15,
  rate: 'standard',
};

test('H5 a revocation by user, session or jti takes back the tokens issued before it, and no others', () => {
  const clock = new HandClock(5000);
  for (const [subject, value] of [
    ['user', 'u'],
    ['session', 's'],
    ['jti', 'j'],
  ] as const) {
    const revocations = createRevocations({ clock });
    expect(revocations.isRevoked(identity)).toBe(false);
    revocations.apply({ subject, value, since: 1001, until: 9000 });
    expect(revocations.isRevoked(identity)).toBe(true);
    expect(revocations.isRevoked({ ...identity, issuedAt: 1001 })).toBe(false);
    expect(
      revocations.isRevoked({ user: 'v', session: 't', jti: 'k', issuedAt: 0, expiresAt: 1, rate: 'high' }),
    ).toBe(false);
  }
});

test('H7 a token without iat, issued at 0, is taken back by any revocation of its user', () => {
  const revocations = createRevocations({ clock: new HandClock(5000) });
  revocations.apply({ subject: 'user', value: 'u', since: 1, until: 9000 });
  expect(revocations.isRevoked({ ...identity, issuedAt: 0 })).toBe(true);
});

test('H7 an older revocation that arrives later weakens nothing', () => {
  const revocations = createRevocations({ clock: new HandClock(100) });
  revocations.apply({ subject: 'user', value: 'u', since: 5000, until: 9000 });
  revocations.apply({ subject: 'user', value: 'u', since: 500, until: 600 });
  expect(revocations.isRevoked(identity)).toBe(true);
});

test('H7 a revocation is forgotten after until, and one that is over is not taken in', () => {
  const clock = new HandClock(5000);
  const revocations = createRevocations({ clock });
  revocations.apply({ subject: 'user', value: 'old', since: 1, until: 5000 });
  expect(revocations.size).toBe(0);
  revocations.apply({ subject: 'user', value: 'a', since: 1, until: 6000 });
  clock.advance(120_000);
  revocations.apply({ subject: 'user', value: 'b', since: 1, until: 1e9 });
  expect(revocations.size).toBe(1);
});

test('H7 the set is bounded, and forgetting for want of room refuses more rather than less', () => {
  const clock = new HandClock(5000);
  const revocations = createRevocations({ clock, entriesMax: 10 });
  for (let index = 0; index < 35; index += 1) {
    revocations.apply({ subject: 'jti', value: `j${index}`, since: 1e9, until: 1e9 });
    expect(revocations.size).toBeLessThanOrEqual(10);
  }
  for (let index = 0; index < 35; index += 1)
    expect(revocations.isRevoked({ ...identity, jti: `j${index}` })).toBe(true);
  expect(revocations.isRevoked({ ...identity, jti: 'new', issuedAt: 5000 })).toBe(false);
});

test('H5 isRevoked says the same as asking every revocation in turn', () => {
  const id = fc.constantFrom('a', 'b', 'c');
  const time = fc.integer({ min: 1, max: 20 });
  const revocation: fc.Arbitrary<Revocation> = fc.record({
    subject: fc.constantFrom('user', 'session', 'jti'),
    value: id,
    since: time,
    until: fc.constant(1e6),
  });
  const token: fc.Arbitrary<Identity> = fc
    .record({
      user: id,
      session: fc.option(id, { nil: undefined }),
      jti: fc.option(id, { nil: undefined }),
      issuedAt: time,
    })
    .map(({ user, session, jti, issuedAt }) => ({
      user,
      ...(session === undefined ? {} : { session }),
      ...(jti === undefined ? {} : { jti }),
      issuedAt,
      expiresAt: 1e6,
      rate: 'standard',
    }));
  fc.assert(
    fc.property(fc.array(revocation, { maxLength: 12 }), token, (list, subject) => {
      const revocations = createRevocations({ clock: new HandClock(0) });
      for (const entry of list) revocations.apply(entry);
      expect(revocations.isRevoked(subject)).toBe(list.some((entry) => revokes(entry, subject)));
    }),
    { numRuns: 500 },
  );
});
