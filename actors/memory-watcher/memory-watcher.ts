/**
 * Watches the memory of one tier and, when it lives in this process, that of the process; above the threshold it
 * evicts what was used longest ago until below the low water. One question to the tier at a time: one that is frozen
 * is waited for, so nothing piles up behind it.
 *
 * Phases:
 *   resting   until the next look is due
 *   looking   the tier is asked what it uses; `round` when an eviction is under way
 *   evicting  `left` calls of a round are not answered yet
 */
import type { Actor, ActorContext } from '#src/runtime/actor.js';
import type { Failed } from '#src/storage/ports.js';
import type { TierName, Usage } from '#src/storage/tiers/ports.js';
import {
  callsAtOnceAfter,
  callsAtOnceMin,
  callsFor,
  goalOf,
  isAbove,
  type Level,
  lookAgainMs,
  marksOf,
  type Seen,
} from './plan.js';
import type { Owner, WatcherPorts } from './ports.js';

export type MemoryWatcherMessage =
  | { readonly kind: 'look due' }
  | { readonly kind: 'looked'; readonly asker: object; readonly result: Usage | Failed }
  | { readonly kind: 'evicted'; readonly asker: object; readonly result: Evicted | Failed }
  | { readonly kind: 'still silent'; readonly asker: object };

type Evicted = { readonly kind: 'evicted'; readonly byNode: ReadonlyMap<string, number> };

/** An eviction under way. */
interface Round {
  /** Of the tier, in bytes: below it, the round is over. */
  readonly goal: number;
  readonly begunAt: number;
  evicted: number;
  /** What was seen last. */
  tier: Level;
  callsAtOnce: number;
}

type Phase =
  | { readonly name: 'resting' }
  | { readonly name: 'looking'; readonly round?: Round | undefined }
  | { readonly name: 'evicting'; readonly round: Round; left: number; evicted: number; failure?: Failed };

/** After a failure, and when nothing is left to evict. */
export const retryMs = 1_000;
/** A tier that has not answered for so long is reported; it is not asked again before it has. */
export const silentMsMax = 3_000;
/** Memory that was given up by a tier is given back by the process only as its heaps are swept. */
export const hostRestMs = 10_000;

export class MemoryWatcher implements Actor<MemoryWatcherMessage> {
  private readonly context: ActorContext<MemoryWatcherMessage>;
  private readonly ports: WatcherPorts;
  private readonly tier: TierName;
  private phase: Phase = { name: 'resting' };
  private isWell = true;
  private isExhausted = false;
  private hostRestsUntil = 0;
  private cancelTimer: () => void = () => {};

  constructor(context: ActorContext<MemoryWatcherMessage>, ports: WatcherPorts) {
    this.context = context;
    this.ports = ports;
    this.tier = ports.evictable.name;
    // An instance that crashed leaves nothing behind that its successor could wait for.
    if (context.crashes > 0) this.rest(retryMs);
  }

  receive(message: MemoryWatcherMessage): void {
    switch (message.kind) {
      case 'look due':
        return this.phase.name === 'resting' ? this.look(undefined) : undefined;
      case 'looked':
        // What a predecessor asked is nothing to wait for.
        return message.asker === this ? this.onLooked(message.result) : undefined;
      case 'evicted':
        return message.asker === this ? this.onEvicted(message.result) : undefined;
      case 'still silent':
        return message.asker === this ? this.onStillSilent() : undefined;
      default:
        return message satisfies never;
    }
  }

  dropped(): void {
    this.cancelTimer();
  }

  private look(round: Round | undefined): void {
    this.phase = { name: 'looking', round };
    this.awaitAnswer();
    this.ports.evictable.usage((result) => this.context.tellSelf({ kind: 'looked', asker: this, result }));
  }

  private onLooked(result: Usage | Failed): void {
    if (this.phase.name !== 'looking') return;
    const { round } = this.phase;
    this.cancelTimer();
    if (result.kind === 'failed') return this.fail('looking', result, round);
    const seen = this.seenOf(result);
    if (round !== undefined) return this.goOn(round, seen);
    const goal = goalOf(seen);
    if (goal === undefined) {
      this.isExhausted = false;
      this.becomeWell();
      return this.rest(lookAgainMs(seen));
    }
    const now = this.ports.clock.now();
    if (isAbove(seen.host)) this.hostRestsUntil = now + hostRestMs;
    this.evict({ goal, begunAt: now, evicted: 0, tier: seen.tier, callsAtOnce: callsAtOnceMin });
  }

  private goOn(round: Round, seen: Seen): void {
    this.becomeWell();
    const { used } = seen.tier;
    if (used <= round.goal) return this.endRound(round, lookAgainMs(seen));
    round.callsAtOnce = callsAtOnceAfter(round.callsAtOnce, { before: round.tier.used, now: used });
    round.tier = seen.tier;
    this.evict(round);
  }

  private evict(round: Round): void {
    const calls = callsFor(round.tier, round);
    this.phase = { name: 'evicting', round, left: calls.length, evicted: 0 };
    this.awaitAnswer();
    for (const count of calls)
      this.ports.evictable.evict(count, (result) =>
        this.context.tellSelf({ kind: 'evicted', asker: this, result }),
      );
  }

  private onEvicted(result: Evicted | Failed): void {
    const { phase } = this;
    if (phase.name !== 'evicting') return;
    phase.left -= 1;
    if (result.kind === 'failed') phase.failure = result;
    else {
      for (const count of result.byNode.values()) phase.evicted += count;
      this.ports.report({ kind: 'evicted', tier: this.tier, byNode: result.byNode });
    }
    if (phase.left > 0) return;
    this.cancelTimer();
    const { round } = phase;
    round.evicted += phase.evicted;
    if (phase.failure !== undefined) return this.fail('evicting', phase.failure, round);
    if (phase.evicted === 0) return this.onNothingLeft(round);
    this.isExhausted = false;
    this.look(round);
  }

  private onNothingLeft(round: Round): void {
    this.ports.report({ kind: 'nothing left', tier: this.tier, isNew: !this.isExhausted });
    this.isExhausted = true;
    this.endRound(round, retryMs);
  }

  private endRound({ evicted, begunAt }: Round, restMs: number): void {
    const ms = this.ports.clock.now() - begunAt;
    this.ports.report({ kind: 'round over', tier: this.tier, evicted, ms });
    this.rest(restMs);
  }

  private fail(what: 'looking' | 'evicting', { message }: Failed, round: Round | undefined): void {
    this.reportFailure(what, message);
    if (round === undefined) this.rest(retryMs);
    else this.endRound(round, retryMs);
  }

  private onStillSilent(): void {
    if (this.phase.name === 'resting') return;
    this.reportFailure(this.phase.name, `it has not answered for ${silentMsMax} ms`);
  }

  private reportFailure(what: 'looking' | 'evicting', message: string): void {
    this.ports.report({ kind: 'failed', tier: this.tier, what, message, isNew: this.isWell });
    this.isWell = false;
  }

  private becomeWell(): void {
    if (!this.isWell) this.ports.report({ kind: 'well again', tier: this.tier });
    this.isWell = true;
  }

  /** Reports it, too. The process is left out while it has nothing to say. */
  private seenOf({ usedBytes, limitBytes, elements }: Usage): Seen {
    const { clock, marginBytes, limitBytes: configured } = this.ports;
    const marksOfTier = marksOf({ configured, detected: limitBytes }, marginBytes);
    const tier = { used: usedBytes, elements, marks: marksOfTier };
    this.reportLevel(this.tier, tier);
    const memory = this.ports.processMemory?.();
    if (memory === undefined) return { tier };
    const marks = marksOf({ configured: memory.limitBytes, detected: undefined }, marginBytes);
    const host = { used: memory.usedBytes, marks };
    this.reportLevel('process', host);
    return tier.used === 0 || clock.now() < this.hostRestsUntil ? { tier } : { tier, host };
  }

  private reportLevel(owner: Owner, { used, marks }: Level): void {
    this.ports.report({ kind: 'used', owner, usedBytes: used, marks });
  }

  private rest(ms: number): void {
    this.phase = { name: 'resting' };
    this.cancelTimer = this.ports.timers.after(ms, () => this.context.tellSelf({ kind: 'look due' }));
  }

  private awaitAnswer(): void {
    this.cancelTimer = this.ports.timers.after(silentMsMax, () =>
      this.context.tellSelf({ kind: 'still silent', asker: this }),
    );
  }
}
