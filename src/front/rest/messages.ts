/** Messages: send, page, one by its id; edit, delete, react, pin. */
import { z } from 'zod';
import { wireLimits } from '../../wire/limits.js';
import { faultOf, type HistoryAsk, historyRequest } from '../asks.js';
import type { Question } from '../calls.js';
import { RefusedError } from '../calls.js';
import { frontLimits } from '../limits.js';
import { placeOf, shortened } from '../page.js';
import { events } from '../results.js';
import { type Route, route } from './route.js';
import { idParams } from './schemas.js';
import { way } from './way.js';

const tag = 'Messages';
const names = { id: 'message' };
const seq = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER).optional();

export const messageRoutes: readonly Route[] = [
  way({
    operation: 'send',
    method: 'POST',
    path: '/conversations/{id}/messages',
    tag,
    summary: 'Send a message; it is in Postgres when this answers (P1, P2, R2)',
    names: { id: 'conv' },
    status: 201,
  }),
  route({
    method: 'GET',
    path: '/conversations/{id}/messages',
    access: 'user',
    tag,
    summary: 'A page of events by seq, in rising order (W11)',
    operations: ['history'],
    params: idParams,
    query: z.object({
      before: seq,
      after: seq,
      around: seq,
      limit: z.coerce.number().int().min(1).max(wireLimits.historyEventsMax).optional(),
    }),
    status: 200,
    response: z.object({
      events: events.meta({ description: 'May be fewer than asked when they are large: ask on.' }),
      head: z.number().int().optional().meta({ description: 'The last seq of the conversation.' }),
    }),
    handle: async ({ ports, identity, params, query }) => {
      const asked: HistoryAsk = { op: 'history', conv: params.id, ...query };
      const fault = faultOf(asked, identity.user);
      if (fault !== undefined) throw new RefusedError(fault);
      const ack = await ports.front.ask(historyRequest(asked, 0, identity.user) as Question);
      const page = shortened(ack.events ?? [], placeOf(query), frontLimits.answerBytesMax);
      return { json: { events: page.events, ...(ack.head === undefined ? {} : { head: ack.head }) } };
    },
  }),
  way({
    operation: 'message',
    method: 'GET',
    path: '/messages/{id}',
    tag,
    summary: 'One message as it is now (R6)',
    names,
  }),
  ...(['PUT', 'PATCH'] as const).map((method) =>
    way({
      operation: 'edit',
      method,
      path: '/messages/{id}',
      tag,
      summary: 'Edit a message; metadata and mentions stay unless given',
      names,
    }),
  ),
  way({
    operation: 'delete',
    method: 'DELETE',
    path: '/messages/{id}',
    tag,
    summary: 'Delete a message for everybody: what it said is gone',
    names,
  }),
  way({
    operation: 'edits',
    method: 'GET',
    path: '/messages/{id}/edits',
    tag,
    summary: 'What a message said: as it was sent, and after each edit; nothing once it is deleted',
    names,
  }),
  way({
    operation: 'reactions',
    method: 'GET',
    path: '/messages/{id}/reactions',
    tag,
    summary: 'Who reacted, the first first',
    names,
  }),
  way({
    operation: 'react',
    method: 'POST',
    path: '/messages/{id}/reactions',
    tag,
    summary: 'React to a message',
    names,
  }),
  way({
    operation: 'unreact',
    method: 'DELETE',
    path: '/messages/{id}/reactions/{emoji}',
    tag,
    summary: 'Take a reaction of yours back',
    names,
  }),
  way({
    operation: 'pin',
    method: 'PUT',
    path: '/messages/{id}/pin',
    tag,
    summary: 'Pin a message',
    names,
  }),
  way({
    operation: 'unpin',
    method: 'DELETE',
    path: '/messages/{id}/pin',
    tag,
    summary: 'Unpin a message',
    names,
  }),
  way({
    operation: 'pins',
    method: 'GET',
    path: '/conversations/{id}/pins',
    tag,
    summary: 'The pinned messages, in the order in which they were pinned',
    names: { id: 'conv' },
  }),
];
