/** Conversations: create, list, look at, join, leave, add, remove, read. */
import { z } from 'zod';
import { createFields, uuid } from '../../wire/operations.js';
import { ackBody, askDurable } from './durable.js';
import { type RestPorts, type Route, route } from './route.js';
import { ackSchema, conversationSchema, idParams } from './schemas.js';

const listLimitMax = 100;
const listLimitDefault = 30;
const tag = 'Conversations';
const limit = z.coerce.number().int().min(1).max(listLimitMax).optional();

/** Heads and marks of every shard are in Postgres then, so that a list shows all that was acked before (R5). */
async function flushHeads({ front }: RestPorts): Promise<void> {
  const shards = Array.from({ length: front.shardCount }, (_, shard) => shard);
  await Promise.all(shards.map((shard) => front.call(shard, 'heads.flush', null)));
}

export const conversationRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/conversations',
    access: 'user',
    tag,
    summary: 'Your conversations by last activity, with preview and unread (R4, R5)',
    query: z.object({ limit, cursor: z.string().min(1).max(1024).optional() }),
    status: 200,
    response: z.object({
      conversations: z.array(conversationSchema),
      next: z
        .string()
        .nullable()
        .meta({ description: 'The cursor of the next page; null: this was the last.' }),
    }),
    handle: async ({ ports, identity, query }) => {
      await flushHeads(ports);
      return {
        json: await ports.front.call(ports.front.shardOf(identity.user), 'conversations.list', {
          user: identity.user,
          limit: query.limit ?? listLimitDefault,
          ...(query.cursor === undefined ? {} : { cursor: query.cursor }),
        }),
      };
    },
  }),
  route({
    method: 'POST',
    path: '/conversations',
    access: 'durable',
    tag,
    summary: 'Create a conversation: direct (members names the other one), group or channel',
    body: z.object(createFields),
    status: 201,
    response: ackSchema,
    handle: async ({ ports, identity, id, body }) => {
      const ack = await askDurable({ ports, identity }, { op: 'create', id, ...body });
      const headers: Record<string, string> = {};
      if (ack.conv !== undefined) headers.location = `/conversations/${ack.conv}`;
      return { json: ackBody(ack), headers };
    },
  }),
  route({
    method: 'GET',
    path: '/conversations/{id}',
    access: 'user',
    tag,
    summary: 'One conversation (R5, R6)',
    params: idParams,
    status: 200,
    response: conversationSchema,
    handle: async ({ ports, identity, params }) => {
      const shard = ports.front.shardOf(params.id);
      await ports.front.call(shard, 'heads.flush', null);
      return {
        json: await ports.front.call(shard, 'conversations.get', { user: identity.user, conv: params.id }),
      };
    },
  }),
  route({
    method: 'POST',
    path: '/conversations/{id}/join',
    access: 'durable',
    tag,
    summary: 'Join a channel',
    params: idParams,
    status: 200,
    response: ackSchema,
    handle: async ({ ports, identity, id, params }) => ({
      json: ackBody(await askDurable({ ports, identity }, { op: 'join', id, conv: params.id })),
    }),
  }),
  route({
    method: 'POST',
    path: '/conversations/{id}/leave',
    access: 'durable',
    tag,
    summary: 'Leave a conversation',
    params: idParams,
    status: 200,
    response: ackSchema,
    handle: async ({ ports, identity, id, params }) => ({
      json: ackBody(await askDurable({ ports, identity }, { op: 'leave', id, conv: params.id })),
    }),
  }),
  route({
    method: 'POST',
    path: '/conversations/{id}/members',
    access: 'durable',
    tag,
    summary: 'Add a member',
    params: idParams,
    body: z.object({ user: uuid }),
    status: 200,
    response: ackSchema,
    handle: async ({ ports, identity, id, params, body }) => ({
      json: ackBody(
        await askDurable({ ports, identity }, { op: 'add', id, conv: params.id, member: body.user }),
      ),
    }),
  }),
  route({
    method: 'DELETE',
    path: '/conversations/{id}/members/{user}',
    access: 'durable',
    tag,
    summary: 'Remove a member',
    params: z.object({ id: uuid, user: uuid }),
    status: 200,
    response: ackSchema,
    handle: async ({ ports, identity, id, params }) => ({
      json: ackBody(
        await askDurable({ ports, identity }, { op: 'remove', id, conv: params.id, member: params.user }),
      ),
    }),
  }),
  route({
    method: 'POST',
    path: '/conversations/{id}/read',
    access: 'user',
    tag,
    summary: 'Move your read mark to a seq; it only grows (L14)',
    params: idParams,
    body: z.object({ seq: z.number().int().min(0).max(Number.MAX_SAFE_INTEGER) }),
    status: 204,
    handle: async ({ ports, identity, params, body }) => {
      await ports.front.ask({ kind: 'read', user: identity.user, conv: params.id, seq: body.seq });
      return {};
    },
  }),
  route({
    method: 'GET',
    path: '/channels',
    access: 'user',
    tag,
    summary: 'Channels by title',
    query: z.object({ title: z.string().min(1).max(200), limit }),
    status: 200,
    response: z.object({ conversations: z.array(conversationSchema) }),
    handle: async ({ ports, identity, query }) => {
      await flushHeads(ports);
      return {
        json: await ports.front.call(ports.front.shardOf(identity.user), 'channels.find', {
          user: identity.user,
          title: query.title,
          limit: query.limit ?? listLimitDefault,
        }),
      };
    },
  }),
];
