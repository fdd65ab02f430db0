/**
 * Byte vectors for implementations in other languages: each entry of test/golden/wire.json is one frame in both
 * codecs. `operations` are what clients send, `messages` what the server sends.
 */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { decodeMessages, decodeOperations, encodeMessages, encodeOperations } from '#src/wire/codec.js';
import { answers, controlEvents, logEvents, type ServerMessage } from '#src/wire/events.js';
import { type Operation, operations } from '#src/wire/operations.js';

interface Vector {
  readonly name: string;
  /** The value of the JSON text frame: one operation or message, or an array of them. */
  readonly json: object;
  /** The bytes of the binary frame, as hex. */
  readonly msgpack: string;
}

const golden: {
  operations: Vector[];
  messages: Vector[];
  refused: Array<{ name: string; msgpack: string }>;
} = JSON.parse(readFileSync(new URL('../golden/wire.json', import.meta.url), 'utf8'));

const listOf = <T>(json: object) => (Array.isArray(json) ? json : [json]) as T[];
const toBytes = (hex: string) => Uint8Array.from(Buffer.from(hex, 'hex'));
const toHex = (frame: string | Uint8Array) => Buffer.from(frame as Uint8Array).toString('hex');

test.each(golden.operations)('W1 W3 golden operation: $name', ({ json, msgpack }) => {
  const list = listOf<Operation>(json);
  expect(toHex(encodeOperations('msgpack', list))).toBe(msgpack);
  const items = list.map((operation) => ({ kind: 'operation', operation }));
  expect(decodeOperations('msgpack', toBytes(msgpack))).toEqual({ kind: 'operations', items });
  expect(decodeOperations('json', Buffer.from(JSON.stringify(json)))).toEqual({ kind: 'operations', items });
});

test.each(golden.messages)('W1 W3 golden message: $name', ({ json, msgpack }) => {
  const list = listOf<ServerMessage>(json);
  expect(toHex(encodeMessages('msgpack', list))).toBe(msgpack);
  expect(JSON.parse(encodeMessages('json', list) as string)).toEqual(json);
  expect(decodeMessages('msgpack', toBytes(msgpack))).toEqual(list);
});

test.each(golden.refused)('W2 golden refusal: $name', ({ msgpack }) => {
  expect(decodeOperations('msgpack', toBytes(msgpack)).kind).toBe('bad');
});

test('W3 every operation, event and answer has a golden frame', () => {
  const sent = golden.operations.flatMap(({ json }) => listOf<Operation>(json)).map(({ op }) => op);
  expect(new Set(sent)).toEqual(new Set(Object.keys(operations)));
  const told = golden.messages
    .flatMap(({ json }) => listOf<ServerMessage>(json))
    .map((message) => ('ev' in message ? message.ev : 'ack' in message ? 'ack' : 'err'));
  const names = [answers, controlEvents, logEvents].flatMap((table) => Object.keys(table));
  expect(new Set(told)).toEqual(new Set(names));
});
