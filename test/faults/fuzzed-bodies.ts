/** Bodies of every kind through the wire, read back by every way there is, and compared (W16, P1). */
import fc from 'fast-check';
import { uuidv7 } from 'uuidv7';
import { openSql } from '#src/storage/postgres/sql.js';
import type { LogEvent } from '#src/wire/events.js';
import { readLog } from '#test/support/stored-log.js';
import type { WireSocket } from '#test/support/wire-socket.js';
import { open, type Scene } from './bad-cases.js';

/** What breaks naive encoders of COPY, of SQL, of JSON and of shells. */
const lookAlikes = [
  ...[
    '\\.',
    '\n\\.\n',
    '\\N',
    '\t',
    '\n',
    '\r\n',
    '\\t',
    '\\n',
    '\\\\',
    '\u0001',
    '\b\f\v',
    '\u007f\u0080\u009f',
  ],
  ...[
    'PGCOPY\n\u00ff\r\n',
    'copy t from stdin;\n1\t2\n\\.\n',
    "'; drop table users; --",
    "E'\\x00'",
    '$$',
    '"',
    "''",
  ],
  ...[
    '\ufeff',
    '\uffff',
    '\u2028\u2029',
    '\u202e\u2066',
    'e\u0301',
    '👩‍👩‍👧',
    '😀',
    '\ud83d\ude00'.repeat(3),
  ],
  ...['\\u0000', '%00', '&#0;', '\\ud800', '{"a":1}', '</script>', '$(id)', '`id`', ' ', '', '\u00a0'],
];

const piece = fc.oneof(
  fc.constantFrom(...lookAlikes),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme' }),
  fc.array(fc.integer({ min: 1, max: 0x1f }), { maxLength: 8 }).map((codes) => String.fromCharCode(...codes)),
);
/** Any text that can be stored: no NUL, no lone surrogates. */
const body = fc
  .array(piece, { maxLength: 6 })
  .map((pieces) => pieces.join('').replaceAll('\u0000', '').toWellFormed());
/** Rare, since they are large. */
const edges = [
  'x'.repeat(32 * 1024),
  '😀'.repeat(8 * 1024),
  '\n'.repeat(32 * 1024),
  '\\.\n'.repeat(10_000),
  '"'.repeat(20_000),
];

export interface FuzzResult {
  bodies: number;
  bytes: number;
  /** Comparisons: live, history in both codecs, REST, and the row itself. */
  compared: number;
  readonly different: string[];
  readonly seed: number;
}

const chunkItems = 500;
const frameBytesMax = 30_000;
const frameItemsMax = 100;

export async function fuzzBodies(scene: Scene, count: number): Promise<FuzzResult> {
  const seed = Math.trunc(Math.random() * 2 ** 31);
  const result: FuzzResult = { bodies: 0, bytes: 0, compared: 0, different: [], seed };
  const texts = [...edges, ...fc.sample(body, { numRuns: count - edges.length, seed })];
  const [sender, jsonSender] = [await open(scene, scene.alice), await open(scene, scene.alice, 'json')];
  const [reader, jsonReader] = [await open(scene, scene.bob), await open(scene, scene.bob, 'json')];
  const sql = openSql(scene.server.runtime.postgresUrl, { max: 1 });
  try {
    for (let turn = 0; texts.length > 0; turn += 1) {
      const conv = uuidv7();
      await sender.do({ op: 'create', id: conv, type: 'group', members: [scene.bob.user] });
      const live = await listen(turn % 2 === 0 ? jsonReader : reader, conv);
      const sent = await sendAll(turn % 2 === 0 ? sender : jsonSender, conv, texts.splice(0, chunkItems));
      const ways: Array<[way: string, events: readonly LogEvent[]]> = [
        ['history in msgpack', await pages(reader, conv)],
        ['history in JSON', await pages(jsonReader, conv)],
        ['REST', await restPages(scene, conv)],
        ['the row', (await readLog(sql, [conv])).map(({ event }) => event)],
        ['live', await live(sent.size + 1)],
      ];
      for (const [way, events] of ways) compare(way, sent, events, result);
      result.bodies += sent.size;
    }
    return result;
  } finally {
    for (const socket of [sender, jsonSender, reader, jsonReader]) socket.close();
    await sql.end();
  }
}

function compare(
  way: string,
  sent: ReadonlyMap<string, string>,
  events: readonly LogEvent[],
  result: FuzzResult,
): void {
  let found = 0;
  for (const event of events) {
    if (event.ev !== 'message.new') continue;
    found += 1;
    result.compared += 1;
    if (way === 'the row') result.bytes += Buffer.byteLength(event.text);
    const text = sent.get(event.id);
    if (event.text !== text)
      result.different.push(`${way}: ${JSON.stringify(event.text)}, not ${JSON.stringify(text)}`);
  }
  if (found !== sent.size) result.different.push(`${way}: ${found} of ${sent.size}`);
}

/** Frames of many messages, all at once; resolves when each is acked. */
async function sendAll(
  socket: WireSocket,
  conv: string,
  texts: readonly string[],
): Promise<Map<string, string>> {
  const sent = new Map(texts.map((text) => [uuidv7(), text]));
  const answers: Array<Promise<unknown>> = [];
  let frame: Parameters<WireSocket['post']>[0][number][] = [];
  let bytes = 0;
  const flush = () => {
    if (frame.length > 0) socket.post(frame);
    frame = [];
    bytes = 0;
  };
  for (const [id, text] of sent) {
    // As JSON a text may take six times its length.
    const size = 150 + Buffer.byteLength(JSON.stringify(text));
    if (bytes + size > frameBytesMax || frame.length === frameItemsMax) flush();
    const ref = socket.nextRef();
    answers.push(
      socket.answerOf(ref).then((answer) => {
        if ('err' in answer) throw new Error(`${JSON.stringify(text)} was told ${JSON.stringify(answer)}`);
      }),
    );
    frame.push({ op: 'send', ref, id, conv, text });
    bytes += size;
  }
  flush();
  await Promise.all(answers);
  return sent;
}

/** Listens from now on; the returned function waits until so many events were seen. */
async function listen(socket: WireSocket, conv: string): Promise<(count: number) => Promise<LogEvent[]>> {
  const events: LogEvent[] = [];
  const gaps: string[] = [];
  socket.onMessage = (message) => {
    if (!('ev' in message) || !('conv' in message) || message.conv !== conv) return;
    if (message.ev === 'gap') gaps.push(JSON.stringify(message));
    else if ('seq' in message && message.ev !== 'unknown') events.push(message);
  };
  await socket.do({ op: 'subscribe', conv, have: 0 });
  return async (count) => {
    const until = performance.now() + 15_000;
    while (events.length < count) {
      if (performance.now() > until)
        throw new Error(`${events.length} of ${count} events came, gaps: ${gaps.join()}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await socket.do({ op: 'unsubscribe', conv });
    return events;
  };
}

async function pages(socket: WireSocket, conv: string): Promise<LogEvent[]> {
  const all: LogEvent[] = [];
  for (let after = 0; ; after = all.at(-1)?.seq ?? 0) {
    const { events = [] } = await socket.do({ op: 'history', conv, after, limit: 100 });
    if (events.length === 0) return all;
    all.push(...events);
  }
}

async function restPages({ server, bob }: Scene, conv: string): Promise<LogEvent[]> {
  const all: LogEvent[] = [];
  for (let after = 0; ; after = all.at(-1)?.seq ?? 0) {
    const response = await fetch(
      `${server.address}/conversations/${conv}/messages?after=${after}&limit=100`,
      {
        headers: { authorization: `Bearer ${bob.token}` },
      },
    );
    const { events } = (await response.json()) as { events: LogEvent[] };
    if (events.length === 0) return all;
    all.push(...events);
  }
}
