/** Messages and what is done with them. */
import { isAbove, isAllowed } from '#src/permissions.js';
import type { Target } from '#src/storage/ports.js';
import type { LogEvent } from '#src/wire/events.js';
import { wireLimits } from '#src/wire/limits.js';
import { type Case, type CaseOf, type Decision, draft, refuse, unchanged, wait } from './decision.js';
import { subjects } from './pending.js';
import { type Actor, allowed, isDecision, mutedRefusal, mutedUntil, notAllowed } from './standing.js';

const noMessage = refuse('not_found', 'There is no such message in this conversation.');

export function decideSend(situation: CaseOf<'send'>): Decision {
  const { state, pending, request, known, now } = situation;
  const actor = allowed(situation, 'send');
  if (isDecision(actor)) return actor;
  const { info, role } = actor;
  const muted = mutedUntil(actor, now);
  if (muted !== undefined) return mutedRefusal(muted);
  if (request.everyone === true && !isAllowed('mentionEveryone', info.type, role))
    return notAllowed(info, 'mentionEveryone');
  if (info.slowMs !== undefined && !isAllowed('sendFast', info.type, role)) {
    const retryMs = (state.wroteAt.get(request.user) ?? 0) + info.slowMs - now;
    if (retryMs > 0) return { kind: 'too early', retryMs };
  }
  const { replyTo } = request;
  if (replyTo !== undefined && !state.window.hasMessage(replyTo)) {
    if (pending.has(replyTo)) return wait;
    if (known.target === undefined) return { kind: 'ask target', question: { message: replyTo } };
    if (known.target.found?.conv !== request.conv)
      return refuse('not_found', 'replyTo: there is no such message in this conversation.');
  }
  if (request.attachments !== undefined) {
    if (pending.touches(...request.attachments.map(subjects.attachment))) {
      // What is said of them now is too old once that is settled.
      delete known.attachments;
      return wait;
    }
    if (known.attachments === undefined) return { kind: 'ask attachments', ids: request.attachments };
  }
  if (known.attachments !== undefined && known.attachments.found === undefined)
    return refuse(
      'not_found',
      'attachments: one of them is no upload of yours that is ready and not yet sent.',
    );
  return { kind: 'append', event: messageOf(situation, actor) };
}

function messageOf(
  { state, request, known }: CaseOf<'send'>,
  { info, member }: Actor,
): LogEvent<'message.new'> {
  const event: LogEvent<'message.new'> = {
    ev: 'message.new',
    // The names that are here already: each message brought its own copy of them, which need not stay.
    conv: info.conv,
    seq: 0,
    number: 0,
    id: request.id,
    from: member.user,
    at: 0,
    text: request.text,
  };
  if (request.type !== undefined && request.type !== 'text') event.type = request.type;
  if (request.metadata !== undefined) event.metadata = request.metadata;
  if (request.replyTo !== undefined) event.replyTo = request.replyTo;
  if (request.mentions !== undefined) {
    const mentions = membersAmong(state, request.mentions);
    if (mentions.length > 0) event.mentions = mentions;
  }
  if (request.everyone === true) event.everyone = true;
  if (known.attachments?.found !== undefined) event.attachments = [...known.attachments.found];
  return event;
}

/** Who is not here is not meant. */
function membersAmong({ members }: Case['state'], users: readonly string[]): string[] {
  return [...new Set(users)].filter((user) => members.has(user));
}

/**
 * The message that is to be changed, as it is now; a decision instead while that is not known, or when it is not there.
 */
function targetOf({ state, pending, request, known }: Case<MessageRequest>): Target | Decision {
  const { message } = request;
  if (pending.touches(subjects.message(message))) return wait;
  if (pending.has(message)) return wait;
  const emoji = 'emoji' in request ? { user: request.user, emoji: request.emoji } : {};
  const question = { message, ...emoji };
  // What was said a moment ago is what most is done with: the store need not be asked of it.
  const here = state.window.target(question);
  if (here !== undefined) known.target = { askedAt: state.head.seq, found: here };
  const { target } = known;
  if (target === undefined) return { kind: 'ask target', question };
  const { found, askedAt } = target;
  const reaction = 'emoji' in request ? { from: request.user, emoji: request.emoji } : undefined;
  const version = found?.version ?? 0;
  if (state.changes.isOutdated({ message, reaction }, { askedAt, version }))
    return { kind: 'ask target', question };
  return found === undefined || found.conv !== request.conv ? noMessage : found;
}

type MessageRequest = Extract<Case['request'], { message: string }>;

function isTarget(found: Target | Decision): found is Target {
  return !('kind' in found);
}

/** What every event about a message says of it. */
function about(request: MessageRequest, { seq }: Target) {
  return { ...draft(request), message: request.message, messageSeq: seq };
}

export function decideEdit(situation: CaseOf<'edit'>): Decision {
  const { state, request } = situation;
  const actor = allowed(situation, 'editOwn');
  if (isDecision(actor)) return actor;
  const muted = mutedUntil(actor, situation.now);
  if (muted !== undefined) return mutedRefusal(muted);
  const target = targetOf(situation);
  if (!isTarget(target)) return target;
  if (target.isDeleted) return noMessage;
  if (target.from !== request.user) return refuse('forbidden', 'Only who wrote a message edits it.');
  const { text, metadata, mentions } = request;
  return {
    kind: 'append',
    event: {
      ev: 'message.edit',
      ...about(request, target),
      text,
      ...(metadata === undefined ? {} : { metadata }),
      ...(mentions === undefined ? {} : { mentions: membersAmong(state, mentions) }),
    },
  };
}

export function decideDelete(situation: CaseOf<'delete'>): Decision {
  const { request } = situation;
  const actor = allowed(situation, 'deleteOwn');
  if (isDecision(actor)) return actor;
  const target = targetOf(situation);
  if (!isTarget(target)) return target;
  if (target.isDeleted) return unchanged;
  if (target.from !== request.user) {
    const refused = mayDeleteOf(situation, actor, target.from);
    if (refused !== undefined) return refused;
  }
  const { number: messageNumber, from: author, at: sentAt } = target;
  return {
    kind: 'append',
    event: { ev: 'message.delete', ...about(request, target), messageNumber, author, sentAt },
  };
}

/** Of somebody whose role is not above one's own. */
function mayDeleteOf({ state, pending }: Case, { info, role }: Actor, author: string): Decision | undefined {
  if (!isAllowed('deleteOthers', info.type, role)) return notAllowed(info, 'deleteOthers');
  if (pending.touches(subjects.user(author))) return wait;
  const other = state.members.get(author)?.role ?? 'member';
  return isAbove(other, role) ? refuse('forbidden', 'Their role is above yours.') : undefined;
}

export function decideReact(situation: CaseOf<'react'>): Decision {
  const { state, pending, request, known } = situation;
  const actor = allowed(situation, 'react');
  if (isDecision(actor)) return actor;
  const muted = mutedUntil(actor, situation.now);
  if (muted !== undefined) return mutedRefusal(muted);
  const { message, user, emoji } = request;
  if (pending.touches(subjects.reaction(message, user, emoji))) return wait;
  const target = targetOf(situation);
  if (!isTarget(target)) return target;
  if (target.isDeleted) return noMessage;
  if (target.hasReacted) return unchanged;
  const emojisMax = wireLimits.messageEmojisMax;
  if (!target.hasEmoji && target.emojis < emojisMax) {
    // Near the limit those that came since it was asked count, and those that are under way.
    const since = state.changes.emojisSince(message, known.target?.askedAt ?? 0);
    const left = emojisMax - target.emojis;
    if (since >= left) return { kind: 'ask target', question: { message, user, emoji } };
    if (since + pending.reactionsTo(message) >= left) return wait;
  }
  if (!target.hasEmoji && target.emojis >= emojisMax)
    return refuse('forbidden', 'The message has as many different reactions as it may have.');
  return { kind: 'append', event: { ev: 'reaction.add', ...about(request, target), emoji } };
}

export function decideUnreact(situation: CaseOf<'unreact'>): Decision {
  const { pending, request } = situation;
  const actor = allowed(situation, 'react');
  if (isDecision(actor)) return actor;
  const { message, user, emoji } = request;
  if (pending.touches(subjects.reaction(message, user, emoji))) return wait;
  const target = targetOf(situation);
  if (!isTarget(target)) return target;
  if (!target.hasReacted) return unchanged;
  return { kind: 'append', event: { ev: 'reaction.remove', ...about(request, target), emoji } };
}

export function decidePin(situation: CaseOf<'pin'>): Decision {
  const { state, pending, request } = situation;
  const actor = allowed(situation, 'pin');
  if (isDecision(actor)) return actor;
  if (pending.touches(subjects.pins)) return wait;
  const target = targetOf(situation);
  if (!isTarget(target)) return target;
  if (target.isDeleted) return noMessage;
  if (state.pins.has(request.message)) return unchanged;
  if (state.pins.size >= wireLimits.pinsMax)
    return refuse('forbidden', `At most ${wireLimits.pinsMax} messages are pinned: unpin another first.`);
  return { kind: 'append', event: { ev: 'message.pin', ...about(request, target) } };
}

export function decideUnpin(situation: CaseOf<'unpin'>): Decision {
  const { state, pending, request } = situation;
  const actor = allowed(situation, 'pin');
  if (isDecision(actor)) return actor;
  if (pending.touches(subjects.pins)) return wait;
  const target = targetOf(situation);
  if (!isTarget(target)) return target;
  if (!state.pins.has(request.message)) return unchanged;
  return { kind: 'append', event: { ev: 'message.unpin', ...about(request, target) } };
}
