/**
 * From an operation of the wire to its route: path, query and body are its fields, checked by the same schema, and the
 * answer is the same (W17). What REST calls otherwise than the wire, the way says.
 */
import { z } from 'zod';
import {
  type DurableName,
  isDurableName,
  type OperationName,
  operations,
  type QueryName,
} from '../../wire/operations.js';
import type { DurableAsk } from '../asks.js';
import { answerQuery, type QueryAsk, queries } from '../queries.js';
import { ack } from '../results.js';
import { ackBody, askDurable } from './durable.js';
import { type DurableInput, type Reply, type Route, route } from './route.js';

export interface Way<Name extends DurableName | QueryName> {
  readonly operation: Name;
  readonly method: Route['method'];
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  /** 200 when absent; 204 answers without a body. */
  readonly status?: number;
  /** Name over REST → field of the operation, where they differ: path parameters, and `user` for a member. */
  readonly names?: Readonly<Record<string, string>>;
  /** What the path says by itself; other fields than it names are not taken. */
  readonly fixed?: Readonly<Record<string, unknown>>;
  /** The body is this field as a whole, with the schema that its entity declares. */
  readonly whole?: { readonly field: string; readonly schema: z.ZodType };
}

type Shape = Record<string, z.ZodType> & { readonly message?: z.ZodType };

/** The fields of an operation as REST takes them: by the names of REST, and by where they come from. */
interface Places {
  readonly path: Shape;
  readonly query: Shape;
  readonly body: Shape;
}

export function way<Name extends DurableName | QueryName>(given: Way<Name>): Route {
  const { operation, method, path, tag, summary, status = 200, whole } = given;
  const { path: inPath, query, body } = placesOf(given);
  const bodySchema = whole?.schema ?? (isEmpty(body) ? undefined : z.object(body));
  const result = isDurableName(operation) ? ack : queries[operation as QueryName].result;
  return route({
    ...{ method, path, tag, summary, status, operations: [operation] },
    access: isDurableName(operation) || hasId(operation) ? 'durable' : 'user',
    ...(isEmpty(inPath) ? {} : { params: z.object(inPath) }),
    ...(isEmpty(query) ? {} : { query: z.object(query) }),
    ...(bodySchema === undefined ? {} : { body: bodySchema }),
    ...(status === 204 ? {} : { response: result }),
    handle: (input) => handle(given, input as DurableInput<object, object, object>),
  });
}

/** What the client of a socket counts or makes by itself. */
const ofTheSocket: ReadonlySet<string> = new Set(['ref', 'id']);

function placesOf({
  operation,
  method,
  path,
  names = {},
  fixed,
  whole,
}: Way<DurableName | QueryName>): Places {
  const shape = operations[operation].schema.shape as Shape;
  const restNames = new Map(Object.entries(names).map(([rest, field]) => [field, rest]));
  const places: Places = { path: {}, query: {}, body: {} };
  for (const [field, schema] of Object.entries(shape)) {
    if (ofTheSocket.has(field) || field === whole?.field) continue;
    const name = restNames.get(field) ?? field;
    if (path.includes(`{${name}}`)) places.path[name] = withoutOptional(schema);
    else if (fixed !== undefined) continue;
    // A message's id says in which conversation it stands.
    else if (field === 'conv' && isRequired(shape.message)) continue;
    else if (method === 'GET') places.query[name] = fromText(schema);
    else places.body[name] = schema;
  }
  return places;
}

/** Kept under an id that the client makes (R2). */
function hasId(operation: OperationName): boolean {
  return 'id' in operations[operation].schema.shape;
}

function isRequired(schema: z.ZodType | undefined): boolean {
  return schema !== undefined && !(schema instanceof z.ZodOptional);
}

/** What is part of a path is always there. */
function withoutOptional(schema: z.ZodType): z.ZodType {
  return schema instanceof z.ZodOptional ? (schema.unwrap() as z.ZodType) : schema;
}

function isEmpty(shape: Shape): boolean {
  return Object.keys(shape).length === 0;
}

/** Of a query, where everything is text: numbers are digits, and several values have commas between them. */
function fromText(schema: z.ZodType): z.ZodType {
  const inner = withoutOptional(schema);
  const isOptional = inner !== schema;
  if (inner instanceof z.ZodNumber) {
    const digits = z.preprocess((value) => (typeof value === 'string' ? toNumber(value) : value), inner);
    return isOptional ? digits.optional() : digits;
  }
  if (!(inner instanceof z.ZodArray)) return schema;
  const list = z
    .string()
    .transform((text) => text.split(','))
    .pipe(inner as unknown as z.ZodType<string[], string[]>)
    .meta({ description: 'Several have commas between them.', override: { type: 'string' } });
  return isOptional ? list.optional() : list;
}

/** NaN for what is not digits, so that the schema refuses it. */
function toNumber(text: string): number {
  return /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
}

async function handle(
  { operation, names = {}, fixed, whole, status }: Way<DurableName | QueryName>,
  { ports, identity, id, params = {}, query = {}, body = {} }: DurableInput<object, object, object>,
): Promise<Reply> {
  const given = { ...params, ...query, ...(whole === undefined ? body : { [whole.field]: body }) };
  const fields = Object.fromEntries(
    Object.entries(given).flatMap(([name, value]) =>
      value === undefined ? [] : [[names[name] ?? name, value]],
    ),
  );
  const asked = { op: operation, ...(hasId(operation) ? { id } : {}), ...fixed, ...fields };
  if (!isDurableName(operation)) {
    const { user, session, rate } = identity;
    const json = await answerQuery({ front: ports.front, user, session, rate }, asked as unknown as QueryAsk);
    return status === 204 ? {} : { json };
  }
  const durable = asked as unknown as DurableAsk;
  const found = await askDurable({ ports, identity }, await withConversation(durable, ports, identity.user));
  return {
    json: ackBody(found),
    ...(operation === 'create' && found.conv !== undefined
      ? { headers: { location: `/conversations/${found.conv}` } }
      : {}),
  };
}

/** On the wire the conversation of a message is said, here it is looked up; what one may not see is not there (R6). */
async function withConversation(
  asked: DurableAsk,
  { front }: DurableInput<unknown, unknown, unknown>['ports'],
  user: string,
): Promise<DurableAsk> {
  if (!('message' in asked) || asked.conv !== undefined) return asked;
  const input = { user, message: asked.message, operation: asked.id };
  const { conv } = await front.call(front.shardOf(asked.message), 'messages.find', input);
  return { ...asked, conv };
}

/** Every operation that these routes are for. */
export function operationsOf(routes: readonly Route[]): Set<OperationName> {
  return new Set(routes.flatMap(({ operations: names = [] }) => names));
}
