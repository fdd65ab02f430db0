/**
 * The last changes of messages, so that an answer of the store about one of them can be told from one that is too old,
 * or brought up to date. It knows what it does not know: at or below `floor`, a change may have been forgotten.
 */
import type { MessageChange } from '#src/wire/events.js';

export const recentChangesLimits = {
  itemsMax: 4096,
  /** Of what edits say. */
  charsMax: 256 * 1024,
} as const;

export class RecentChanges {
  /** The oldest first. */
  private events: MessageChange[] = [];
  private chars = 0;
  /** The seq of what happened last, by message and by reaction. */
  private readonly deletions = new Map<string, number>();
  private readonly reactions = new Map<string, number>();
  private floor: number;

  /** @param head the seq up to which the store was read: what is asked from now on knows all of that */
  constructor(head: number) {
    this.floor = head;
  }

  add(event: MessageChange): void {
    this.events.push(event);
    this.chars += charsOf(event);
    if (event.ev === 'message.delete') {
      this.deletions.set(event.message, event.seq);
      this.forgetEdits(event.message);
    } else if ('emoji' in event) this.reactions.set(reactionKey(event), event.seq);
    const { itemsMax, charsMax } = recentChangesLimits;
    if (this.events.length > itemsMax || this.chars > charsMax) this.forgetHalf();
  }

  /** All changes after `seq`, in their order; undefined when some of them may be forgotten. */
  since(seq: number): readonly MessageChange[] | undefined {
    if (seq < this.floor) return undefined;
    const start = this.events.findLastIndex((event) => event.seq <= seq) + 1;
    return this.events.slice(start);
  }

  /** How many different emojis came to this message after `seq`. */
  emojisSince(message: string, seq: number): number {
    const emojis = new Set<string>();
    for (const event of this.since(seq) ?? [])
      if (event.ev === 'reaction.add' && event.message === message) emojis.add(event.emoji);
    return emojis.size;
  }

  /**
   * May the store's answer be too old, who was asked at head `askedAt` and said `version` of the message? Only what is
   * asked for counts, or those who react to one message at once would wait for each other for ever: whether it was
   * deleted, and whether this user has this reaction there.
   */
  isOutdated(
    { message, reaction }: { message: string; reaction?: { from: string; emoji: string } | undefined },
    { askedAt, version }: { askedAt: number; version: number },
  ): boolean {
    if (askedAt < this.floor) return true;
    const reacted = reaction && this.reactions.get(reactionKey({ message, ...reaction }));
    return (this.deletions.get(message) ?? 0) > version || (reacted ?? 0) > version;
  }

  /** What it said is gone here as well. */
  private forgetEdits(message: string): void {
    this.events = this.events.filter((event) => {
      const isGone = event.ev === 'message.edit' && event.message === message;
      if (isGone) this.chars -= charsOf(event);
      return !isGone;
    });
  }

  /** In steps, so that adding stays cheap. */
  private forgetHalf(): void {
    const { itemsMax, charsMax } = recentChangesLimits;
    let place = 0;
    while (place < this.events.length - itemsMax / 2 || this.chars > charsMax / 2) {
      const event = this.events[place];
      if (event === undefined) break;
      this.chars -= charsOf(event);
      this.floor = event.seq;
      if (this.deletions.get(event.message) === event.seq) this.deletions.delete(event.message);
      if ('emoji' in event && this.reactions.get(reactionKey(event)) === event.seq)
        this.reactions.delete(reactionKey(event));
      place += 1;
    }
    this.events = this.events.slice(place);
  }
}

function reactionKey({ message, from, emoji }: { message: string; from: string; emoji: string }): string {
  return `${message} ${from} ${emoji}`;
}

function charsOf(event: MessageChange): number {
  return event.ev === 'message.edit' ? event.text.length : 0;
}
