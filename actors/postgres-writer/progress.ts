/**
 * Heads and read marks that moved and are not in their side tables yet (L14). They are written at most once a
 * second, off the ack path; what a crash loses of them is computed again from the log.
 */
import type { Progress } from '#src/storage/ports.js';
import type { LogEvent } from '#src/wire/events.js';

/** Characters of a message that lists show. */
const previewCharsMax = 140;

interface Dirty {
  /** undefined: only marks moved. */
  head: { seq: number; number: number; at: number; preview: string } | undefined;
  /** The number each user has read up to. */
  readonly marks: Map<string, number>;
}

export class DirtyProgress {
  private conversations = new Map<string, Dirty>();

  get isEmpty(): boolean {
    return this.conversations.size === 0;
  }

  /** The next events of one conversation, in their order. */
  onCommitted(conv: string, events: readonly LogEvent[]): void {
    const last = events.at(-1);
    if (last === undefined) return;
    const dirty = this.dirtyOf(conv);
    let message: LogEvent<'message.new'> | undefined;
    for (const event of events) {
      if (event.ev !== 'message.new') continue;
      message = event;
      // Nobody has read further than what was just said.
      dirty.marks.set(event.from, event.number);
    }
    const preview =
      message === undefined
        ? (dirty.head?.preview ?? '')
        : previewOf(message.text === '' ? `[${message.type ?? 'text'}]` : message.text);
    const { seq, number, at } = last;
    dirty.head = { seq, number, at, preview };
  }

  mark(conv: string, user: string, mark: number): void {
    const { marks } = this.dirtyOf(conv);
    if ((marks.get(user) ?? -1) < mark) marks.set(user, mark);
  }

  /** Hands over what moved and starts afresh. `batch`: the last one committed. */
  take(batch: number): Progress {
    const heads: Array<Progress['heads'][number]> = [];
    const marks: Array<Progress['marks'][number]> = [];
    for (const [conv, dirty] of this.conversations) {
      if (dirty.head !== undefined) heads.push({ conv, ...dirty.head });
      for (const [user, mark] of dirty.marks) marks.push({ conv, user, mark });
    }
    this.conversations = new Map();
    return { batch, heads, marks };
  }

  /** Puts back what could not be written; what moved since stays. */
  restore(progress: Progress): void {
    for (const { conv, ...head } of progress.heads) {
      const dirty = this.dirtyOf(conv);
      if (dirty.head === undefined) dirty.head = head;
      else if (dirty.head.preview === '') dirty.head.preview = head.preview;
    }
    for (const { conv, user, mark } of progress.marks) this.mark(conv, user, mark);
  }

  private dirtyOf(conv: string): Dirty {
    let dirty = this.conversations.get(conv);
    if (dirty === undefined) {
      dirty = { head: undefined, marks: new Map() };
      this.conversations.set(conv, dirty);
    }
    return dirty;
  }
}

function previewOf(text: string): string {
  if (text.length <= previewCharsMax) return text;
  return text
    .slice(0, previewCharsMax)
    .toWellFormed()
    .replace(/\ufffd$/, '');
}
