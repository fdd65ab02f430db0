/** What is on one side only, each with its reason. Everything else is on both: a test walks both tables (W17). */
import type { OperationName } from '../../wire/operations.js';

export const onlyOnSockets = {
  auth: 'REST brings its token with every request',
  ping: 'GET /ping answers without a token',
  subscribe: 'events are told over a connection that stays',
  unsubscribe: 'events are told over a connection that stays',
  'subscribe.all': 'events are told over a connection that stays; GET /sync tells what has changed',
  'unsubscribe.all': 'events are told over a connection that stays',
  'typing.start': 'it is over before somebody asks for it: those who listen have a socket',
  'typing.stop': 'it is over before somebody asks for it: those who listen have a socket',
  'presence.set': 'it is said of a socket, and over with it',
  'presence.watch': 'changes are told over a connection that stays',
  'presence.unwatch': 'changes are told over a connection that stays',
} as const satisfies Partial<Record<OperationName, string>>;

const uploading = 'files go over HTTP, in pieces of any size (tus); sockets say which of them a message has';

/** Routes for people, as `METHOD path`. Those that take no token, or the operator's, are none. */
export const onlyOverRest = {
  'POST /logout': 'it ends the session of a token, and with it the socket that would be answered',
  'POST /attachments': uploading,
  'GET /attachments/{id}': uploading,
  'PATCH /attachments/{id}': uploading,
  'DELETE /attachments/{id}': uploading,
  'GET /attachments/{id}/content': uploading,
  'GET /attachments/{id}/thumbnail': uploading,
} as const;
