/** HTTP that no decent client sends: each is answered with a problem or cut off, and nothing falls over (R1, R6). */
import { uuidv7 } from 'uuidv7';
import type { Case } from './bad-cases.js';
import { expect, get, messages, post, raw, text, upgrade } from './raw-http.js';

export function badHttpCases(): Case[] {
  return [...heads(), ...bodies(), ...contents(), ...paths(), ...smuggling()];
}

function heads(): Case[] {
  const long = 'x'.repeat(100_000);
  return [
    expect(
      'a header of 100 KB',
      (scene) => raw(scene, `GET /ping HTTP/1.1\r\nhost: a\r\nx: ${long}\r\n\r\n`),
      431,
      400,
      0,
    ),
    expect(
      '1,000 headers',
      (scene) => raw(scene, `GET /ping HTTP/1.1\r\nhost: a\r\n${'a: b\r\n'.repeat(1_000)}\r\n`),
      431,
      400,
      0,
    ),
    expect(
      'a path of 100 KB',
      (scene) => raw(scene, `GET /${long} HTTP/1.1\r\nhost: a\r\n\r\n`),
      431,
      414,
      400,
      0,
    ),
    expect('no HTTP at all', (scene) => raw(scene, 'hello?\r\n\r\n'), 400, 505, 0),
    expect('TLS', (scene) => raw(scene, Buffer.from('16030100c8010000c40303', 'hex')), 400, 505, 0),
    expect('HTTP/9.9', (scene) => raw(scene, 'GET /ping HTTP/9.9\r\nhost: a\r\n\r\n'), 400, 505, 0),
    expect('no host', (scene) => raw(scene, 'GET /ping HTTP/1.1\r\n\r\n'), 200, 400, 0),
    expect(
      'a header with NUL',
      (scene) => raw(scene, 'GET /ping HTTP/1.1\r\nhost: a\r\nx: a\0b\r\n\r\n'),
      400,
      200,
      0,
    ),
    expect('a method nobody knows', (scene) => get(scene, '/ping', 'EXPLODE'), 405),
    expect('TRACE', (scene) => get(scene, '/ping', 'TRACE'), 405),
    expect('DELETE where only GET is', (scene) => get(scene, '/me', 'DELETE'), 405),
    expect('PUT where only POST is', (scene) => get(scene, '/login', 'PUT'), 405),
    expect('GET of the socket', (scene) => get(scene, '/ws'), 426),
    expect(
      'a page of another origin, which is allowed',
      (scene) => upgrade(scene, 'origin: https://elsewhere.example\r\n'),
      101,
    ),
    expect('a subprotocol nobody speaks', (scene) => upgrade(scene, 'sec-websocket-protocol: mqtt\r\n'), 400),
    expect('an upgrade without a key', (scene) => upgrade(scene, '', ''), 400, 426, 0),
  ];
}

function bodies(): Case[] {
  return [
    expect('a body of 1 MB', (scene) => post(scene, messages(scene), text('x'.repeat(1_000_000))), 413, 0),
    expect('a body of 64 KiB and a byte', (scene) => post(scene, messages(scene), 'x'.repeat(65_537)), 413),
    expect(
      '1 TB announced',
      (scene) => post(scene, messages(scene), '{}', { 'content-length': '1099511627776' }),
      413,
    ),
    expect(
      'a negative length',
      (scene) => post(scene, messages(scene), '{}', { 'content-length': '-1' }),
      400,
      413,
      0,
    ),
    expect(
      'a length that is no number',
      (scene) => post(scene, messages(scene), '{}', { 'content-length': '2e3' }),
      400,
      413,
      0,
    ),
    expect('no body', (scene) => post(scene, messages(scene), ''), 400),
    expect('half an object', (scene) => post(scene, messages(scene), '{"text":'), 400),
    expect('arrays nested 10,000 deep', (scene) => post(scene, messages(scene), '['.repeat(10_000)), 400),
    expect(
      '1 M items, as far as a body holds',
      (scene) => post(scene, messages(scene), `[${'0,'.repeat(30_000)}0]`),
      400,
    ),
  ];
}

function contents(): Case[] {
  return [
    expect(
      'a form',
      (scene) =>
        post(scene, messages(scene), 'text=a', { 'content-type': 'application/x-www-form-urlencoded' }),
      415,
    ),
    expect(
      'no content type',
      (scene) => post(scene, messages(scene), text('a'), { 'content-type': '' }),
      415,
    ),
    expect(
      'bytes that are no UTF-8',
      (scene) => post(scene, messages(scene), Buffer.from('{"text":"\xff\xfe"}', 'latin1')),
      400,
    ),
    expect(
      'a surrogate in three bytes',
      (scene) => post(scene, messages(scene), Buffer.from('{"text":"\xed\xa0\x80"}', 'latin1')),
      400,
    ),
    expect('NUL', (scene) => post(scene, messages(scene), '{"text":"a\\u0000b"}'), 400),
    expect('a lone surrogate', (scene) => post(scene, messages(scene), '{"text":"\\ud800"}'), 400),
    expect('a wrong type', (scene) => post(scene, messages(scene), text(42)), 400),
    expect('a prototype', (scene) => post(scene, messages(scene), '{"__proto__":{"text":"a"}}'), 400),
    expect(
      'a key that is no id',
      (scene) => post(scene, messages(scene), text('a'), { 'idempotency-key': 'x' }),
      400,
    ),
    expect(
      'a key of version 4',
      (scene) =>
        post(scene, messages(scene), text('a'), {
          'idempotency-key': '9f1c2f44-8f5d-4c6a-9a3e-0d8b6a3c2d11',
        }),
      400,
    ),
    expect(
      'a key from 1970',
      (scene) =>
        post(scene, messages(scene), text('a'), {
          'idempotency-key': '00000000-0000-7000-8000-000000000001',
        }),
      422,
    ),
    expect(
      'operator without its key',
      (scene) => post(scene, '/operator/users', '{"users":[{"sub":"x"}]}'),
      401,
    ),
  ];
}

function paths(): Case[] {
  return [
    expect('a path nobody knows', (scene) => get(scene, '/nothing'), 404),
    expect('up and away', (scene) => get(scene, '/../../../etc/passwd'), 404, 400),
    expect('up and away, encoded', (scene) => get(scene, '/..%2f..%2f..%2fetc%2fpasswd'), 404),
    expect('double slashes', (scene) => get(scene, '//me'), 404),
    expect('a slash at the end', (scene) => get(scene, '/me/'), 404),
    expect('upper case', (scene) => get(scene, '/ME'), 404),
    expect('NUL, encoded', (scene) => get(scene, '/conversations/%00'), 400, 404),
    expect('a whole URL', (scene) => get(scene, 'http://elsewhere/me'), 200, 400, 404, 505, 0),
    expect('an id that is none', (scene) => get(scene, '/conversations/general'), 400, 404),
    expect('an id of nothing', (scene) => get(scene, `/conversations/${uuidv7()}`), 404),
    expect('a message of nobody', (scene) => get(scene, `/messages/${uuidv7()}`), 404),
    expect('a page of 0', (scene) => get(scene, `${messages(scene)}?limit=0`), 400),
    expect('a page of 1e9', (scene) => get(scene, `${messages(scene)}?limit=1e9`), 400),
    expect('a seq beyond 2^53', (scene) => get(scene, `${messages(scene)}?after=9007199254740993`), 400),
    expect('a cursor of nonsense', (scene) => get(scene, '/conversations?cursor=nonsense'), 400),
    expect('a query with SQL', (scene) => get(scene, `${messages(scene)}?after=1%27%20or%201=1`), 400),
    expect('half a percent', (scene) => get(scene, '/conversations?cursor=%'), 400),
    expect(
      'half a percent in a path',
      (scene) => get(scene, `/messages/${uuidv7()}/reactions/%`, 'DELETE'),
      404,
    ),
    expect(
      'a slash in a reaction, with its percent',
      (scene) => get(scene, `/messages/${uuidv7()}/reactions/a%2Fb`, 'DELETE'),
      404,
    ),
    expect(
      'a reaction that is no UTF-8',
      (scene) => get(scene, `/messages/${uuidv7()}/reactions/%ff%fe`, 'DELETE'),
      404,
    ),
    expect(
      'a reaction with NUL',
      (scene) => get(scene, `/messages/${uuidv7()}/reactions/%00`, 'DELETE'),
      400,
    ),
    expect(
      'members by a cursor of nonsense',
      (scene) => get(scene, `/conversations/${scene.room}/members?cursor=x`),
      400,
    ),
    expect('a limit in hexadecimal', (scene) => get(scene, '/conversations?limit=0x10'), 400),
    expect('PUT where only GET is', (scene) => get(scene, `/conversations/${scene.room}/pins`, 'PUT'), 405),
  ];
}

/** Two ways to say where a body ends must not make two requests of one. */
function smuggling(): Case[] {
  const inner = 'GET /me HTTP/1.1\r\nhost: a\r\n\r\n';
  const head = 'POST /ping HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n';
  return [
    expect(
      'two lengths',
      (scene) => raw(scene, `${head}content-length: 0\r\ncontent-length: ${inner.length}\r\n\r\n${inner}`),
      400,
      405,
      0,
    ),
    expect(
      'a length and chunks',
      (scene) =>
        raw(scene, `${head}content-length: 4\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n${inner}`),
      400,
      405,
      0,
    ),
    expect(
      'chunks of nonsense',
      (scene) => raw(scene, `${head}transfer-encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n`),
      400,
      405,
      0,
    ),
    expect(
      'a chunk of 2^64',
      (scene) => raw(scene, `${head}transfer-encoding: chunked\r\n\r\nffffffffffffffff\r\nhello\r\n`),
      400,
      405,
      413,
      0,
    ),
  ];
}

/** A message of somebody else answers exactly as none at all (R6). */
export const hiddenMessage: Case = {
  name: 'a message of others, in REST',
  async run(scene) {
    const id = uuidv7();
    const sent = await post(scene, messages(scene), text('private'), { 'idempotency-key': id });
    if (sent.status !== 201) return `sending was answered ${sent.status}: ${sent.text.slice(-300)}`;
    const ask = async (path: string) => {
      const response = await fetch(`${scene.server.address}${path}`, {
        headers: { authorization: `Bearer ${scene.carol.token}` },
      });
      return `${response.status} ${await response.text()}`;
    };
    const pairs = [
      [`/messages/${id}`, `/messages/${uuidv7()}`],
      [`/conversations/${scene.room}`, `/conversations/${uuidv7()}`],
      [messages(scene), `/conversations/${uuidv7()}/messages`],
    ] as const;
    for (const [theirs, nobodys] of pairs) {
      const [hidden, absent] = [await ask(theirs), await ask(nobodys)];
      if (hidden !== absent || !hidden.startsWith('404')) return `${hidden} differs from ${absent}`;
    }
    return undefined;
  },
};
