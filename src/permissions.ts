/**
 * Who may do what in which conversation: the one table (SPEC, group G). The lowest role that may; `nobody` may not at
 * all. What is about another member takes a higher role than theirs as well.
 */
import type { ConversationType, Role } from './wire/events.js';

export const permissions = {
  send: { direct: 'member', group: 'member', channel: 'member', community: 'member', announcement: 'admin' },
  mentionEveryone: {
    ...{
      direct: 'nobody',
      group: 'member',
      channel: 'moderator',
      community: 'moderator',
      announcement: 'admin',
    },
  },
  editOwn: {
    direct: 'member',
    group: 'member',
    channel: 'member',
    community: 'member',
    announcement: 'admin',
  },
  deleteOwn: {
    direct: 'member',
    group: 'member',
    channel: 'member',
    community: 'member',
    announcement: 'admin',
  },
  deleteOthers: {
    ...{
      direct: 'nobody',
      group: 'moderator',
      channel: 'moderator',
      community: 'moderator',
      announcement: 'admin',
    },
  },
  react: {
    direct: 'member',
    group: 'member',
    channel: 'member',
    community: 'member',
    announcement: 'member',
  },
  pin: {
    direct: 'member',
    group: 'member',
    channel: 'moderator',
    community: 'moderator',
    announcement: 'admin',
  },
  change: { direct: 'nobody', group: 'admin', channel: 'admin', community: 'admin', announcement: 'admin' },
  delete: { direct: 'nobody', group: 'owner', channel: 'owner', community: 'owner', announcement: 'owner' },
  add: { direct: 'nobody', group: 'admin', channel: 'admin', community: 'moderator', announcement: 'admin' },
  invite: { direct: 'nobody', group: 'admin', channel: 'admin', community: 'admin', announcement: 'admin' },
  remove: {
    direct: 'nobody',
    group: 'admin',
    channel: 'moderator',
    community: 'moderator',
    announcement: 'admin',
  },
  ban: {
    direct: 'nobody',
    group: 'admin',
    channel: 'moderator',
    community: 'moderator',
    announcement: 'admin',
  },
  /** Read what was done here by those who moderate. */
  audit: { direct: 'nobody', group: 'admin', channel: 'admin', community: 'admin', announcement: 'admin' },
  mute: {
    direct: 'nobody',
    group: 'moderator',
    channel: 'moderator',
    community: 'moderator',
    announcement: 'admin',
  },
  setRole: { direct: 'nobody', group: 'admin', channel: 'admin', community: 'admin', announcement: 'admin' },
  transfer: { direct: 'nobody', group: 'owner', channel: 'owner', community: 'owner', announcement: 'owner' },
  nicknameOwn: {
    ...{ direct: 'member', group: 'member', channel: 'member', community: 'member', announcement: 'member' },
  },
  nicknameOthers: {
    ...{
      direct: 'nobody',
      group: 'admin',
      channel: 'moderator',
      community: 'moderator',
      announcement: 'admin',
    },
  },
  leave: {
    direct: 'nobody',
    group: 'member',
    channel: 'member',
    community: 'member',
    announcement: 'member',
  },
  type: { direct: 'member', group: 'member', channel: 'member', community: 'member', announcement: 'admin' },
  /** Slow mode is not for them. */
  sendFast: {
    ...{
      direct: 'member',
      group: 'moderator',
      channel: 'moderator',
      community: 'moderator',
      announcement: 'admin',
    },
  },
} as const satisfies Record<string, Record<ConversationType, Role | 'nobody'>>;

export type Permission = keyof typeof permissions;

/** Anybody may join these, and see that they are there. */
const open: ReadonlySet<ConversationType> = new Set(['channel', 'community', 'announcement']);

const rank: Record<Role, number> = { owner: 3, admin: 2, moderator: 1, member: 0 };

export function isAllowed(permission: Permission, type: ConversationType, role: Role): boolean {
  const lowest: Role | 'nobody' = permissions[permission][type];
  return lowest !== 'nobody' && rank[role] >= rank[lowest];
}

export function isOpen(type: ConversationType): boolean {
  return open.has(type);
}

/** Does the one stand above the other? Nobody does among equals. */
export function isAbove(role: Role, other: Role): boolean {
  return rank[role] > rank[other];
}
