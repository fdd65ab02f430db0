/** What the events of one batch change: themselves, and the conversations and members they are about. */
import { effectsOf, type MemberEffect } from '../storage/effects.js';
import type { ConversationInfo } from '../storage/ports.js';
import type { LogEvent } from '../wire/events.js';
import { conversations } from './conversations.js';
import type { Change } from './entity.js';
import { members } from './members.js';
import { changeOfEvent } from './messages.js';

/** `create` is the first event of every conversation (P4), and nothing has changed one since. */
const createSeq = 1;

/**
 * Messages are at the version of their batch, conversations and members at the seq of the event that made them so.
 *
 * @param batch of the log, shard and number in one
 */
export function changesOfEvents(events: readonly LogEvent[], batch: number): Change[] {
  const changes = events.map((event) => changeOfEvent(event, batch));
  const effects = effectsOf(events);
  if (effects === undefined) return changes;
  for (const info of effects.conversations) changes.push(conversationChange(info));
  for (const effect of effects.members) changes.push(memberChange(effect));
  return changes;
}

function conversationChange(info: ConversationInfo): Change {
  const { conv, type, title = null, description = null, creator, createdAt } = info;
  const fields = { id: conv, type, title, description, avatarUrl: null, creator, state: 'active', createdAt };
  return { entity: conversations, id: conv, version: createSeq, fields };
}

/** Who left is gone. */
function memberChange({ conv, user, role, seq, at, present }: MemberEffect): Change {
  const fields = { conversation: conv, user, role, joinedSeq: seq, joinedAt: at };
  return {
    entity: members,
    id: `${conv}:${user}`,
    version: seq,
    fields: present ? fields : undefined,
  };
}
