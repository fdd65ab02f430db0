/** Messages: send, page, one by its id. */
import { z } from 'zod';
import { wireLimits } from '../../wire/limits.js';
import { messageFields } from '../../wire/operations.js';
import { faultOf, type HistoryAsk, historyRequest } from '../asks.js';
import type { Question } from '../calls.js';
import { RefusedError } from '../calls.js';
import { frontLimits } from '../limits.js';
import { placeOf, shortened } from '../page.js';
import { ackBody, askDurable } from './durable.js';
import { type Route, route } from './route.js';
import { ackSchema, eventsSchema, idParams, messageSchema } from './schemas.js';

const tag = 'Messages';
const seq = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional();

export const messageRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/conversations/{id}/messages',
    access: 'durable',
    tag,
    summary: 'Send a message; it is in Postgres when this answers (P1, P2, R2)',
    params: idParams,
    body: z.object(messageFields),
    status: 201,
    response: ackSchema,
    handle: async ({ ports, identity, id, params, body }) => ({
      json: ackBody(await askDurable({ ports, identity }, { op: 'send', id, conv: params.id, ...body })),
    }),
  }),
  route({
    method: 'GET',
    path: '/conversations/{id}/messages',
    access: 'user',
    tag,
    summary: 'A page of events by seq, in rising order (W11)',
    params: idParams,
    query: z.object({
      before: seq,
      after: seq,
      around: seq,
      limit: z.coerce.number().int().min(1).max(wireLimits.historyEventsMax).optional(),
    }),
    status: 200,
    response: z.object({
      events: eventsSchema.meta({ description: 'May be fewer than asked when they are large: ask on.' }),
      head: z.number().int().optional().meta({ description: 'The last seq of the conversation.' }),
    }),
    handle: async ({ ports, identity, params, query }) => {
      const asked: HistoryAsk = { op: 'history', conv: params.id, ...query };
      const fault = faultOf(asked, identity.user);
      if (fault !== undefined) throw new RefusedError(fault);
      const ack = await ports.front.ask(historyRequest(asked, 0, identity.user) as Question);
      const { events } = shortened(ack.events ?? [], placeOf(query), frontLimits.answerBytesMax);
      return { json: { events, ...(ack.head === undefined ? {} : { head: ack.head }) } };
    },
  }),
  route({
    method: 'GET',
    path: '/messages/{id}',
    access: 'user',
    tag,
    summary: 'One message (R6)',
    params: idParams,
    status: 200,
    response: messageSchema,
    handle: async ({ ports, identity, params }) => ({
      json: await ports.front.call(ports.front.shardOf(params.id), 'messages.get', {
        user: identity.user,
        id: params.id,
      }),
    }),
  }),
];
