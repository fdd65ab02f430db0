/** Tokens that are none, or not good: refused alike at every door (H3, W5, W6), and log-ins in a herd (A11, H2). */
import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { forge, unsigned } from '#test/support/people.js';
import { WireSocket } from '#test/support/wire-socket.js';
import type { Case, Scene } from './bad-cases.js';

const seconds = () => Math.floor(Date.now() / 1000);

/** What nubo's own tokens claim. */
function claims({ alice }: Scene, others: object = {}): object {
  const now = seconds();
  return { iss: 'nubo', aud: 'nubo', sub: alice.user, jti: 'forged', iat: now, exp: now + 600, ...others };
}

const header = { alg: 'HS256', typ: 'JWT' };

const tokens: Readonly<Record<string, (scene: Scene) => string>> = {
  expired: (scene) =>
    forge(header, claims(scene, { iat: seconds() - 700, exp: seconds() - 1 }), scene.secret),
  'without an end': (scene) => forge(header, claims(scene, { exp: undefined }), scene.secret),
  'with an end in 20 years': (scene) =>
    forge(header, claims(scene, { exp: seconds() + 20 * 31_557_600 }), scene.secret),
  'not valid yet': (scene) => forge(header, claims(scene, { nbf: seconds() + 600 }), scene.secret),
  'issued tomorrow': (scene) =>
    forge(header, claims(scene, { iat: seconds() + 86_400, exp: seconds() + 90_000 }), scene.secret),
  'of algorithm none': (scene) => unsigned({ alg: 'none', typ: 'JWT' }, claims(scene)),
  'of algorithm None with a signature': (scene) =>
    forge({ alg: 'None', typ: 'JWT' }, claims(scene), scene.secret),
  'of a wrong key': (scene) => forge(header, claims(scene), 'a key that is long enough and wrong'),
  'of an empty key': (scene) => forge(header, claims(scene), ''),
  'of HS512 with the right key': (scene) => signed(scene, 'sha512', { alg: 'HS512', typ: 'JWT' }),
  'of HS384 with the right key': (scene) => signed(scene, 'sha384', { alg: 'HS384', typ: 'JWT' }),
  'of HS256 that says RS256': (scene) => forge({ alg: 'RS256', typ: 'JWT' }, claims(scene), scene.secret),
  'of RS256 with a key of its own': rsa,
  'with a critical header': (scene) => forge({ ...header, crit: ['exp'] }, claims(scene), scene.secret),
  'for another audience': (scene) => forge(header, claims(scene, { aud: 'elsewhere' }), scene.secret),
  'of another issuer': (scene) => forge(header, claims(scene, { iss: 'elsewhere' }), scene.secret),
  'for nobody': (scene) => forge(header, claims(scene, { sub: undefined }), scene.secret),
  'for a name with SQL': (scene) => forge(header, claims(scene, { sub: "' or 1=1 --" }), scene.secret),
  'with another user put in': (scene) => tampered(scene),
  'without its signature': ({ alice }) => alice.token.slice(0, alice.token.lastIndexOf('.') + 1),
  'with a byte less': ({ alice }) => alice.token.slice(0, -2),
  'of 9,000 characters': ({ alice }) => alice.token + 'x'.repeat(8_000),
  'that is no token': () => 'hello',
  'of dots': () => '..',
};

function signed(scene: Scene, hash: string, head: object): string {
  const [first, second] = forge(head, claims(scene), scene.secret).split('.');
  const body = `${first}.${second}`;
  return `${body}.${createHmac(hash, scene.secret).update(body).digest('base64url')}`;
}

let rsaKey: KeyObject | undefined;

function rsa(scene: Scene): string {
  rsaKey ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  const [first, second] = forge({ alg: 'RS256', typ: 'JWT' }, claims(scene), '').split('.');
  const body = `${first}.${second}`;
  return `${body}.${sign('sha256', Buffer.from(body), rsaKey).toString('base64url')}`;
}

function tampered({ alice, bob }: Scene): string {
  const [first, second = '', third] = alice.token.split('.');
  const payload = Buffer.from(second, 'base64url').toString().replace(alice.user, bob.user);
  return `${first}.${Buffer.from(payload).toString('base64url')}.${third}`;
}

/** Each at the upgrade, in the first frame and in REST. */
export function badTokenCases(): Case[] {
  const cases = Object.entries(tokens).flatMap(([name, make]) => [
    { name: `a token ${name}, in the header`, run: (scene: Scene) => inHeader(scene, make(scene)) },
    { name: `a token ${name}, in the first frame`, run: (scene: Scene) => inFrame(scene, make(scene)) },
    { name: `a token ${name}, in REST`, run: (scene: Scene) => inRest(scene, make(scene)) },
  ]);
  return [...cases, goodForgery, inQuery, otherUserOnLiveSocket];
}

async function inHeader({ server }: Scene, token: string): Promise<string | undefined> {
  const socket = await WireSocket.open({ address: server.address, token }).then(
    () => 'let in',
    (error: unknown) => String(error),
  );
  return /ended: (4502|431|1006)/.test(socket) ? undefined : socket;
}

async function inFrame({ server }: Scene, token: string): Promise<string | undefined> {
  const socket = await WireSocket.open({ address: server.address, codec: 'json' });
  const answer = await socket.ask({ op: 'auth', token });
  if ('ack' in answer) return 'let in';
  if (answer.code === 'invalid') {
    // What is no token by its length alone is a wrong field: there may be a second try.
    socket.close();
    return undefined;
  }
  const { code } = await socket.closed;
  return answer.code === 'unauthorized' && code === 4502
    ? undefined
    : `${JSON.stringify(answer)}, closed with ${code}`;
}

async function inRest({ server }: Scene, token: string): Promise<string | undefined> {
  const response = await fetch(`${server.address}/me`, { headers: { authorization: `Bearer ${token}` } });
  await response.text();
  return response.status === 401 || response.status === 431 ? undefined : `answered ${response.status}`;
}

/** The forger works: with the right key, algorithm and claims it is let in. */
const goodForgery: Case = {
  name: 'a token that is right in everything',
  async run(scene) {
    const { server } = scene;
    const socket = await WireSocket.open({
      address: server.address,
      token: forge(header, claims(scene), scene.secret),
    });
    socket.close();
    return undefined;
  },
};

/** W5 */
const inQuery: Case = {
  name: 'a good token in the query string',
  async run({ server, alice }) {
    const socket = await WireSocket.open({
      address: server.address,
      path: `/ws?token=${alice.token}&access_token=${alice.token}`,
    });
    const answer = await socket.ask({ op: 'ping' });
    socket.close();
    return 'err' in answer && answer.code === 'unauthorized'
      ? undefined
      : `was told ${JSON.stringify(answer)}`;
  },
};

const otherUserOnLiveSocket: Case = {
  name: "another user's good token on a live socket",
  async run({ server, alice, bob }) {
    const socket = await WireSocket.open({ address: server.address, token: alice.token });
    const answer = await socket.ask({ op: 'auth', token: bob.token });
    const ping = await socket.ask({ op: 'ping' });
    socket.close();
    return 'err' in answer && answer.code === 'forbidden' && 'ack' in ping
      ? undefined
      : JSON.stringify([answer, ping]);
  },
};

/** One socket that never says who it is (W6). Resolves to what was wrong. */
export async function neverAuthenticates({ server }: Pick<Scene, 'server'>): Promise<string | undefined> {
  const begun = performance.now();
  const socket = await WireSocket.open({ address: server.address });
  const early = await socket.ask({ op: 'ping' });
  const { code } = await socket.closed;
  const ms = performance.now() - begun;
  if (!('err' in early) || early.code !== 'unauthorized') return `a ping was told ${JSON.stringify(early)}`;
  if (code !== 4501) return `closed with ${code}`;
  return ms >= 9_500 && ms <= 12_500 ? undefined : `closed after ${Math.round(ms)} ms`;
}

export interface Herd {
  readonly answers: Readonly<Record<string, number>>;
  readonly wrong: string[];
}

/** 100 log-ins at once: each is answered, the many that are too much are told when to come again. */
export async function logInHerd({ server }: Scene): Promise<Herd> {
  const answers: Record<string, number> = {};
  const wrong: string[] = [];
  await Promise.all(
    Array.from({ length: 100 }, async (_, index) => {
      const { status, body } = await logIn(server.address, `nobody-${index}`, 'a wrong password');
      answers[`${status} ${body.code ?? ''}`.trim()] =
        (answers[`${status} ${body.code ?? ''}`.trim()] ?? 0) + 1;
      const isKnown = status === 401 || ((status === 503 || status === 429) && (body.retryMs ?? 0) > 0);
      if (!isKnown) wrong.push(`${status} ${JSON.stringify(body)}`);
    }),
  );
  return { answers, wrong };
}

async function logIn(address: string, name: string, password: string) {
  const response = await fetch(`${address}/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ name, password }),
  });
  const body = (await response.json()) as { code?: string; retryMs?: number };
  return { status: response.status, body };
}

/** After the herd the right password still opens the door. */
export const logInAfterwards: Case = {
  name: 'the right password after the herd',
  async run({ server }) {
    const { demo } = server.runtime;
    if (demo === undefined) return 'there is no demo account';
    for (let attempt = 0; attempt < 8; attempt += 1) {
      const { status, body } = await logIn(server.address, demo.username, demo.password);
      if (status === 200) return undefined;
      if (body.retryMs === undefined) return `answered ${status} ${JSON.stringify(body)}`;
      await new Promise((resolve) => setTimeout(resolve, Math.min(body.retryMs ?? 0, 2_000)));
    }
    return 'refused eight times';
  },
};
