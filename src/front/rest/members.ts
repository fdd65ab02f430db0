/** Who is in a conversation: join, leave, add, remove, roles, nicknames, mutes, bans. */
import { z } from 'zod';
import { operations, uuid } from '../../wire/operations.js';
import type { DurableAsk } from '../asks.js';
import { ack } from '../results.js';
import { ackBody, askDurable } from './durable.js';
import { type Route, route } from './route.js';
import { way } from './way.js';

const tag = 'Members';
const names = { id: 'conv' };
const namesOfMember = { id: 'conv', user: 'member' };

const { until, reason } = operations.mute.schema.shape;

/** One change a request, since each is an event of its own with an id of its own. */
const memberChange = z.union(
  [
    z.strictObject({ role: operations.role.schema.shape.role }),
    z.strictObject({ nickname: operations.nickname.schema.shape.nickname }),
    z.strictObject({ muted: z.literal(true), until, reason }),
    z.strictObject({ muted: z.literal(false) }),
  ],
  { error: 'must be one of {role}, {nickname}, {muted: true, until, reason} and {muted: false}' },
);

/** Without the other fields that every operation about a member has. */
function operationOf(change: z.output<typeof memberChange>): { op: DurableAsk['op'] } {
  if ('role' in change) return { op: 'role', ...change };
  if ('nickname' in change) return { op: 'nickname', ...change };
  const { muted, ...sanction } = change;
  return muted ? { op: 'mute', ...sanction } : { op: 'unmute' };
}

export const memberRoutes: readonly Route[] = [
  way({
    operation: 'join',
    method: 'POST',
    path: '/conversations/{id}/join',
    tag,
    summary: 'Join a channel, a community or announcements',
    names,
  }),
  way({
    operation: 'leave',
    method: 'POST',
    path: '/conversations/{id}/leave',
    tag,
    summary: 'Leave a conversation',
    names,
  }),
  way({
    operation: 'members',
    method: 'GET',
    path: '/conversations/{id}/members',
    tag,
    summary: 'Who is in the conversation, for its members (R6)',
    names,
  }),
  way({
    operation: 'add',
    method: 'POST',
    path: '/conversations/{id}/members',
    tag,
    summary: 'Add a member',
    names: namesOfMember,
  }),
  way({
    operation: 'remove',
    method: 'DELETE',
    path: '/conversations/{id}/members/{user}',
    tag,
    summary: 'Remove a member',
    names: namesOfMember,
  }),
  route({
    method: 'PATCH',
    path: '/conversations/{id}/members/{user}',
    access: 'durable',
    tag,
    summary: 'Change a role, a nickname or whether they may write; one of them a request (G1)',
    operations: ['role', 'nickname', 'mute', 'unmute'],
    params: z.object({ id: uuid, user: uuid }),
    body: memberChange,
    status: 200,
    response: ack,
    handle: async ({ ports, identity, id, params, body }) => {
      const asked = { ...operationOf(body), id, conv: params.id, member: params.user } as DurableAsk;
      return { json: ackBody(await askDurable({ ports, identity }, asked)) };
    },
  }),
  way({
    operation: 'invite.create',
    method: 'POST',
    path: '/conversations/{id}/invites',
    tag,
    summary: 'A code by which others become members, for a time and a number of uses (G10)',
    status: 201,
    names,
  }),
  way({
    operation: 'invite.list',
    method: 'GET',
    path: '/conversations/{id}/invites',
    tag,
    summary: 'Invitations that may still be accepted, for those who may invite',
    names,
  }),
  way({
    operation: 'invite.revoke',
    method: 'DELETE',
    path: '/conversations/{id}/invites/{invite}',
    tag,
    summary: 'Take an invitation back',
    status: 204,
    names,
  }),
  way({
    operation: 'invite.accept',
    method: 'POST',
    path: '/invites/accept',
    tag,
    summary: 'Become a member by a code; again it changes nothing',
  }),
  way({
    operation: 'bans',
    method: 'GET',
    path: '/conversations/{id}/bans',
    tag,
    summary: 'Who is banned, for those who may ban',
    names,
  }),
  way({
    operation: 'ban',
    method: 'POST',
    path: '/conversations/{id}/bans',
    tag,
    summary: 'Ban somebody, member or not, for a time or until it is taken back',
    names: namesOfMember,
  }),
  way({
    operation: 'unban',
    method: 'DELETE',
    path: '/conversations/{id}/bans/{user}',
    tag,
    summary: 'Take a ban back',
    names: namesOfMember,
  }),
  way({
    operation: 'audit',
    method: 'GET',
    path: '/conversations/{id}/audit',
    tag,
    summary: 'What those who moderate have done here, the latest first, for admins and the owner (B5)',
    names,
  }),
  way({
    operation: 'mutes',
    method: 'GET',
    path: '/conversations/{id}/mutes',
    tag,
    summary: 'Who is muted, for those who may mute',
    names,
  }),
  way({
    operation: 'mute',
    method: 'POST',
    path: '/conversations/{id}/mutes',
    tag,
    summary: 'Mute a member, for a time or until it is taken back',
    names: namesOfMember,
  }),
  way({
    operation: 'unmute',
    method: 'DELETE',
    path: '/conversations/{id}/mutes/{user}',
    tag,
    summary: 'Take a mute back',
    names: namesOfMember,
  }),
];
