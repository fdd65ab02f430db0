/** The wire and REST say the same, and the documents of both say what they say. */
import { readFileSync } from 'node:fs';
import specs from '@asyncapi/specs';
import { Ajv } from 'ajv';
import { Unpackr } from 'msgpackr';
import { expect, test } from 'vitest';
import { asyncApiDocument } from '#src/front/rest/asyncapi.js';
import { onlyOnSockets, onlyOverRest } from '#src/front/rest/parity.js';
import { restRoutes } from '#src/front/rest/rest.js';
import type { Route } from '#src/front/rest/route.js';
import { operationsOf } from '#src/front/rest/way.js';
import { controlEvents, logEvents } from '#src/wire/events.js';
import { type OperationName, operations } from '#src/wire/operations.js';

type Json = Record<string, unknown>;

interface Document {
  readonly channels: { readonly ws: { readonly messages: Json } };
  readonly operations: Json;
  readonly components: {
    readonly messages: Record<string, { payload: Json; 'x-msgpack': { code: number; places: string[] } }>;
  };
}

const document = asyncApiDocument('0.1.0') as unknown as Document;
const golden = JSON.parse(readFileSync(new URL('../golden/wire.json', import.meta.url), 'utf8')) as Record<
  'operations' | 'messages',
  Array<{ name: string; json: Json | Json[]; msgpack: string }>
>;

function nameOf({ method, path }: Route): string {
  return `${method} ${path}`;
}

test('W17 every operation has a route, and every route for people an operation, or a reason why not', () => {
  const names = Object.keys(operations) as OperationName[];
  const onBoth = operationsOf(restRoutes);
  const excused = Object.keys(onlyOnSockets) as OperationName[];
  expect(names.filter((name) => !onBoth.has(name)).toSorted()).toEqual(excused.toSorted());
  expect(excused.filter((name) => onBoth.has(name))).toEqual([]);
  const forPeople = restRoutes.filter(({ access }) => access === 'user' || access === 'durable');
  const alone = forPeople.filter(({ operations: own = [] }) => own.length === 0).map(nameOf);
  expect(alone).toEqual(Object.keys(onlyOverRest));
  expect(names.length).toBeGreaterThan(40);
});

test('W17 the document of the wire names every operation', () => {
  const named = readFileSync(new URL('../../docs/wire.md', import.meta.url), 'utf8');
  expect(Object.keys(operations).filter((name) => !named.includes(`\`${name}\``))).toEqual([]);
});

test('W17 routes are as people know them, and none stands in the way of another', () => {
  const lines = restRoutes.map(nameOf);
  expect(new Set(lines).size).toBe(lines.length);
  const known = [
    'GET /conversations',
    'POST /conversations',
    'GET /conversations/{id}',
    'GET /conversations/{id}/messages',
    'POST /conversations/{id}/messages',
    'PUT /messages/{id}',
    'DELETE /messages/{id}',
    'POST /messages/{id}/reactions',
    'DELETE /messages/{id}/reactions/{emoji}',
    'POST /conversations/{id}/read',
  ];
  expect(known.filter((line) => !lines.includes(line))).toEqual([]);
});

/** Fields that REST puts elsewhere: the number of the question, the key, and the conversation of a message. */
const elsewhere = new Set(['ref', 'id', 'conv', 'message', 'member', 'fields']);

test('W17 a route takes the fields of its operation, and no other', () => {
  let compared = 0;
  for (const each of restRoutes) {
    const [name, ...others] = each.operations ?? [];
    if (name === undefined || others.length > 0 || isAsWhole(name) || each.path.endsWith('/archive'))
      continue;
    const wire = Object.keys(operations[name].schema.shape).filter((field) => !elsewhere.has(field));
    const shapes = [each.params, each.query, each.body] as Array<{ shape?: Json } | undefined>;
    const fields = shapes.flatMap((schema) => Object.keys(schema?.shape ?? {}));
    const rest = fields.filter(
      (field) => !(elsewhere.has(field) || (field === 'user' && !['user', 'report'].includes(name))),
    );
    const isNamed = /\{(id|user)\}/.test(each.path);
    const own = wire.filter((field) => !(isNamed && ['session', 'user'].includes(field)));
    if (each.method === 'DELETE' && name === 'change') expect(rest).toEqual([]);
    else expect({ name, fields: rest.toSorted() }).toEqual({ name, fields: own.toSorted() });
    compared += 1;
  }
  expect(compared).toBeGreaterThan(35);
});

/** Their body is one field. */
function isAsWhole(name: OperationName): boolean {
  return name === 'me.change' || name === 'settings.change';
}

test('W18 the official schema of AsyncAPI 3 finds nothing to say about the document', () => {
  const validate = new Ajv({ strict: false, validateFormats: false }).compile(
    specs.schemasWithoutId['3.0.0'],
  );
  validate(structuredClone(document));
  expect(validate.errors).toBeNull();
  // It can find something.
  expect(validate({ ...document, channels: { ws: { address: 7 } } })).toBe(false);
});

test('W18 the document has every operation, event and answer, and its references lead somewhere', () => {
  const told = Object.keys(document.operations);
  const expected = [
    ...Object.keys(operations).map((name) => `op.${name}`),
    ...[...Object.keys(controlEvents), ...Object.keys(logEvents)].map((name) => `ev.${name}`),
  ];
  expect(told.toSorted()).toEqual(expected.toSorted());
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"#([^"]+)"/g)].map(
    ([, path = '']) => path,
  );
  expect(references.length).toBeGreaterThan(100);
  const lost = new Set(references.filter((path) => at(document, path) === undefined));
  expect([...lost]).toEqual([]);
});

function at(value: unknown, path: string): unknown {
  let found = value;
  for (const step of path.split('/').slice(1)) found = (found as Json | undefined)?.[step];
  return found;
}

function listOf(json: Json | Json[]): Json[] {
  return Array.isArray(json) ? json : [json];
}

function messageName(json: Json): string {
  if ('op' in json) return `op.${String(json.op)}`;
  if ('ev' in json) return `ev.${String(json.ev)}`;
  return 'ack' in json ? 'ack' : 'err';
}

test.each([...golden.operations, ...golden.messages])('W18 the document describes: $name', ({ json }) => {
  const ajv = new Ajv({ strict: false, validateFormats: false });
  for (const each of listOf(json)) {
    const reference = `#/components/messages/${messageName(each)}/payload`;
    const validate = ajv.compile({ ...document, $ref: reference });
    validate(each);
    expect(validate.errors).toBeNull();
    expect(
      validate({
        ...each,
        ref: 'x',
        seq: 'x',
        ack: 'x',
        err: 'x',
        status: 5,
        conv: 7,
        at: 'x',
        message: 7,
        user: 7,
      }),
    ).toBe(false);
  }
});

const unpackr = new Unpackr({ int64AsType: 'number', useRecords: false, mapsAsObjects: true });

/** What stands at the places of one msgpack message, by what the document says of its code. */
function byPlaces(kind: 'op' | 'answer or event', places: unknown[]): Json {
  const [code, ...values] = places;
  const [name, { 'x-msgpack': form }] = Object.entries(document.components.messages).find(
    ([each, message]) => each.startsWith('op.') === (kind === 'op') && message['x-msgpack'].code === code,
  ) as [string, Document['components']['messages'][string]];
  const message: Json = {};
  if (/^(op|ev)\./.test(name)) message[name.slice(0, 2)] = name.slice(3);
  form.places.forEach((key, place) => {
    const value = values[place];
    if (key === 'err') message.err = value ?? null;
    else if (value === undefined || value === null) return;
    else
      message[key] = key === 'events' ? (value as unknown[][]).map((event) => byPlaces(kind, event)) : value;
  });
  return message;
}

test.each([
  ...golden.operations.map((vector) => ({ ...vector, kind: 'op' as const })),
  ...golden.messages.map((vector) => ({ ...vector, kind: 'answer or event' as const })),
])('W18 another decoder reads by the places of the document: $name', ({ json, msgpack, kind }) => {
  const value = unpackr.unpack(Buffer.from(msgpack, 'hex')) as unknown[];
  const messages = typeof value[0] === 'number' ? [value] : (value as unknown[][]);
  expect(messages.map((places) => byPlaces(kind, places))).toEqual(listOf(json));
});
