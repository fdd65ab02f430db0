/**
 * What becomes of a message by the events about it, one after another, as one user sees it: the same for a page that is
 * brought up to date, for a device that listens, and for a store in memory.
 */
import type { ChangedMessage } from './storage/ports.js';
import type { MessageChange, MessageState } from './wire/events.js';

type Reactions = NonNullable<MessageState['reactions']>;

/**
 * The message after the next event about it. An event that is not above the message's version changes nothing.
 * @param before undefined: it was as it was sent
 */
export function foldChange(
  before: ChangedMessage | undefined,
  event: MessageChange,
  user: string,
): ChangedMessage {
  if (before !== undefined && event.seq <= before.state.version) return before;
  const { message } = event;
  const state = { ...before?.state, version: event.seq };
  switch (event.ev) {
    case 'message.edit': {
      const { text, metadata, mentions } = event;
      return {
        ...before,
        message,
        state: { ...state, editedAt: event.at },
        text,
        ...(metadata === undefined ? {} : { metadata }),
        ...(mentions === undefined ? {} : { mentions }),
      };
    }
    case 'message.delete':
      return { message, state: { version: event.seq, deletedAt: event.at, deletedBy: event.from } };
    case 'message.pin':
      return { ...before, message, state: { ...state, pinnedAt: event.at, pinnedBy: event.from } };
    case 'message.unpin': {
      const { pinnedAt: _at, pinnedBy: _by, ...rest } = state;
      return { ...before, message, state: rest };
    }
    case 'reaction.add':
    case 'reaction.remove': {
      const { reactions: known = [], ...rest } = state;
      const reactions = withReaction(known, event, user);
      return { ...before, message, state: reactions.length === 0 ? rest : { ...rest, reactions } };
    }
  }
}

/** One that nobody used any more is gone, and begins anew at the end. */
function withReaction(
  known: Reactions,
  { ev, emoji, from }: Extract<MessageChange, { emoji: string }>,
  user: string,
): Reactions {
  const step = ev === 'reaction.add' ? 1 : -1;
  const place = known.findIndex(([name]) => name === emoji);
  const [, count, isMine] = known[place] ?? [emoji, 0, false];
  const left = count + step;
  if (left <= 0) return known.filter(([name]) => name !== emoji);
  const next: Reactions[number] = [emoji, left, from === user ? step > 0 : isMine];
  return place < 0 ? [...known, next] : known.with(place, next);
}

/** Characters of a message that a reply to it shows. */
const previewCharsMax = 140;

/** The beginning of a text, never half a character. */
export function previewOf(text: string): string {
  return text.length <= previewCharsMax
    ? text
    : [...text.slice(0, previewCharsMax * 2)].slice(0, previewCharsMax).join('');
}
