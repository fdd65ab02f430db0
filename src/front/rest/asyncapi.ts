/** `/asyncapi.json`: AsyncAPI 3 of the wire, from the schemas that check and make its frames (W18). */
import { z } from 'zod';
import { subprotocols } from '../../wire/codec.js';
import { closeCodes, errorCodes } from '../../wire/codes.js';
import { answers, controlEvents, logEvents } from '../../wire/events.js';
import { wireLimits } from '../../wire/limits.js';
import { isDurableName, isQueryName, type OperationName, operations } from '../../wire/operations.js';
import { queries } from '../queries.js';
import { Shapes } from './json-schemas.js';
import { type Route, route } from './route.js';

type Json = Record<string, unknown>;

interface Entry {
  readonly code: number;
  readonly schema: z.ZodObject;
}

const about = `Frames in one of two subprotocols: \`${subprotocols.json}\` (text; an object each, the default) and
\`${subprotocols.msgpack}\` (binary; an array each, by position). In msgpack a message is \`[code, …]\`: \`x-msgpack\` of
each message has its code and its places in order; absent places are nil, trailing ones are left out, and no extension
types are used. A frame holds one message or an array of them. Every operation with a \`ref\` is answered once, by \`ack\`
or by \`err\`. What is durable carries an \`id\` that the client made (a UUIDv7): sent again, it is stored once.`;

/** The document as plain data. */
export function asyncApiDocument(version: string): Json {
  const shapes = new Shapes('#/components/schemas/');
  const messages: Record<string, Json> = {};
  const told: Record<string, Json> = {};
  const add = (name: string, entry: Entry, field: Json, payload: Json, summary: string): void => {
    messages[name] = {
      name,
      summary,
      payload: { ...payload, ...withField(payload, field) },
      'x-msgpack': { code: entry.code, places: Object.keys(entry.schema.shape) },
    };
  };
  for (const [name, entry] of Object.entries(operations) as Array<[OperationName, Entry]>) {
    add(
      `op.${name}`,
      entry,
      { op: { const: name } },
      shapes.of(entry.schema, 'input'),
      `A client asks: ${name}`,
    );
    told[`op.${name}`] = asked(name, repliesOf(name));
  }
  for (const [name, entry] of eventEntries()) {
    add(
      `ev.${name}`,
      entry,
      { ev: { const: name } },
      shapes.of(entry.schema, 'output'),
      `The server tells: ${name}`,
    );
    told[`ev.${name}`] = { action: 'send', channel: channel(), messages: [inChannel(`ev.${name}`)] };
  }
  add(
    'ack',
    answers.ack,
    {},
    pageOfEvents(shapes.of(answers.ack.schema, 'output')),
    'Done: the answer to `ref`',
  );
  for (const [name, { result }] of Object.entries(queries)) {
    const schema = z.object({ ack: z.number().int(), result });
    add(`ack.${name}`, answers.ack, {}, shapes.of(schema, 'output'), `Done: the answer to ${name}`);
  }
  add(
    'err',
    answers.err,
    {},
    shapes.of(answers.err.schema, 'output'),
    'Refused: the answer to `ref`, or to a frame',
  );
  return {
    asyncapi: '3.0.0',
    info: { title: 'nubo', version, description: about },
    defaultContentType: 'application/json',
    servers: serverOf(),
    channels: {
      ws: {
        address: '/ws',
        title: 'The socket',
        description: 'A token comes in the Authorization header of the upgrade, or in the operation auth.',
        messages: Object.fromEntries(
          Object.keys(messages).map((name) => [name, reference('messages', name)]),
        ),
      },
    },
    operations: told,
    components: {
      messages,
      schemas: shapes.named,
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
    'x-errors': errorCodes,
    'x-close-codes': closeCodes,
    'x-limits': wireLimits,
    'x-subprotocols': subprotocols,
  };
}

/** `{op}` or `{ev}` in front of the other fields; in msgpack the code says it. */
function withField(payload: Json, field: Json): Json {
  const { properties = {}, required = [] } = payload as { properties?: Json; required?: string[] };
  return { properties: { ...field, ...properties }, required: [...Object.keys(field), ...required] };
}

function eventEntries(): Array<[name: string, entry: Entry]> {
  return [...Object.entries(controlEvents), ...Object.entries(logEvents)];
}

function repliesOf(name: OperationName): string[] {
  return [isQueryName(name) ? `ack.${name}` : 'ack', 'err'];
}

/** From the server's side: it receives what clients ask. */
function asked(name: OperationName, replies: readonly string[]): Json {
  return {
    action: 'receive',
    channel: channel(),
    messages: [inChannel(`op.${name}`)],
    reply: { channel: channel(), messages: replies.map(inChannel) },
    'x-durable': isDurableName(name),
  };
}

/** The events of a page are those that are told. */
function pageOfEvents(payload: Json): Json {
  const events = {
    type: 'array',
    items: {
      oneOf: Object.keys(logEvents).map((name) => ({
        $ref: `#/components/messages/ev.${name}/payload`,
      })),
    },
  };
  return { ...payload, properties: { ...(payload.properties as Json), events } };
}

function serverOf(): Json {
  return {
    here: {
      host: '{host}',
      protocol: 'ws',
      variables: {
        host: { default: 'localhost:8080', description: 'Where this server listens; wss behind TLS.' },
      },
      security: [{ $ref: '#/components/securitySchemes/token' }],
    },
  };
}

function channel(): Json {
  return { $ref: '#/channels/ws' };
}

function inChannel(name: string): Json {
  return { $ref: `#/channels/ws/messages/${name}` };
}

function reference(kind: string, name: string): Json {
  return { $ref: `#/components/${kind}/${name}` };
}

/** The document is made when it is first asked for: it takes some milliseconds. */
export function asyncApiRoute(version: string): Route {
  let document: Json | undefined;
  return route({
    method: 'GET',
    path: '/asyncapi.json',
    access: 'public',
    tag: 'Operations',
    summary: 'The wire at /ws, as AsyncAPI 3 (W18)',
    status: 200,
    response: z.record(z.string(), z.unknown()),
    handle: async () => {
      document ??= asyncApiDocument(version);
      return { json: document };
    },
  });
}
