/** Bodies and metadata of every kind through the binary COPY, read back and compared (W16, P1). */
import fc from 'fast-check';
import { recentEventsMax } from '#src/storage/ports.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import type { LogEvent } from '#src/wire/events.js';
import { Asker, Script } from './log-events.js';

const lookAlikes = [
  '\\.',
  '\\N',
  '\n\\.\n',
  'PGCOPY\n\u00ff\r\n',
  "'; drop table users; --",
  '\t',
  '\r\n',
  '\u0001',
  "E'\\x00'",
  '$$',
  '"',
];

/** Text that Postgres can hold: any code points but NUL and surrogates, with what breaks naive encoders mixed in. */
const storable = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\u0000', '').toWellFormed()),
  fc.string({ unit: 'grapheme' }),
  fc
    .array(fc.oneof(fc.constantFrom(...lookAlikes), fc.string()), { maxLength: 6 })
    .map((parts) => parts.join('')),
  fc
    .array(fc.integer({ min: 1, max: 0x1f }), { maxLength: 12 })
    .map((codes) => String.fromCharCode(...codes)),
);
const body = fc.oneof(
  { weight: 500, arbitrary: storable },
  { weight: 1, arbitrary: fc.constantFrom(...edges()) },
);
const json = fc.jsonValue().filter((value) => !/\\u(0000|d[89a-f])/i.test(JSON.stringify(value)));
type Metadata = LogEvent<'message.new'>['metadata'];
const metadata = fc.option(fc.dictionary(storable, json, { maxKeys: 3 }), { nil: undefined, freq: 3 });

function edges(): string[] {
  return [
    '',
    'x'.repeat(32 * 1024),
    '\u{1f600}'.repeat(8 * 1024),
    'ü'.repeat(16 * 1024),
    '\n'.repeat(32 * 1024),
  ];
}

export interface BodiesResult {
  bodies: number;
  bytes: number;
  /** Read back other than they were sent. */
  different: number;
  seed: number;
}

/** @throws Error when a batch is not committed */
export async function drillBodies(
  url: string,
  {
    count,
    seed = Math.trunc(Math.random() * 2 ** 31),
    shard = 400,
  }: { count: number; seed?: number; shard?: number },
): Promise<BodiesResult> {
  const store = new PostgresLogStore({ url, shard, readConnections: 1 });
  const asker = new Asker(store);
  const result: BodiesResult = { bodies: 0, bytes: 0, different: 0, seed };
  const samples = fc.sample(fc.tuple(body, metadata), { numRuns: count, seed });
  try {
    await asker.own();
    while (samples.length > 0) {
      const script = new Script();
      const events = samples
        .splice(0, 1_000)
        .map(([text, meta]) => script.message(text, { metadata: meta as Metadata }));
      const outcome = await asker.write(events);
      if (outcome.kind !== 'committed') throw new Error(`seed ${seed}: ${JSON.stringify(outcome)}`);
      await compare(asker, events, result);
    }
    return result;
  } finally {
    await store.close();
  }
}

async function compare(asker: Asker, events: LogEvent<'message.new'>[], result: BodiesResult): Promise<void> {
  const [first] = events;
  if (first === undefined) return;
  const read = await asker.read({ conv: first.conv, after: 0, before: 2 ** 40, limit: 10_000, last: false });
  const loaded = await asker.load(first.conv);
  if (read.kind !== 'events' || loaded.kind !== 'loaded') throw new Error('could not be read back');
  const recent = events.slice(-recentEventsMax);
  for (const [index, event] of events.entries()) {
    result.bodies += 1;
    result.bytes += Buffer.byteLength(event.text);
    if (!isSame(event, read.events[index])) result.different += 1;
  }
  for (const [index, event] of recent.entries()) {
    if (!isSame(event, loaded.snapshot.recent[index])) result.different += 1;
  }
}

/** Equal but for the order of keys, which jsonb does not keep. */
function isSame(one: LogEvent, other: LogEvent | undefined): boolean {
  return other !== undefined && canonical(one) === canonical(other);
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
}
