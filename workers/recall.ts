/**
 * What was refused for good is known to its shard and to every front; whichever thread is started again is told by
 * the others (P7). This is the shard's side: a shard that has just started knows nothing of what its predecessor
 * refused, and what comes for conversations waits here until every front has told. A front that a refusal had not
 * reached when the predecessor died may bring a copy of what another one has told its client is refused.
 *
 * A front that is dead meanwhile is waited for, too: it is started again, and says at once that it knows nothing.
 * Fronts that know less than the shard are reminded.
 */
import type { Timers } from '#src/runtime/ports.js';
import type { ConversationRequest, Recollection, Refused } from '#src/threads/messages.js';
import { bytesToShard } from '#src/threads/weights.js';

export const recallLimits = {
  /** A front that says nothing for so long hangs: the others are not kept from their work. */
  waitMs: 5_000,
  heldItemsMax: 10_000,
  heldBytesMax: 16 * 1024 * 1024,
} as const;

export interface RecallOptions {
  readonly frontCount: number;
  readonly timers: Timers;
  remember(refused: readonly Refused[]): void;
  /** How many refusals the shard knows. */
  known(): number;
  /** Tells a front all of them. */
  remind(front: number): void;
  /** Gets what was held, in its order, once nothing is waited for. */
  release(message: ConversationRequest): void;
}

export class Recall {
  private readonly options: RecallOptions;
  /** How many refusals each front has told. */
  private readonly told = new Map<number, number>();
  /** Fronts that have told all they know. */
  private readonly heard = new Set<number>();
  private held: ConversationRequest[] = [];
  private heldBytes = 0;
  private state: 'new' | 'hearing' | 'done' = 'new';
  private cancelWait = (): void => {};

  constructor(options: RecallOptions) {
    this.options = options;
  }

  get isDone(): boolean {
    return this.state === 'done';
  }

  take({ front, refused, isLast }: Recollection): void {
    const { frontCount, timers, remember } = this.options;
    if (this.state === 'new') {
      this.state = 'hearing';
      this.cancelWait = timers.after(recallLimits.waitMs, () => this.finish());
    }
    remember(refused);
    // Heard before: it is a successor that begins to tell.
    const before = this.heard.delete(front) ? 0 : (this.told.get(front) ?? 0);
    this.told.set(front, before + refused.length);
    if (!isLast) return;
    this.heard.add(front);
    if (this.isDone) this.remindIfNeeded(front);
    else if (this.heard.size >= frontCount) this.finish();
  }

  /** false: no room. */
  hold(message: ConversationRequest): boolean {
    const { heldItemsMax, heldBytesMax } = recallLimits;
    if (this.held.length >= heldItemsMax || this.heldBytes >= heldBytesMax) return false;
    this.heldBytes += bytesToShard(message);
    this.held.push(message);
    return true;
  }

  private finish(): void {
    if (this.isDone) return;
    this.state = 'done';
    this.cancelWait();
    for (const front of this.heard) this.remindIfNeeded(front);
    const { held } = this;
    this.held = [];
    for (const message of held) this.options.release(message);
  }

  /** What a front has told is a part of what the shard knows: counting is enough. */
  private remindIfNeeded(front: number): void {
    const { known, remind } = this.options;
    if ((this.told.get(front) ?? 0) < known()) remind(front);
  }
}
