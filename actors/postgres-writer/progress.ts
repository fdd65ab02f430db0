/**
 * Heads and read marks that moved and are not in their side tables yet (L14), and who came or went. They are written
 * at most twice a second, off the ack path; what a crash loses of them is computed again from the log.
 */
import { laterPreview, type Preview, previewAfter } from '#src/previews.js';
import type { Coming, MarkMove, MemberMark, Progress } from '#src/storage/ports.js';
import type { LogEvent } from '#src/wire/events.js';
import { afterMove } from './mark-moves.js';

const nothingShown: Preview = { preview: '' };

/** Nobody else has it: it may be changed in place. */
type OwnMove = { -readonly [Name in keyof MarkMove]: MarkMove[Name] };

interface Dirty {
  /** undefined: only marks moved. */
  head: Omit<Progress['heads'][number], 'conv'> | undefined;
  /** What becomes of each user's marks. */
  readonly marks: Map<string, OwnMove>;
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
    for (const event of events) {
      // Nobody has read further than what was just said.
      if (event.ev === 'message.new') raise(dirty.marks, event.from, event.number);
      else noteComings(dirty, event);
    }
    const { seq, number, at } = last;
    const { preview, messageSeq } = previewAfter(dirty.head ?? nothingShown, events);
    // A literal: copying into it what previewAfter gives would cost more than all that a commit does here.
    dirty.head = { seq, number, at, preview, messageSeq };
  }

  mark({ conv, user, ...move }: MemberMark): void {
    const { marks } = this.dirtyOf(conv);
    marks.set(user, afterMove(marks.get(user), move));
  }

  /** Hands over what moved and starts afresh. `batch`: the last one committed. */
  take(batch: number): Progress {
    const heads: Array<Progress['heads'][number]> = [];
    const marks: MemberMark[] = [];
    for (const [conv, dirty] of this.conversations) {
      if (dirty.head !== undefined) heads.push({ conv, ...dirty.head });
      for (const [user, move] of dirty.marks) marks.push({ conv, user, ...move });
    }
    this.conversations = new Map();
    return { batch, heads, marks };
  }

  /** Puts back what could not be written, below what moved since. Written twice it does no harm. */
  restore(progress: Progress): void {
    for (const { conv, ...head } of progress.heads) {
      const dirty = this.dirtyOf(conv);
      if (dirty.head === undefined) dirty.head = head;
      else dirty.head = { ...dirty.head, ...laterPreview(head, dirty.head) };
    }
    for (const { conv, user, ...move } of progress.marks) {
      const { marks } = this.dirtyOf(conv);
      const since = marks.get(user);
      marks.set(user, since === undefined ? move : afterMove(move, since));
    }
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

/** What every message does: without another object for each. */
function raise(marks: Map<string, OwnMove>, user: string, number: number): void {
  const move = marks.get(user);
  if (move === undefined) marks.set(user, { mark: number });
  else if (move.mark < number) move.mark = number;
}

const comings: Readonly<Partial<Record<LogEvent['ev'], Coming>>> = {
  'member.join': 'in',
  'member.add': 'in',
  'member.leave': 'left',
  'member.remove': 'removed',
  'member.ban': 'banned',
};

function noteComings({ marks }: Dirty, event: LogEvent): void {
  const came = comings[event.ev];
  if (came === undefined) return;
  const user = 'user' in event ? event.user : event.from;
  // Who comes begins at the head, also when they had taken their mark back just before they left.
  const mark = came === 'in' ? event.number : 0;
  marks.set(user, afterMove(marks.get(user), { mark, came }));
}
