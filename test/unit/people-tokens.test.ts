import { createHmac, generateKeyPairSync } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, SignJWT } from 'jose';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { userIdOfSubject } from '#src/ids.js';
import { createTokens, type TokenOptions } from '#src/people/tokens.js';
import { forge, HandClock, unsigned } from '#test/support/people.js';

const secret = 'the own secret of this test, long enough';
const appSecret = 'the application secret of this test, long';
const user = '018f0000-0000-7000-8000-000000000001';
const session = '018f0000-0000-7000-8000-000000000002';
const hour = 3600;

/** What is refused at once is refused as by a promise, so that the tests look at all tokens alike. */
function makeTokens(options: TokenOptions) {
  const tokens = createTokens(options);
  return { ...tokens, verify: async (token: string) => tokens.verify(token) };
}

function setUp(options: Partial<TokenOptions> = {}) {
  const clock = new HandClock();
  const tokens = makeTokens({ secret, appSecret, accessMs: 900_000, clock, ...options });
  const now = clock.now() / 1000;
  const own = { iss: 'nubo', aud: 'nubo', sub: user, sid: session, jti: 'j', iat: now, exp: now + hour };
  const app = { sub: 'Ada ', iat: now, exp: now + hour };
  return { clock, tokens, now, own, app };
}

function sign(body: string): string {
  return `${body}.${createHmac('sha256', secret).update(body).digest('base64url')}`;
}

/** The last of 43 characters carries four bits: three others mean the same to a reader that is not strict. */
function neighbour(token: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
  return alphabet.charAt(alphabet.indexOf(token.slice(-1)) + 1);
}

const refused = (reason: RegExp) =>
  expect.objectContaining({
    name: 'NuboError',
    code: 'unauthorized',
    message: expect.stringMatching(reason),
  });

describe('own tokens', () => {
  test('H3 a minted access token is verified to what it was minted for, to the millisecond', async () => {
    const { tokens, clock } = setUp();
    clock.advance(123);
    const minted = await tokens.mintAccess({ user, session, at: clock.now() });
    expect(await tokens.verify(minted.token)).toEqual({
      user,
      session,
      jti: minted.jti,
      issuedAt: clock.now(),
      expiresAt: clock.now() + 900_000,
      rate: 'standard',
    });
  });

  test('H7 a token minted for a user has no session and may carry high limits', async () => {
    const { tokens } = setUp();
    const minted = await tokens.mintForUser({ user, lifeMs: 1000, rate: 'high' });
    const identity = await tokens.verify(minted.token);
    expect(identity).toMatchObject({ user, rate: 'high' });
    expect(identity.session).toBeUndefined();
    expect(identity.subject).toBeUndefined();
  });

  test('H3 a token of a shared secret is known at once, without a turn between', async () => {
    const clock = new HandClock();
    const tokens = createTokens({ secret, accessMs: 900_000, clock });
    const { token } = await tokens.mintForUser({ user, lifeMs: 1000 });
    expect(tokens.verify(token)).toMatchObject({ user });
    expect(() => tokens.verify(`${token}x`)).toThrow(refused(/signature/));
  });

  test('H5 a token is refused from exp on, also when it was good before', async () => {
    const { tokens, clock } = setUp();
    const { token } = await tokens.mintForUser({ user, lifeMs: 10_000 });
    clock.advance(9_999);
    await tokens.verify(token);
    clock.advance(1);
    await expect(tokens.verify(token)).rejects.toEqual(refused(/expired/));
  });

  test('H3 forged own tokens are unauthorized', async () => {
    const { tokens, own, now } = setUp();
    const header = { alg: 'HS256' };
    const control = forge(header, own, secret);
    await expect(tokens.verify(control)).resolves.toMatchObject({ user });
    const { exp: _exp, ...withoutExp } = own;
    const { sub: _sub, ...withoutSub } = own;
    const { jti: _jti, ...withoutJti } = own;
    const [head = '', body = '', signature = ''] = control.split('.');
    const forged: Record<string, string> = {
      'alg none': unsigned({ alg: 'none' }, own),
      'alg none in capitals': unsigned({ alg: 'NONE' }, own),
      'no alg': unsigned({}, own),
      'signature cut off': `${head}.${body}.`,
      'two parts': `${head}.${body}`,
      'dots only': '..',
      'four parts': `${control}.${signature}`,
      empty: '',
      'not base64': '%%%.%%%.%%%',
      'wrong key': forge(header, own, 'another secret'),
      "the application's key, iss nubo": forge(header, own, appSecret),
      'HS512 in the header': forge({ alg: 'HS512' }, own, secret),
      'RS256 in the header': forge({ alg: 'RS256' }, own, secret),
      'unknown critical header': forge({ alg: 'HS256', crit: ['x'], x: 1 }, own, secret),
      'embedded key': forge({ alg: 'HS256', jwk: { kty: 'oct', k: 'YQ' } }, own, 'a'),
      'kid as a path': forge({ alg: 'HS256', kid: '/dev/null' }, own, ''),
      'body changed': `${head}.${Buffer.from(JSON.stringify({ ...own, sub: session })).toString('base64url')}.${signature}`,
      expired: forge(header, { ...own, exp: now - 1 }, secret),
      'no exp': forge(header, withoutExp, secret),
      'exp as text': forge(header, { ...own, exp: `${now + hour}` }, secret),
      'exp in ten thousand years': forge(header, { ...own, exp: now * 200 }, secret),
      'exp in milliseconds': forge(header, { ...own, exp: (now + hour) * 1000 }, secret),
      'nbf ahead': forge(header, { ...own, nbf: now + 60 }, secret),
      'iat ahead': forge(header, { ...own, iat: now + 60 }, secret),
      'iat negative': forge(header, { ...own, iat: -1 }, secret),
      'iat as text': forge(header, { ...own, iat: 'now' }, secret),
      'another audience': forge(header, { ...own, aud: 'other' }, secret),
      'no audience': forge(header, { ...own, aud: undefined }, secret),
      'no sub': forge(header, withoutSub, secret),
      'no jti': forge(header, withoutJti, secret),
      'sub no user id': forge(header, { ...own, sub: "x' or '1'='1" }, secret),
      'sid no session id': forge(header, { ...own, sid: 7 }, secret),
      'claims no object': forge(header, ['nubo'], secret),
      'claims null': forge(header, null, secret),
      'claims no JSON': sign(`${head}.${Buffer.from('{"iss":"nubo"').toString('base64url')}`),
      'claims no UTF-8': sign(
        `${head}.${Buffer.from(`{"iss":"nubo","x":"\xff"}`, 'latin1').toString('base64url')}`,
      ),
      'signature with another last character of the same bytes': `${control.slice(0, -1)}${neighbour(control)}`,
      huge: forge(header, { ...own, padding: 'x'.repeat(9000) }, secret),
    };
    for (const [name, token] of Object.entries(forged)) {
      await expect(tokens.verify(token), name).rejects.toEqual(refused(/./));
    }
  });

  test('H3 own tokens are no application tokens: without iss the own secret opens nothing', async () => {
    const { tokens, app } = setUp();
    await expect(tokens.verify(forge({ alg: 'HS256' }, app, secret))).rejects.toEqual(refused(/signature/));
  });

  test('H8 an empty secret and one secret for both are refused at start', () => {
    expect(() => setUp({ secret: '' })).toThrow(/NUBO_SECRET/);
    expect(() => setUp({ appSecret: '' })).toThrow(/NUBO_APP_SECRET/);
    expect(() => setUp({ appSecret: secret })).toThrow(/differ/);
  });
});

describe('tokens of an application', () => {
  test('H6 sub is opaque: case, trailing space and any character make another user', async () => {
    const { tokens, app } = setUp();
    const subs = [
      'Ada ',
      'ada ',
      'Ada',
      'é',
      'e\u0301',
      "'; drop table users; --",
      '`|\\^[',
      '1',
      '👩‍🚀',
      'x'.repeat(255),
    ];
    const seen = new Set<string>();
    for (const sub of subs) {
      const identity = await tokens.verify(forge({ alg: 'HS256' }, { ...app, sub }, appSecret));
      expect(identity).toMatchObject({ user: userIdOfSubject(sub), subject: { sub }, rate: 'standard' });
      seen.add(identity.user);
    }
    expect(seen.size).toBe(subs.length);
  });

  test('H6 name, jti and limits are taken when they are good, and a bad name locks nobody out', async () => {
    const { tokens, app } = setUp();
    const full = { ...app, name: 'Ada L.', jti: 'one', limits: 'high' };
    expect(await tokens.verify(forge({ alg: 'HS256' }, full, appSecret))).toMatchObject({
      subject: { sub: 'Ada ', name: 'Ada L.' },
      jti: 'one',
      rate: 'high',
    });
    const odd = { ...app, name: 'a\u0000b', limits: 'highest' };
    const identity = await tokens.verify(forge({ alg: 'HS256' }, odd, appSecret));
    expect(identity.subject).toEqual({ sub: 'Ada ' });
    expect(identity.rate).toBe('standard');
  });

  test('H7 a token without iat counts as issued at 0', async () => {
    const { tokens, app } = setUp();
    const { iat: _iat, ...withoutIat } = app;
    expect((await tokens.verify(forge({ alg: 'HS256' }, withoutIat, appSecret))).issuedAt).toBe(0);
  });

  test('H3 forged application tokens are unauthorized', async () => {
    const { tokens, app, now } = setUp();
    const header = { alg: 'HS256' };
    const forged: Record<string, string> = {
      'alg none': unsigned({ alg: 'none' }, app),
      'wrong key': forge(header, app, 'guess'),
      'no sub': forge(header, { ...app, sub: undefined }, appSecret),
      'empty sub': forge(header, { ...app, sub: '' }, appSecret),
      'sub a number': forge(header, { ...app, sub: 42 }, appSecret),
      'sub with NUL': forge(header, { ...app, sub: 'a\u0000b' }, appSecret),
      'sub with a lone surrogate': forge(header, { ...app, sub: 'a\ud800' }, appSecret),
      'sub of 256 bytes': forge(header, { ...app, sub: 'é'.repeat(128) }, appSecret),
      'no exp': forge(header, { ...app, exp: undefined }, appSecret),
      expired: forge(header, { ...app, exp: now }, appSecret),
      'asymmetric without JWKS': forge({ alg: 'RS256' }, app, appSecret),
      'jti of 256 bytes': forge(header, { ...app, jti: 'x'.repeat(256) }, appSecret),
    };
    for (const [name, token] of Object.entries(forged)) {
      await expect(tokens.verify(token), name).rejects.toEqual(refused(/./));
    }
  });

  test('H3 without an application secret its tokens are refused', async () => {
    const { app } = setUp();
    const clock = new HandClock();
    const tokens = makeTokens({ secret, accessMs: 1000, clock });
    await expect(tokens.verify(forge({ alg: 'HS256' }, app, appSecret))).rejects.toEqual(refused(/HS256/));
  });

  test('H3 a required issuer and audience are held to', async () => {
    const { tokens, app } = setUp({ appIssuer: 'https://id.example', appAudience: 'chat' });
    const good = { ...app, iss: 'https://id.example', aud: ['chat', 'x'] };
    await expect(tokens.verify(forge({ alg: 'HS256' }, good, appSecret))).resolves.toBeDefined();
    for (const bad of [app, { ...good, aud: 'shop' }, { ...good, iss: 'https://evil.example' }]) {
      await expect(tokens.verify(forge({ alg: 'HS256' }, bad, appSecret))).rejects.toEqual(
        refused(/iss|aud/),
      );
    }
  });
});

describe('tokens checked with a JWKS', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const ed = generateKeyPairSync('ed25519');
  const stranger = generateKeyPairSync('ed25519');
  const oct = Buffer.from('a symmetric key somebody published');
  let server: Server;
  let url: string;
  let fetches = 0;

  beforeAll(async () => {
    const keys = [
      { ...(await exportJWK(rsa.publicKey)), kid: 'rsa' },
      { ...(await exportJWK(ec.publicKey)), kid: 'ec', alg: 'ES256' },
      { ...(await exportJWK(ed.publicKey)), kid: 'ed' },
      { kty: 'oct', k: oct.toString('base64url'), kid: 'oct' },
    ];
    server = createServer((_request, response) => {
      fetches += 1;
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys }));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`;
  });
  afterAll(() => server.close());

  function withJwks() {
    const clock = new HandClock();
    const now = clock.now() / 1000;
    const tokens = makeTokens({ secret, appJwksUrl: url, accessMs: 1000, clock });
    const sign = (alg: string, kid: string, key: Parameters<SignJWT['sign']>[0], claims = {}) =>
      new SignJWT({ sub: 'Ada', iat: now, exp: now + hour, ...claims })
        .setProtectedHeader({ alg, kid })
        .sign(key);
    return { clock, tokens, sign, now };
  }

  test('H6 RS256, PS256, ES256 and EdDSA are accepted, and the keys are fetched once', async () => {
    const { tokens, sign } = withJwks();
    const before = fetches;
    const signed = [
      await sign('RS256', 'rsa', rsa.privateKey),
      await sign('PS256', 'rsa', rsa.privateKey),
      await sign('ES256', 'ec', ec.privateKey),
      await sign('EdDSA', 'ed', ed.privateKey),
    ];
    for (const token of signed) expect((await tokens.verify(token)).user).toBe(userIdOfSubject('Ada'));
    expect(fetches - before).toBe(1);
  });

  test('H3 a public key is no shared secret, and a key opens only its own algorithms', async () => {
    const { tokens, sign, now } = withJwks();
    const claims = { sub: 'Ada', iat: now, exp: now + hour };
    const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    const jwk = JSON.stringify(await exportJWK(rsa.publicKey));
    const forged = [
      forge({ alg: 'HS256', kid: 'rsa' }, claims, pem),
      forge({ alg: 'HS256', kid: 'rsa' }, claims, jwk),
      forge({ alg: 'HS256', kid: 'oct' }, claims, oct.toString()),
      forge({ alg: 'RS256', kid: 'rsa' }, claims, pem),
      unsigned({ alg: 'none', kid: 'rsa' }, claims),
      await sign('RS512', 'rsa', rsa.privateKey),
      await sign('EdDSA', 'ed', stranger.privateKey),
      await sign('EdDSA', 'ec', ed.privateKey),
      await sign('EdDSA', 'nobody', stranger.privateKey),
      // Signed well by the application, but claiming to be nubo's.
      await sign('EdDSA', 'ed', ed.privateKey, { iss: 'nubo', aud: 'nubo', sub: user, jti: 'x' }),
    ];
    for (const token of forged) await expect(tokens.verify(token)).rejects.toEqual(refused(/./));
  });

  test('H5 H3 the claims of a token that is remembered are looked at each time', async () => {
    const { clock, tokens, sign, now } = withJwks();
    const token = await sign('EdDSA', 'ed', ed.privateKey, { exp: now + 10 });
    await tokens.verify(token);
    clock.advance(9_999);
    expect((await tokens.verify(token)).user).toBe(userIdOfSubject('Ada'));
    clock.advance(1);
    await expect(tokens.verify(token)).rejects.toEqual(refused(/expired/));
  });

  test('H3 what is remembered is the whole token: other claims under its signature are refused', async () => {
    const { tokens, sign, now } = withJwks();
    const token = await sign('EdDSA', 'ed', ed.privateKey);
    await tokens.verify(token);
    const [head, , signature] = token.split('.');
    const claims = Buffer.from(JSON.stringify({ sub: 'Eve', exp: now + hour })).toString('base64url');
    await expect(tokens.verify(`${head}.${claims}.${signature}`)).rejects.toEqual(refused(/signature/));
  });

  test('H3 a good signature of a public key does not excuse its claims, nor a critical header', async () => {
    const { tokens, sign, now } = withJwks();
    const bad = [
      await sign('EdDSA', 'ed', ed.privateKey, { exp: now }),
      await sign('EdDSA', 'ed', ed.privateKey, { exp: undefined }),
      await sign('EdDSA', 'ed', ed.privateKey, { nbf: now + 60 }),
      await sign('EdDSA', 'ed', ed.privateKey, { iat: now + 60 }),
      await sign('EdDSA', 'ed', ed.privateKey, { sub: '' }),
      await new SignJWT({ sub: 'Ada', exp: now + hour })
        .setProtectedHeader({ alg: 'EdDSA', kid: 'ed', crit: ['b64'], b64: true })
        .sign(ed.privateKey),
    ];
    for (const token of bad) await expect(tokens.verify(token)).rejects.toEqual(refused(/./));
  });

  test('H3 a JWKS address that does not answer is nobody’s bad token', async () => {
    const { sign } = withJwks();
    const tokens = makeTokens({
      secret,
      appJwksUrl: 'http://127.0.0.1:9/',
      accessMs: 1000,
      clock: new HandClock(),
    });
    const token = await sign('EdDSA', 'ed', ed.privateKey);
    await expect(tokens.verify(token)).rejects.toMatchObject({
      code: 'unavailable',
      retryMs: expect.any(Number),
    });
  });
});
