/**
 * What people look up, and what they change of themselves: asked the same way over a socket and over REST, and answered
 * with the same object. The fields of each are in src/wire/operations.ts.
 */
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';
import { patchSchemaOf } from '../entities/schema.js';
import { userSettings } from '../entities/user-settings.js';
import { users } from '../entities/users.js';
import { profileView, sessionView, settingsView, userView } from '../entities/views.js';
import { NuboError } from '../errors.js';
import { directConversationId } from '../ids.js';
import { check } from '../people/rules.js';
import type { RateClass } from '../threads/messages.js';
import type { ReportSubject } from '../threads/services.js';
import { wireLimits } from '../wire/limits.js';
import type { Operation, QueryName } from '../wire/operations.js';
import type { Unreferenced } from './asks.js';
import type { Front } from './contract.js';
import { acceptInvite } from './invites.js';
import { byShard } from './presence.js';
import * as shapes from './results.js';

export type QueryAsk<Name extends QueryName = QueryName> = Unreferenced<Operation<Name>>;

export interface QueryPorts {
  readonly front: Pick<Front, 'ask' | 'call' | 'shardOf' | 'shardCount'>;
  readonly user: string;
  /** `standard` when absent. */
  readonly rate?: RateClass;
  /** Of the token, if it belongs to one. */
  readonly session?: string | undefined;
}

interface Query<Name extends QueryName> {
  /** What it is answered with: the `result` of an ack, the body over REST. */
  readonly result: z.ZodObject;
  /** Throws or rejects with a NuboError. */
  answer(ports: QueryPorts, asked: QueryAsk<Name>): Promise<object>;
}

const itemsDefault = 30;

function pageOf({ limit, cursor }: { limit?: number | undefined; cursor?: string | undefined }) {
  return { limit: limit ?? itemsDefault, ...(cursor === undefined ? {} : { cursor }) };
}

/** Heads and marks of every shard are in Postgres then, so that a list shows all that was acked before (R5). */
async function flushHeads({ front }: QueryPorts): Promise<void> {
  const shards = Array.from({ length: front.shardCount }, (_, shard) => shard);
  await Promise.all(shards.map((shard) => front.call(shard, 'heads.flush', null)));
}

/** Their direct conversation keeps it: from the ack on it takes nothing more in (B1). */
async function setBlock({ front, user }: QueryPorts, other: string, isOn: boolean): Promise<object> {
  if (other === user)
    throw new NuboError('invalid', 'user: that cannot be done to oneself.', { stored: false });
  await front.ask({ kind: 'block', user, conv: directConversationId(user, other), other, isOn });
  return {};
}

const userPatch = patchSchemaOf(users);
const settingsPatch = patchSchemaOf(userSettings);
const nothing = z.object({});

export const queries: { readonly [Name in QueryName]: Query<Name> } = {
  conversations: {
    result: shapes.conversations,
    async answer(ports, asked) {
      await flushHeads(ports);
      const { front, user } = ports;
      return front.call(front.shardOf(user), 'conversations.list', { user, ...pageOf(asked) });
    },
  },
  conversation: {
    result: shapes.conversation,
    async answer({ front, user }, { conv }) {
      const shard = front.shardOf(conv);
      await front.call(shard, 'heads.flush', null);
      return front.call(shard, 'conversations.get', { user, conv });
    },
  },
  channels: {
    result: shapes.channels,
    async answer(ports, { title, limit = itemsDefault }) {
      await flushHeads(ports);
      const { front, user } = ports;
      return front.call(front.shardOf(user), 'channels.find', { user, title, limit });
    },
  },
  message: {
    result: shapes.message,
    answer: ({ front, user }, { message: id }) => front.call(front.shardOf(id), 'messages.get', { user, id }),
  },
  edits: {
    result: shapes.edits,
    answer: ({ front, user }, { message: id, ...asked }) =>
      front.call(front.shardOf(id), 'messages.edits', { user, id, ...pageOf(asked) }),
  },
  reactions: {
    result: shapes.reactions,
    answer({ front, user }, { message: id, emoji, ...asked }) {
      const input = { user, id, ...(emoji === undefined ? {} : { emoji }), ...pageOf(asked) };
      return front.call(front.shardOf(id), 'messages.reactions', input);
    },
  },
  members: {
    result: shapes.members,
    answer: ({ front, user }, { conv, ...asked }) =>
      front.call(front.shardOf(conv), 'members.list', { user, conv, ...pageOf(asked) }),
  },
  pins: {
    result: shapes.pins,
    answer: ({ front, user }, { conv }) => front.call(front.shardOf(conv), 'messages.pins', { user, conv }),
  },
  bans: {
    result: shapes.bans,
    answer: ({ front, user }, { conv, ...asked }) =>
      front.call(front.shardOf(conv), 'members.bans', { user, conv, ...pageOf(asked) }),
  },
  mutes: {
    result: shapes.mutes,
    answer: ({ front, user }, { conv, ...asked }) =>
      front.call(front.shardOf(conv), 'members.mutes', { user, conv, ...pageOf(asked) }),
  },
  'invite.create': {
    result: shapes.newInvite,
    answer({ front, user }, { id = uuidv7(), conv, until, uses }) {
      const bounds = { ...(until === undefined ? {} : { until }), ...(uses === undefined ? {} : { uses }) };
      return front.call(front.shardOf(conv), 'invites.create', { id, user, conv, ...bounds });
    },
  },
  'invite.list': {
    result: shapes.invites,
    answer: ({ front, user }, { conv, ...asked }) =>
      front.call(front.shardOf(conv), 'invites.list', { user, conv, ...pageOf(asked) }),
  },
  'invite.revoke': {
    result: nothing,
    async answer({ front, user }, { conv, invite }) {
      await front.call(front.shardOf(conv), 'invites.revoke', { user, conv, invite });
      return {};
    },
  },
  'invite.accept': { result: shapes.ack, answer: acceptInvite },
  sync: {
    result: shapes.sync,
    async answer(ports, { cursor, limit = wireLimits.syncConversationsMax }) {
      await flushHeads(ports);
      const { front, user } = ports;
      const place = cursor === undefined ? {} : { cursor };
      return front.call(front.shardOf(user), 'sync', { user, limit, ...place });
    },
  },
  receipts: {
    result: shapes.receipts,
    async answer(ports, { message: id }) {
      await flushHeads(ports);
      const { front, user } = ports;
      return front.call(front.shardOf(user), 'receipts', { user, id });
    },
  },
  /** All searches of a user come to one shard, which bounds them (F4). */
  search: {
    result: shapes.search,
    answer({ front, user }, asked) {
      const { op: _op, ref: _ref, ...wanted } = asked as typeof asked & { ref?: number };
      return front.call(front.shardOf(user), 'search.messages', { ...wanted, user });
    },
  },
  'search.users': {
    result: shapes.foundUsers,
    answer: ({ front, user }, { q, ...asked }) =>
      front.call(front.shardOf(user), 'search.users', { user, q, ...pageOf(asked) }),
  },
  'search.conversations': {
    result: shapes.conversations,
    async answer(ports, { q, ...asked }) {
      await flushHeads(ports);
      const { front, user } = ports;
      return front.call(front.shardOf(user), 'search.conversations', { user, q, ...pageOf(asked) });
    },
  },
  report: {
    result: shapes.report,
    async answer({ front, user }, { id, message, user: accused, conv, reason, text = '' }) {
      const named = Object.entries({ message, user: accused, conversation: conv }).filter(
        ([, target]) => target !== undefined,
      );
      const [subject, target] = (named[0] ?? []) as [ReportSubject?, string?];
      if (subject === undefined || target === undefined || named.length > 1)
        throw new NuboError('invalid', 'needs one of message, user and conv', { stored: false });
      const input = { user, id, subject, target, reason, text };
      return front.call(front.shardOf(user), 'report', input);
    },
  },
  audit: {
    result: shapes.audit,
    answer: ({ front, user }, { conv, ...asked }) =>
      front.call(front.shardOf(conv), 'audit.conversation', { user, conv, ...pageOf(asked) }),
  },
  quiet: {
    result: nothing,
    async answer({ front, user }, { conv, until = -1 }) {
      await front.ask({ kind: 'quiet', user, conv, until });
      return {};
    },
  },
  block: {
    result: nothing,
    answer: (ports, { user }) => setBlock(ports, user, true),
  },
  unblock: {
    result: nothing,
    answer: (ports, { user }) => setBlock(ports, user, false),
  },
  blocks: {
    result: shapes.blocks,
    answer: ({ front, user }, asked) =>
      front.call(front.shardOf(user), 'blocks.list', { user, ...pageOf(asked) }),
  },
  users: {
    result: shapes.users,
    async answer({ front, user }, { ids = [], usernames = [] }) {
      if (ids.length + usernames.length === 0)
        throw new NuboError('invalid', 'needs ids or usernames', { stored: false });
      return { users: await front.call(front.shardOf(user), 'users.get', { ids, usernames }) };
    },
  },
  user: {
    result: userView.schema,
    async answer({ front, user }, { user: id }) {
      const [found] = await front.call(front.shardOf(user), 'users.get', { ids: [id], usernames: [] });
      if (found === undefined) throw new NuboError('not_found', 'There is no such user.', { stored: false });
      return found;
    },
  },
  presence: {
    result: shapes.presences,
    async answer({ front, user }, { users: asked }) {
      const parts = byShard(new Set(asked), { of: (id) => front.shardOf(id) });
      const answers = await Promise.all(
        [...parts].map(([shard, ids]) => front.call(shard, 'presence.look', { user, users: ids })),
      );
      return { presences: answers.flat() };
    },
  },
  me: {
    result: profileView.schema,
    answer: ({ front, user }) => front.call(front.shardOf(user), 'people.me', { user }),
  },
  'me.change': {
    result: profileView.schema,
    // Asynchronous, so that a wrong field rejects as everything else does.
    answer: async ({ front, user }, { fields }) =>
      front.call(front.shardOf(user), 'people.patchMe', { user, fields: check(userPatch, fields) }),
  },
  settings: {
    result: settingsView.schema,
    answer: ({ front, user }) => front.call(front.shardOf(user), 'people.settings', { user }),
  },
  'settings.change': {
    result: settingsView.schema,
    answer: async ({ front, user }, { fields }) =>
      front.call(front.shardOf(user), 'people.patchSettings', { user, fields: check(settingsPatch, fields) }),
  },
  sessions: {
    result: shapes.ownSessions(sessionView.schema),
    async answer({ front, user, session }) {
      const all = await front.call(front.shardOf(user), 'people.sessions', { user });
      return { sessions: all.map((each) => ({ ...each, current: each.id === session })) };
    },
  },
  'sessions.end': {
    result: nothing,
    async answer({ front, user }, { session }) {
      await front.call(front.shardOf(user), 'people.endSession', { user, session });
      return {};
    },
  },
};

/** Throws or rejects with a NuboError. */
export function answerQuery(ports: QueryPorts, asked: QueryAsk): Promise<object> {
  // The operation and its query bear one name; only the table forgets it.
  const query = queries[asked.op] as Query<QueryName>;
  return query.answer(ports, asked);
}
