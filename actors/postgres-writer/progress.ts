/**
 * Heads and read marks that moved and are not in their side tables yet (L14). They are written at most once a
 * second, off the ack path; what a crash loses of them is computed again from the log.
 */
import type { Progress } from '#src/storage/ports.js';
import type { LogEvent } from '#src/wire/events.js';

/** Characters of a message that lists show. */
const previewCharsMax = 140;

type DirtyHead = { conv: string; seq: number; number: number; at: number; preview: string };
type DirtyMark = { conv: string; user: string; mark: number };

export class DirtyProgress {
  private heads = new Map<string, DirtyHead>();
  private marks = new Map<string, DirtyMark>();

  get isEmpty(): boolean {
    return this.heads.size === 0 && this.marks.size === 0;
  }

  onCommitted(event: LogEvent): void {
    const previous = this.heads.get(event.conv);
    let preview = previous?.preview ?? '';
    if (event.ev === 'message.new') {
      preview = previewOf(event.text === '' ? `[${event.type ?? 'text'}]` : event.text);
      this.mark(event.conv, event.from, event.number);
    }
    if (previous === undefined) {
      this.heads.set(event.conv, {
        conv: event.conv,
        seq: event.seq,
        number: event.number,
        at: event.at,
        preview,
      });
      return;
    }
    previous.seq = event.seq;
    previous.number = event.number;
    previous.at = event.at;
    previous.preview = preview;
  }

  mark(conv: string, user: string, mark: number): void {
    const key = conv + user;
    const previous = this.marks.get(key);
    if (previous === undefined) this.marks.set(key, { conv, user, mark });
    else if (previous.mark < mark) previous.mark = mark;
  }

  /** Hands over what moved and starts afresh. `batch`: the last one committed. */
  take(batch: number): Progress {
    const taken = { batch, heads: [...this.heads.values()], marks: [...this.marks.values()] };
    this.heads = new Map();
    this.marks = new Map();
    return taken;
  }

  /** Puts back what could not be written; what moved since stays. */
  restore(progress: Progress): void {
    for (const head of progress.heads) {
      const newer = this.heads.get(head.conv);
      if (newer === undefined) this.heads.set(head.conv, { ...head });
      else if (newer.preview === '') newer.preview = head.preview;
    }
    for (const { conv, user, mark } of progress.marks) this.mark(conv, user, mark);
  }
}

function previewOf(text: string): string {
  if (text.length <= previewCharsMax) return text;
  return text
    .slice(0, previewCharsMax)
    .toWellFormed()
    .replace(/\ufffd$/, '');
}
