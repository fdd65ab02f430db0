/** Oneself and others: what the declarations of users, their settings and their sessions say. */
import { z } from 'zod';
import { patchSchemaOf } from '../../entities/schema.js';
import { userSettings } from '../../entities/user-settings.js';
import { users } from '../../entities/users.js';
import { profileView, sessionView, settingsView, userView } from '../../entities/views.js';
import { NuboError } from '../../errors.js';
import { username } from '../../people/rules.js';
import { uuid } from '../../wire/operations.js';
import { type Route, route } from './route.js';
import { idParams } from './schemas.js';

const usersMax = 100;
const tag = 'People';

/** A query parameter with several values and commas between them. */
function listOf(item: z.ZodString, what: string) {
  return z
    .string()
    .transform((text) => text.split(','))
    .pipe(z.array(item).min(1).max(usersMax))
    .meta({
      description: `Up to ${usersMax} ${what} with commas between them`,
      override: { type: 'string' },
    });
}

export const profileRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/me',
    access: 'user',
    tag,
    summary: 'Who this token speaks for',
    status: 200,
    response: profileView.schema,
    handle: async ({ ports: { front }, identity: { user } }) => ({
      json: await front.call(front.shardOf(user), 'people.me', { user }),
    }),
  }),
  route({
    method: 'PATCH',
    path: '/me',
    access: 'user',
    tag,
    summary: 'Change what you say of yourself (H9)',
    body: patchSchemaOf(users),
    status: 200,
    response: profileView.schema,
    handle: async ({ ports: { front }, identity: { user }, body }) => ({
      json: await front.call(front.shardOf(user), 'people.patchMe', { user, fields: body }),
    }),
  }),
  route({
    method: 'GET',
    path: '/me/settings',
    access: 'user',
    tag,
    summary: 'Your settings, or what they are as long as you have chosen none',
    status: 200,
    response: settingsView.schema,
    handle: async ({ ports: { front }, identity: { user } }) => ({
      json: await front.call(front.shardOf(user), 'people.settings', { user }),
    }),
  }),
  route({
    method: 'PATCH',
    path: '/me/settings',
    access: 'user',
    tag,
    summary: 'Change your settings; each field that is named is replaced (H9)',
    body: patchSchemaOf(userSettings),
    status: 200,
    response: settingsView.schema,
    handle: async ({ ports: { front }, identity: { user }, body }) => ({
      json: await front.call(front.shardOf(user), 'people.patchSettings', { user, fields: body }),
    }),
  }),
  route({
    method: 'GET',
    path: '/me/sessions',
    access: 'user',
    tag,
    summary: 'Your sessions that have not ended, the latest first',
    status: 200,
    response: z.object({
      sessions: z.array(
        sessionView.schema
          .extend({ current: z.boolean().meta({ description: 'The session of this token.' }) })
          .meta({ id: 'OwnSession' }),
      ),
    }),
    handle: async ({ ports: { front }, identity: { user, session } }) => {
      const all = await front.call(front.shardOf(user), 'people.sessions', { user });
      return { json: { sessions: all.map((each) => ({ ...each, current: each.id === session })) } };
    },
  }),
  route({
    method: 'DELETE',
    path: '/me/sessions/{id}',
    access: 'user',
    tag,
    summary: 'End a session of yours; its sockets close (H5, R6)',
    params: idParams,
    status: 204,
    handle: async ({ ports: { front }, identity: { user }, params }) => {
      await front.call(front.shardOf(user), 'people.endSession', { user, session: params.id });
      return {};
    },
  }),
  route({
    method: 'GET',
    path: '/users',
    access: 'user',
    tag,
    summary: 'Users by id or by username; those that do not exist are left out',
    query: z
      .object({
        ids: listOf(uuid, 'ids').optional(),
        usernames: listOf(username, 'usernames').optional(),
      })
      .refine((query) => query.ids !== undefined || query.usernames !== undefined, 'needs ids or usernames'),
    status: 200,
    response: z.object({ users: z.array(userView.schema) }),
    handle: async ({ ports: { front }, identity, query }) => ({
      json: {
        users: await front.call(front.shardOf(identity.user), 'users.get', {
          ids: query.ids ?? [],
          usernames: query.usernames ?? [],
        }),
      },
    }),
  }),
  route({
    method: 'GET',
    path: '/users/{id}',
    access: 'user',
    tag,
    summary: 'One user, as everybody sees them (R6)',
    params: idParams,
    status: 200,
    response: userView.schema,
    handle: async ({ ports: { front }, identity, params }) => {
      const input = { ids: [params.id], usernames: [] };
      const [user] = await front.call(front.shardOf(identity.user), 'users.get', input);
      if (user === undefined) throw new NuboError('not_found', 'There is no such user.', { stored: false });
      return { json: user };
    },
  }),
];
