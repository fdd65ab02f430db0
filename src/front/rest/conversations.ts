/** Conversations: create, list, look at, change, archive, delete. */
import type { Route } from './route.js';
import { way } from './way.js';

const tag = 'Conversations';
const names = { id: 'conv' };

export const conversationRoutes: readonly Route[] = [
  way({
    operation: 'conversations',
    method: 'GET',
    path: '/conversations',
    tag,
    summary: 'Your conversations by last activity, with preview and unread (R4, R5)',
  }),
  way({
    operation: 'create',
    method: 'POST',
    path: '/conversations',
    tag,
    summary:
      'Create a conversation: direct (members names the other one), group, channel, community, announcement',
    status: 201,
  }),
  way({
    operation: 'conversation',
    method: 'GET',
    path: '/conversations/{id}',
    tag,
    summary: 'One conversation (R5, R6)',
    names,
  }),
  way({
    operation: 'change',
    method: 'PATCH',
    path: '/conversations/{id}',
    tag,
    summary: "Change what is said of a conversation; '' takes a text away, 0 a limit (G1)",
    names,
  }),
  way({
    operation: 'change',
    method: 'DELETE',
    path: '/conversations/{id}',
    tag,
    summary: 'Delete a conversation: it is as one that never was',
    names,
    fixed: { state: 'deleted' },
  }),
  way({
    operation: 'change',
    method: 'POST',
    path: '/conversations/{id}/archive',
    tag,
    summary: 'Archive a conversation: it only can be read; PATCH its state to take it back',
    names,
    fixed: { state: 'archived' },
  }),
  way({
    operation: 'channels',
    method: 'GET',
    path: '/channels',
    tag,
    summary: 'Channels, communities and announcements by title',
  }),
];
