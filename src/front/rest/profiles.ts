/** Oneself and others: what the declarations of users, their settings and their sessions say. */
import { patchSchemaOf } from '../../entities/schema.js';
import { userSettings } from '../../entities/user-settings.js';
import { users } from '../../entities/users.js';
import type { Route } from './route.js';
import { way } from './way.js';

const tag = 'People';

export const profileRoutes: readonly Route[] = [
  way({ operation: 'me', method: 'GET', path: '/me', tag, summary: 'Who this token speaks for' }),
  way({
    operation: 'me.change',
    method: 'PATCH',
    path: '/me',
    tag,
    summary: 'Change what you say of yourself (H9)',
    whole: { field: 'fields', schema: patchSchemaOf(users) },
  }),
  way({
    operation: 'settings',
    method: 'GET',
    path: '/me/settings',
    tag,
    summary: 'Your settings, or what they are as long as you have chosen none',
  }),
  way({
    operation: 'settings.change',
    method: 'PATCH',
    path: '/me/settings',
    tag,
    summary: 'Change your settings; each field that is named is replaced (H9)',
    whole: { field: 'fields', schema: patchSchemaOf(userSettings) },
  }),
  way({
    operation: 'sessions',
    method: 'GET',
    path: '/me/sessions',
    tag,
    summary: 'Your sessions that have not ended, the latest first',
  }),
  way({
    operation: 'sessions.end',
    method: 'DELETE',
    path: '/me/sessions/{id}',
    tag,
    summary: 'End a session of yours; its sockets close (H5, R6)',
    names: { id: 'session' },
    status: 204,
  }),
  way({
    operation: 'report',
    method: 'POST',
    path: '/reports',
    tag,
    summary: 'Have the operators look at a message, a user or a conversation, with what it says now (B4)',
  }),
  way({
    operation: 'blocks',
    method: 'GET',
    path: '/me/blocks',
    tag,
    summary: 'Whom you have blocked, the latest first',
  }),
  way({
    operation: 'block',
    method: 'PUT',
    path: '/me/blocks/{user}',
    tag,
    summary: 'Block a user: neither of you reaches the other any more (B1)',
    status: 204,
  }),
  way({
    operation: 'unblock',
    method: 'DELETE',
    path: '/me/blocks/{user}',
    tag,
    summary: 'Take a block back',
    status: 204,
  }),
  way({
    operation: 'users',
    method: 'GET',
    path: '/users',
    tag,
    summary: 'Users by id or by username, 100 of each; those that do not exist are left out',
  }),
  way({
    operation: 'user',
    method: 'GET',
    path: '/users/{id}',
    tag,
    summary: 'One user, as everybody sees them (R6)',
    names: { id: 'user' },
  }),
  way({
    operation: 'presence',
    method: 'GET',
    path: '/presence',
    tag,
    summary: 'How users are now: online, away, or offline and since when (E3)',
  }),
];
