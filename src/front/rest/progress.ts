/** Where one stands in all conversations: sync, read marks, receipts. */
import { z } from 'zod';
import { operations } from '../../wire/operations.js';
import { type Route, route } from './route.js';
import { idParams } from './schemas.js';
import { way } from './way.js';

const tag = 'Progress';

function mark(kind: 'read' | 'delivered' | 'unread', summary: string): Route {
  return route({
    method: 'POST',
    path: `/conversations/{id}/${kind}`,
    access: 'user',
    tag,
    summary,
    operations: [kind],
    params: idParams,
    body: z.object({ seq: operations[kind].schema.shape.seq }),
    status: 204,
    handle: async ({ ports, identity, params, body }) => {
      await ports.front.ask({ kind, user: identity.user, conv: params.id, seq: body.seq });
      return {};
    },
  });
}

export const progressRoutes: readonly Route[] = [
  way({
    operation: 'sync',
    method: 'GET',
    path: '/sync',
    tag,
    summary: 'What has changed in all your conversations since a cursor (U1)',
  }),
  mark('read', 'Move your read mark to a seq; it only grows (L14)'),
  mark('delivered', 'Your devices have the messages up to a seq (U5)'),
  mark('unread', 'Take your read mark back: the message at a seq is unread again (U4)'),
  way({
    operation: 'quiet',
    method: 'PUT',
    path: '/conversations/{id}/quiet',
    tag,
    summary: 'Hear nothing of a conversation, on any device, for a time or until you take it back (U8)',
    names: { id: 'conv' },
    status: 204,
  }),
  way({
    operation: 'receipts',
    method: 'GET',
    path: '/messages/{id}/receipts',
    tag,
    summary: 'How many members a message has reached, and who has read it (U5, U6)',
    names: { id: 'message' },
  }),
];
