/** A message as it is shown, and what becomes of it. */
import { foldChange, previewOf } from '#src/message-fold.js';
import { withoutContents } from '#src/storage/facts.js';
import type { LogEvent, MessageChange, Parent } from '#src/wire/events.js';

/**
 * A message as it is now: `text`, `metadata` and `mentions` are those of the last edit, `state` says what else was done
 * to it (with `deletedAt` it says nothing any more), `parent` shows what it replies to as far as that is known.
 */
export type ShownMessage = LogEvent<'message.new'>;

/** The seq of the last change that is in it; 0: it is as it was sent. */
export function versionOf({ state }: ShownMessage): number {
  return state?.version ?? 0;
}

/** The message after a change, which counts only when it is above the message's version. */
export function withChange(message: ShownMessage, change: MessageChange, user: string): ShownMessage {
  const { state } = message;
  const before = state === undefined ? undefined : { message: message.id, state };
  const { message: _, state: next, ...contents } = foldChange(before, change, user);
  const left = change.ev === 'message.delete' ? (withoutContents(message) as ShownMessage) : message;
  return { ...left, ...(contents as Partial<ShownMessage>), state: next };
}

/** What a reply to this message shows of it. */
export function asParent({ id, from, seq, text, type, state }: ShownMessage): Parent {
  if (state?.deletedAt !== undefined) return { id, from, seq, preview: '', deleted: true };
  return { id, from, seq, preview: previewOf(text), ...(type === undefined ? {} : { type }) };
}

/** What a reply shows of a message that is not here, after a change of it. */
export function parentWithChange(parent: Parent, change: MessageChange): Parent {
  const { id, from, seq } = parent;
  if (change.ev === 'message.delete') return { id, from, seq, preview: '', deleted: true };
  if (change.ev !== 'message.edit' || parent.deleted === true) return parent;
  return { ...parent, preview: previewOf(change.text) };
}
