/** For the application's own server, with the operator key (H7). */
import { z } from 'zod';
import { displayName, jti, peopleLimits, subject, userIds } from '../../people/rules.js';
import { wireLimits } from '../../wire/limits.js';
import { reason, uuid } from '../../wire/operations.js';
import { audit, reports } from '../results.js';
import { type Route, route } from './route.js';

const tag = 'Operator';
/** A thousand users with long names. */
const bodyBytesMax = 1024 * 1024;
const bodyItemsMax = peopleLimits.bulkItemsMax;
const secondsMax = 3650 * 24 * 60 * 60;

const limit = z.coerce.number().int().min(1).max(wireLimits.listItemsMax).optional();
const cursor = z.string().min(1).max(wireLimits.cursorBytesMax).optional();
const page = ({
  limit: items = 30,
  cursor: place,
}: {
  limit?: number | undefined;
  cursor?: string | undefined;
}) => ({
  limit: items,
  ...(place === undefined ? {} : { cursor: place }),
});
const reportState = z.enum(['open', 'resolved', 'dismissed']);

export const operatorRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/operator/reports',
    access: 'operator',
    tag,
    summary: 'What people have reported, the oldest first, with what it said then (B4)',
    query: z.object({ state: reportState.optional(), limit, cursor }),
    status: 200,
    response: reports,
    handle: async ({ ports, query: { state = 'open', ...asked } }) => ({
      json: await ports.front.call(0, 'operator.reports', { state, ...page(asked) }),
    }),
  }),
  route({
    method: 'PATCH',
    path: '/operator/reports/{id}',
    access: 'operator',
    tag,
    summary: 'Settle a report, or open it again (B4)',
    params: z.object({ id: uuid }),
    body: z.strictObject({ state: reportState, note: reason.optional() }),
    status: 204,
    handle: async ({ ports, params: { id }, body: { state, note } }) => {
      const input = { id, state, ...(note === undefined ? {} : { note }) };
      await ports.front.call(ports.front.shardOf(id), 'operator.settle', input);
      return {};
    },
  }),
  route({
    method: 'GET',
    path: '/operator/audit',
    access: 'operator',
    tag,
    summary:
      'What was done to people: moderation, blocks, reports, and what operators did; the latest first (B5)',
    query: z.object({ limit, cursor }),
    status: 200,
    response: audit,
    handle: async ({ ports, query }) => ({
      json: await ports.front.call(0, 'operator.audit', page(query)),
    }),
  }),
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
