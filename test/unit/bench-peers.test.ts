/** Peers of the bench: their adapters speak the protocols byte for byte, however the bytes are cut. */
import { describe, expect, test } from 'vitest';
import type { ClientPlan } from '#bench/contract.js';
import type { Adapter, Connection, Sink } from '#bench/generator/adapter.js';
import { peerAdapters } from '#bench/generator/adapters/peers/index.js';
import { writeMark } from '#bench/generator/mark.js';
import { fill } from '#bench/peers/configuration.js';
import { peers } from '#bench/peers/index.js';
import { tokenOf, userOf } from '#bench/peers/node/tokens.js';

interface Heard {
  readonly written: Buffer[];
  readonly acked: number[];
  readonly refused: string[];
  readonly delivered: Array<{ room: number; text: string; seq: number | undefined }>;
  readonly failed: string[];
  readonly boundaries: number[];
  ready: number;
}

const plan: ClientPlan = { token: 'secret', user: 'ann', hears: [0, 1], sends: [1] };
const address = { host: '127.0.0.1', port: 1 };
/** What tries an escaper: quotes, angle brackets, other scripts. */
const said = 'say "so" \\ <b>&amp;</b> größe 語';

function adapterOf(name: string): Adapter {
  const adapter = peerAdapters[name];
  if (adapter === undefined) throw new Error(`There is no adapter ${name}.`);
  return adapter;
}

function marked(text: string, ref = 1): Buffer {
  const bytes = Buffer.from(`${' '.repeat(16)}${text}`);
  writeMark(bytes, 0, 3, ref);
  return bytes;
}

function connected(name: string, rooms: readonly string[]): { connection: Connection; heard: Heard } {
  const heard: Heard = {
    ...{ written: [], acked: [], refused: [], delivered: [], failed: [], boundaries: [], ready: 0 },
  };
  const sink: Sink = {
    write: (bytes) => heard.written.push(Buffer.from(bytes)),
    ready: () => {
      heard.ready++;
    },
    acked: (ref) => heard.acked.push(ref),
    refused: (ref, why) => heard.refused.push(`${ref}: ${why}`),
    delivered: (room, bytes, at, seq) =>
      heard.delivered.push({ room, text: Buffer.from(bytes.subarray(at)).toString(), seq }),
    gap: () => {},
    failed: (why) => heard.failed.push(why),
    boundary: (end) => heard.boundaries.push(end),
  };
  const connection = adapterOf(name)({ address, rooms }).connect(plan, sink);
  connection.opened();
  return { connection, heard };
}

/** Everything written since the last call. */
function taken(heard: Heard): Buffer {
  return Buffer.concat(heard.written.splice(0));
}

/** In pieces of so many bytes, in memory that is gone afterwards. */
function feed(connection: Connection, bytes: Buffer, size: number): void {
  for (let at = 0; at < bytes.length; at += size) {
    const piece = Buffer.from(bytes.subarray(at, at + size));
    connection.received(piece);
    piece.fill(0);
  }
}

const upgraded = Buffer.from(
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
    'Sec-WebSocket-Accept: @accept@\r\n\r\n',
);

/** The head that answers this request. */
async function upgradeFor(request: Buffer): Promise<Buffer> {
  const { createHash } = await import('node:crypto');
  const key = /Sec-WebSocket-Key: (\S+)/.exec(request.toString())?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
  return Buffer.from(upgraded.toString().replace('@accept@', accept));
}

function serverFrame(payload: string | Buffer): Buffer {
  const body = Buffer.from(payload);
  const head = Buffer.alloc(body.length < 126 ? 2 : 4);
  head[0] = typeof payload === 'string' ? 0x81 : 0x82;
  if (body.length < 126) head[1] = body.length;
  else {
    head[1] = 126;
    head.writeUInt16BE(body.length, 2);
  }
  return Buffer.concat([head, body]);
}

/** Payloads of a client's frames, whose mask is zero. */
function payloads(bytes: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const short = (bytes[at + 1] ?? 0) & 0x7f;
    const start = at + (short < 126 ? 6 : 8);
    const length = short < 126 ? short : bytes.readUInt16BE(at + 2);
    found.push(bytes.subarray(start, start + length));
    at = start + length;
  }
  return found;
}

/** Protobuf: a field with a length. */
function field(number: number, body: string | Buffer): Buffer {
  const bytes = Buffer.from(body);
  if (bytes.length > 127) throw new Error('too long for one byte');
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
}

function delimited(...parts: readonly Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([body.length]), body]);
}

const id = (value: number) => Buffer.from([0x08, value]);

describe.each([1, 7, 4096])('in pieces of %i bytes', (size) => {
  test('centrifugo: connects, subscribes, publishes several in a frame, and is shown publications', async () => {
    const { connection, heard } = connected('centrifugo', ['r0', 'r1']);
    feed(connection, await upgradeFor(taken(heard)), size);
    expect(payloads(taken(heard))).toEqual([delimited(id(1), field(4, field(1, 'secret')))]);
    feed(connection, serverFrame(delimited(id(1), field(5, field(1, 'client')))), size);
    const subscribes = [
      delimited(id(2), field(5, field(1, 'r0'))),
      delimited(id(3), field(5, field(1, 'r1'))),
    ];
    expect(payloads(taken(heard))).toEqual([Buffer.concat(subscribes)]);
    const answers = [delimited(id(2), field(6, '')), delimited(id(3), field(6, ''))];
    feed(connection, serverFrame(Buffer.concat(answers)), size);
    expect(heard.ready).toBe(1);
    const text = marked(said);
    connection.send(1, 1, text);
    connection.send(2, 1, text);
    connection.flush?.();
    const publish = (number: number) =>
      delimited(id(number), field(7, Buffer.concat([field(1, 'r1'), field(2, text)])));
    expect(payloads(taken(heard))).toEqual([Buffer.concat([publish(4), publish(5)])]);
    const publication = Buffer.concat([field(4, text), Buffer.from([6 * 8, 9])]);
    const push = delimited(field(4, Buffer.concat([field(2, 'r1'), field(4, publication)])));
    const refusal = delimited(id(5), field(2, field(2, 'limit')));
    feed(connection, serverFrame(Buffer.concat([push, delimited(id(4), field(8, '')), refusal])), size);
    expect(heard.acked).toEqual([1]);
    expect(heard.refused.map((line) => line.slice(0, 2))).toEqual(['2:']);
    expect(heard.delivered).toMatchObject([{ room: 1, seq: 9 }]);
    expect(heard.delivered[0]?.text.startsWith(text.toString())).toBe(true);
    feed(connection, serverFrame(Buffer.from([0])), size);
    expect(payloads(taken(heard))).toEqual([Buffer.from([0])]);
  });

  test('jetstream: an ack comes to the inbox, a message by its subscription', () => {
    const { connection, heard } = connected('jetstream', ['room.0', 'room.1']);
    const hello = taken(heard).toString();
    expect(hello).toContain('"auth_token":"secret"');
    expect(hello).toMatch(/SUB _INBOX\.\w+\.\* 1\r\nSUB room\.0 2\r\nSUB room\.1 3\r\nPING\r\n$/);
    const inbox = /SUB (_INBOX\.\w+)/.exec(hello)?.[1];
    feed(connection, Buffer.from('INFO {"x":1}\r\nPONG\r\n'), size);
    expect(heard.ready).toBe(1);
    const text = marked(`${said}\r\nMSG`, 17);
    connection.send(17, 1, text);
    expect(taken(heard).toString()).toBe(`PUB room.1 ${inbox}.17 ${text.length}\r\n${text}\r\n`);
    const stored = '{"stream":"rooms", "seq":5}';
    const refusal = '{"error":{"code":503}}';
    const lines = [
      `MSG room.1 3 ${inbox}.17 ${text.length}\r\n${text}\r\n`,
      `PING\r\nMSG ${inbox}.17 1 ${stored.length}\r\n${stored}\r\n`,
      `MSG ${inbox}.18 1 ${refusal.length}\r\n${refusal}\r\n`,
    ];
    const all = Buffer.from(lines.join(''));
    feed(connection, all, size);
    expect(heard).toMatchObject({ acked: [17], refused: [`18: ${refusal}`], delivered: [{ room: 1 }] });
    expect(heard.delivered[0]?.text.startsWith(text.toString())).toBe(true);
    expect(taken(heard).toString()).toBe('PONG\r\n');
    expect(heard.boundaries.at(-1)).toBe(all.length + Buffer.byteLength('INFO {"x":1}\r\nPONG\r\n'));
  });

  test('tinode: publishes without an echo where nobody listens, and reads messages and acks', async () => {
    const { connection, heard } = connected('tinode', ['grpA', 'grpB']);
    feed(connection, await upgradeFor(taken(heard)), size);
    expect(payloads(taken(heard)).map(String)).toEqual([
      '{"hi":{"id":"hi","ver":"0.22"}}',
      '{"login":{"id":"login","scheme":"token","secret":"secret"}}',
    ]);
    const control = (ref: string, code: number) =>
      serverFrame(JSON.stringify({ ctrl: { id: ref, code, text: 'x' } }));
    feed(connection, control('login', 200), size);
    expect(payloads(taken(heard)).map(String)).toEqual([
      '{"sub":{"id":"sub0","topic":"grpA"}}',
      '{"sub":{"id":"sub1","topic":"grpB"}}',
    ]);
    feed(connection, Buffer.concat([control('sub0', 200), control('sub1', 200)]), size);
    expect(heard.ready).toBe(1);
    const text = marked(said);
    connection.send(1, 1, text);
    const sent = JSON.parse(String(payloads(taken(heard))[0])) as unknown;
    expect(sent).toEqual({ pub: { id: '1', topic: 'grpB', content: text.toString() } });
    const content = JSON.stringify(text.toString()).replaceAll('<', '\\u003c');
    const data = `{"data":{"topic":"grpB","from":"usrX","ts":"2026-01-01T00:00:00Z","seq":12,"content":${content}}}`;
    feed(connection, Buffer.concat([serverFrame(data), control('1', 202), control('2', 503)]), size);
    expect(heard).toMatchObject({ acked: [1], refused: ['2: 503 x'], delivered: [{ room: 1, seq: 12 }] });
    expect(heard.delivered[0]?.text.startsWith(content.slice(1, -1))).toBe(true);
  });

  test('plain-ws and socket-io: texts are escaped, refs come back', async () => {
    const text = marked(said);
    const inner = JSON.stringify(text.toString()).slice(1, -1);
    const plain = connected('plain-ws', ['r0', 'r1']);
    const request = taken(plain.heard);
    expect(request.toString()).toContain('Authorization: Bearer secret\r\n');
    feed(plain.connection, await upgradeFor(request), size);
    expect(payloads(taken(plain.heard)).map(String)).toEqual(['{"subscribe":["r0","r1"]}']);
    feed(plain.connection, serverFrame('{"subscribed":2}'), size);
    plain.connection.send(5, 1, text);
    expect(payloads(taken(plain.heard)).map(String)).toEqual([`{"ref":5,"room":"r1","text":"${inner}"}`]);
    const frames = ['{"ack":5}', '{"error":6,"why":"no"}', `{"room":"r1","author":"a","text":"${inner}"}`];
    feed(plain.connection, Buffer.concat(frames.map(serverFrame)), size);
    expect(plain.heard).toMatchObject({ ready: 1, acked: [5], refused: ['6: no'], delivered: [{ room: 1 }] });
    expect(plain.heard.delivered[0]?.text.startsWith(inner)).toBe(true);

    const io = connected('socket-io', ['r0', 'r1']);
    feed(io.connection, await upgradeFor(taken(io.heard)), size);
    feed(
      io.connection,
      Buffer.concat(['0{"sid":"x"}', '40{"sid":"y"}', '430[]', '2'].map(serverFrame)),
      size,
    );
    expect(payloads(taken(io.heard)).map(String)).toEqual([
      '40{"token":"secret"}',
      '420["join",["r0","r1"]]',
      '3',
    ]);
    io.connection.send(5, 1, text);
    expect(payloads(taken(io.heard)).map(String)).toEqual([`425["send","r1","${inner}"]`]);
    const packets = ['435[]', '436["no"]', `42["message","r1","${inner}"]`];
    feed(io.connection, Buffer.concat(packets.map(serverFrame)), size);
    expect(io.heard).toMatchObject({
      ready: 1,
      acked: [5],
      refused: ['6: ["no"]'],
      delivered: [{ room: 1 }],
    });
    expect(io.heard.delivered[0]?.text.startsWith(inner)).toBe(true);
  });

  test('mqtt: packet ids wrap, and long lengths are read', () => {
    const { connection, heard } = connected('mqtt', ['room/0', 'room/1']);
    expect(taken(heard)[0]).toBe(0x10);
    feed(connection, Buffer.from([0x20, 2, 0, 0]), size);
    expect(taken(heard).toString('latin1')).toContain('room/1\0');
    feed(connection, Buffer.from([0x90, 3, 0, 1, 0, 0x90, 3, 0, 2, 0]), size);
    expect(heard.ready).toBe(1);
    const text = marked('x'.repeat(300));
    connection.send(65_535, 1, text);
    connection.send(65_536, 1, text);
    const sent = taken(heard);
    const length = 2 + 6 + 2 + text.length;
    expect([...sent.subarray(0, 3)]).toEqual([0x32, (length & 0x7f) | 0x80, length >> 7]);
    const topic = Buffer.from([0, 6, ...Buffer.from('room/1')]);
    const rest = topic.length + text.length;
    const publish = Buffer.concat([Buffer.from([0x30, (rest & 0x7f) | 0x80, rest >> 7]), topic, text]);
    feed(connection, Buffer.concat([publish, Buffer.from([0x40, 2, 0xff, 0xff, 0x40, 2, 0, 1])]), size);
    expect(heard).toMatchObject({ acked: [65_535, 65_536], delivered: [{ room: 1 }] });
    expect(heard.delivered[0]?.text.startsWith(text.toString())).toBe(true);
  });

  test('xmpp: enters rooms, escapes and unescapes, and takes its own message for the ack', () => {
    const { connection, heard } = connected('xmpp', ['r0@c', 'r1@c']);
    taken(heard);
    const say = (xml: string) => feed(connection, Buffer.from(xml), size);
    say(`<?xml version='1.0'?><stream:stream id='1'><stream:features><mechanisms/></stream:features>`);
    expect(taken(heard).toString()).toContain(Buffer.from('\0ann\0secret').toString('base64'));
    say(`<success xmlns='s'/><?xml version='1.0'?><stream:stream id='2'><stream:features/>`);
    say(`<iq type='result' id='bind'><bind/></iq>`);
    expect(taken(heard).toString()).toContain(`<presence to='r1@c/ann'>`);
    for (const room of ['r0@c', 'r1@c'])
      say(`<presence from='${room}/ann'><x><status code='110'/></x></presence>`);
    expect(heard.ready).toBe(1);
    const text = marked(said);
    connection.send(5, 1, text);
    const escaped = text.toString().replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
    const message = `<message to='r1@c' type='groupchat' id='5'><body>${escaped}</body></message>`;
    expect(taken(heard).toString()).toBe(message);
    say(
      `<message from='r1@c/bob' type='groupchat' id='5'><body>${text.toString('utf8', 0, 16)}</body></message>`,
    );
    expect(heard.acked).toEqual([]);
    say(
      `<message from='r1@c/ann' type='groupchat' id='5'><stanza-id id='7'/><body>${escaped}</body></message>`,
    );
    expect(heard).toMatchObject({ acked: [5], failed: [], delivered: [{ room: 1 }, { room: 1 }] });
    expect(heard.delivered[1]?.text).toBe(text.toString());
  });
});

test('every peer has an adapter, a name of its own, and says what its ack means', () => {
  expect(new Set(peers.map(({ name }) => name)).size).toBe(peers.length);
  for (const { adapter, ack, label, missing } of peers) {
    expect(peerAdapters).toHaveProperty(adapter);
    expect(label).toMatch(ack === 'in memory' ? /in memory/ : /fsync/);
    expect(missing()?.endsWith('.') ?? true).toBe(true);
  }
});

test('a placeholder without a value is an error', () => {
  expect(fill('port @port@', { port: 5 })).toBe('port 5');
  expect(() => fill('port @port@', {})).toThrow('@port@');
});

test('a token is good for its user and its secret only', () => {
  const token = tokenOf('ann', 'secret');
  expect(userOf(token, 'secret')).toBe('ann');
  expect(userOf(token, 'other')).toBeUndefined();
  expect(userOf(token.replace('ann', 'bob'), 'secret')).toBeUndefined();
  expect(userOf('', 'secret')).toBeUndefined();
});
