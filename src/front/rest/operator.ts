/** For the application's own server, with the operator key (H7). */
import { z } from 'zod';
import { displayName, jti, peopleLimits, subject, userIds } from '../../people/rules.js';
import { uuid } from '../../wire/operations.js';
import { type Route, route } from './route.js';

const tag = 'Operator';
/** A thousand users with long names. */
const bodyBytesMax = 1024 * 1024;
const bodyItemsMax = peopleLimits.bulkItemsMax;
const secondsMax = 3650 * 24 * 60 * 60;

export const operatorRoutes: readonly Route[] = [
  route({
    method: 'POST',
    path: '/operator/users',
    access: 'operator',
    tag,
    summary: 'Create users in bulk; those that exist are answered as they are',
    body: z.object({
      users: z
        .array(z.object({ sub: subject, name: displayName.optional() }))
        .min(1)
        .max(bodyItemsMax),
    }),
    bodyBytesMax,
    bodyItemsMax,
    status: 200,
    response: z.object({ users: z.array(z.object({ sub: z.string(), user: z.string() })) }),
    handle: async ({ ports, body }) => ({
      json: await ports.front.call(ports.front.shardOf(body.users[0]?.sub ?? ''), 'operator.createUsers', {
        users: body.users.map(({ sub, name }) => (name === undefined ? { sub } : { sub, name })),
      }),
    }),
  }),
  route({
    method: 'POST',
    path: '/operator/tokens',
    access: 'operator',
    tag,
    summary: 'Mint tokens for users',
    body: z.object({
      users: userIds.min(1),
      seconds: z.number().int().min(1).max(secondsMax),
      limits: z.enum(['standard', 'high']).optional(),
    }),
    bodyBytesMax,
    bodyItemsMax,
    status: 200,
    response: z.object({
      tokens: z.array(
        z.object({ user: z.string(), token: z.string(), jti: z.string(), expiresAt: z.number().int() }),
      ),
    }),
    handle: async ({ ports, body }) => ({
      json: await ports.front.call(ports.front.shardOf(body.users[0] ?? ''), 'operator.mintTokens', {
        users: body.users,
        seconds: body.seconds,
        ...(body.limits === undefined ? {} : { limits: body.limits }),
      }),
    }),
  }),
  route({
    method: 'POST',
    path: '/operator/revocations',
    access: 'operator',
    tag,
    summary: 'Take back every token of a user, or one by its jti; their sockets close within a second (H5)',
    body: z.union([z.strictObject({ user: uuid }), z.strictObject({ jti })], {
      error: 'must be either {user} or {jti}',
    }),
    status: 204,
    handle: async ({ ports, body }) => {
      const subjectOf = 'user' in body ? body.user : body.jti;
      await ports.front.call(ports.front.shardOf(subjectOf), 'operator.revoke', body);
      return {};
    },
  }),
];
