/**
 * Brings one source of changes to one mirror (Redis, Mongo, the memory of the process): one step at a time, off the ack
 * path. What gathers while a step is under way goes in the next. The position is kept in the mirror itself, so that a
 * mirror that was wiped says so.
 *
 * Phases:
 *   asking      where does the mirror stand?
 *   beginning   it knows nothing: it is cleared, or filled with all that is recent
 *   following   it has a position: from the backlog when that continues it, else from the source (repair)
 *   pausing     the mirror or the source could not be reached, or a repair leaves room to others
 */
import type { Actor, ActorContext } from '#src/runtime/actor.js';
import type { Failed } from '#src/storage/ports.js';
import type { Applied, MirrorStep } from '#src/storage/tiers/ports.js';
import { Backlog, backlogLimits, type CommittedBatch } from './backlog.js';
import type { MirrorReport, MirrorWriterPorts } from './ports.js';

export type MirrorWriterMessage =
  /** Whoever hears it is alive, and at work. */
  | { readonly kind: 'start' }
  /** A batch of the shard is in Postgres. */
  | { readonly kind: 'committed'; readonly batch: CommittedBatch }
  /** An answer to what this instance asked. */
  | { readonly kind: 'answered'; readonly question: object; readonly handle: () => void }
  | { readonly kind: 'pause over'; readonly pause: object }
  | { readonly kind: 'look due'; readonly look: object };

/** Rows of one read from the source. */
const readItemsMax = 1_000;
/** How long a wipe may go unseen while nothing is written. */
const lookMs = 5_000;
/** Steps of the backlog are so far apart, unless they are large: a mirror may lag a little, and a step has its price. */
const gatherMs = 50;
const pauseMsMin = 50;
const pauseMsMax = 1_000;
/** A thread that is at work for more of its time has none to spare. */
const busyMin = 0.9;

type Phase =
  | { readonly name: 'asking' }
  /** `from`: undefined, or the mark of somebody who began to fill it. */
  | { readonly name: 'beginning'; readonly from: number | undefined }
  | { readonly name: 'following'; readonly position: number };

export class MirrorWriter implements Actor<MirrorWriterMessage> {
  private readonly context: ActorContext<MirrorWriterMessage>;
  private readonly ports: MirrorWriterPorts;
  private readonly backlog = new Backlog();
  private phase: Phase = { name: 'asking' };
  /** What is asked of the mirror or the source just now: one thing at a time. */
  private question: object | undefined;
  private pause: object | undefined;
  private look: object | undefined;
  private isToBeChecked = false;
  /** When the mirror was asked where it stands, by the clock of the level. */
  private askedAt = 0;
  /** Where the source stood before anything was done; undefined: not asked yet. */
  private firstHead: number | undefined;
  /** The mirror was found to be of this source's history. */
  private hasStood = false;
  private failures = 0;
  /** When the last step of the backlog was begun. */
  private steppedAt = Number.NEGATIVE_INFINITY;
  /** The source may have more than the backlog knows of. */
  private mayHaveMore = true;
  /** When the oldest change that left the backlog and is not in the mirror was committed. */
  private behindSince: number | undefined;
  /** How far filling a whole mirror has come: everything after `head` comes the ordinary way. */
  private refilled:
    | {
        readonly mark: number;
        readonly head: number;
        readonly cursor: string | undefined;
        readonly changes: number;
      }
    | undefined;

  constructor(context: ActorContext<MirrorWriterMessage>, ports: MirrorWriterPorts) {
    this.context = context;
    this.ports = ports;
    this.scheduleLook();
    this.goOn();
  }

  receive(message: MirrorWriterMessage): void {
    switch (message.kind) {
      case 'start':
        return;
      case 'committed':
        return this.onCommitted(message.batch);
      case 'answered':
        // Asked by an instance that has gone.
        if (message.question !== this.question) return;
        this.question = undefined;
        return message.handle();
      case 'pause over':
        if (message.pause === this.pause) this.pause = undefined;
        return;
      case 'look due':
        return this.onLookDue(message.look);
      default:
        return message satisfies never;
    }
  }

  endTurn(): void {
    this.goOn();
  }

  private onCommitted(batch: CommittedBatch): void {
    const forgotten = this.backlog.add(batch);
    if (forgotten === 0) return;
    this.behindSince ??= batch.at;
    this.report({ kind: 'overflowed', items: forgotten });
    this.reportStanding();
  }

  private goOn(): void {
    if (this.question !== undefined || this.pause !== undefined) return;
    switch (this.phase.name) {
      case 'asking':
        return this.askPosition();
      case 'beginning':
        return this.begin(this.phase.from);
      case 'following':
        if (this.isToBeChecked) return this.askPosition();
        return this.follow(this.phase.position);
    }
  }

  /** Nobody but this shard writes what the source has from now on: a mirror of it was never beyond. */
  private askFirstHead(): void {
    const { source } = this.ports;
    this.ask(source.head.bind(source), (read) => {
      if (read.kind === 'failed') return this.fail('reading where the log stands', read);
      this.firstHead = read.head;
    });
  }

  private askPosition(): void {
    const { mirror, source, level } = this.ports;
    if (this.firstHead === undefined) return this.askFirstHead();
    const askedAt = level?.now() ?? 0;
    this.ask(
      (done: Parameters<typeof mirror.position>[1]) => mirror.position(source.name, done),
      (result) => {
        if (result.kind === 'failed') return this.fail('asking the mirror where it stands', result);
        const { position } = result;
        this.askedAt = askedAt;
        this.isToBeChecked = false;
        this.mayHaveMore = true;
        if (position === undefined) {
          this.refilled = undefined;
          this.report({ kind: 'lost' });
        }
        if (position === undefined || position < 0) {
          // What it will hold is of this source, whatever becomes of the answers.
          this.hasStood = true;
          this.phase = { name: 'beginning', from: position };
        } else this.compare(position);
      },
    );
  }

  /** A database that was restored from a copy is behind its mirrors: what they have of the time between is wrong. */
  private compare(position: number): void {
    const { source, mirror } = this.ports;
    this.ask(source.head.bind(source), (read) => {
      if (read.kind === 'failed') return this.fail('reading where the log stands', read);
      // At first sight it counts where the log began: of a mirror that comes late, the log may have overtaken it.
      const highest = this.hasStood ? read.head : Math.min(read.head, this.firstHead ?? read.head);
      if (position <= highest) {
        this.hasStood = true;
        this.phase = { name: 'following', position };
        return;
      }
      this.report({ kind: 'ahead', position, head: read.head });
      this.ask(mirror.clear.bind(mirror), (cleared) => {
        if (cleared.kind === 'failed') return this.fail('clearing the mirror', cleared);
        // A whole mirror has lost its positions with its elements, and says so to all who write to it.
        if (mirror.isWhole) this.phase = { name: 'asking' };
        else
          this.apply({ from: position, to: read.head, changes: [] }, 'refill', () => {
            this.phase = { name: 'asking' };
          });
      });
    });
  }

  /** Everything after the head of now will come; what was before is cleared away, or put in. */
  private begin(from: number | undefined): void {
    if (this.refilled !== undefined && this.refilled.mark === from) return this.refill(this.refilled);
    const { source, mirror } = this.ports;
    this.ask(source.head.bind(source), (read) => {
      if (read.kind === 'failed') return this.fail('reading where the log stands', read);
      const { head } = read;
      if (mirror.isWhole) {
        const mark = this.newMark();
        this.refilled = { mark, head, cursor: undefined, changes: 0 };
        // Marked first, so that a wipe in the middle is seen by the next step.
        return this.apply({ from, to: mark, changes: [] }, 'refill', () => {
          this.phase = { name: 'beginning', from: mark };
        });
      }
      this.ask(mirror.clear.bind(mirror), (cleared) => {
        if (cleared.kind === 'failed') return this.fail('clearing the mirror', cleared);
        this.apply({ from: undefined, to: head, changes: [] }, 'refill');
      });
    });
  }

  /**
   * Stored while a mirror that was wiped is filled again. Each attempt has its own: a mark that arrives late, after
   * another wipe, must not be taken for what was filled since.
   */
  private newMark(): number {
    return -this.ports.clock.now();
  }

  private refill({ mark, head, cursor, changes: count }: NonNullable<typeof this.refilled>): void {
    const { source, clock } = this.ports;
    const began = clock.now();
    this.ask(
      (done: Parameters<typeof source.walk>[1]) => source.walk({ cursor, limit: readItemsMax }, done),
      (page) => {
        if (page.kind === 'failed') return this.fail('reading what is recent', page);
        const changes = count + page.changes.length;
        this.apply({ from: mark, to: mark, changes: page.changes }, 'refill', () => {
          this.refilled = { mark, head, cursor: page.next, changes };
          if (page.next !== undefined) return this.leaveRoom(clock.now() - began);
          this.apply({ from: mark, to: head, changes: [] }, 'refill', () => {
            this.refilled = undefined;
            this.report({ kind: 'refilled', changes });
          });
        });
      },
    );
  }

  private follow(position: number): void {
    const sinceStep = this.ports.clock.now() - this.steppedAt;
    const isSmall = this.backlog.items < backlogLimits.stepItemsMax;
    if (this.backlog.continues(position) && isSmall && sinceStep < gatherMs && sinceStep >= 0)
      return this.rest(gatherMs - sinceStep);
    const batches = this.backlog.take(position);
    const last = batches.at(-1);
    if (last !== undefined) {
      const changes = batches.flatMap((batch) => batch.changes);
      this.behindSince = batches[0]?.at;
      const began = this.ports.clock.now();
      this.steppedAt = began;
      return this.apply({ from: position, to: last.batch, changes }, 'live', () => {
        this.behindSince = undefined;
        if (!isSmall) this.leaveRoom(this.ports.clock.now() - began);
      });
    }
    if (this.mayHaveMore || position < this.backlog.head) return this.repair(position);
    this.behindSince = undefined;
    this.reportStanding();
  }

  private repair(position: number): void {
    const { source, clock, level } = this.ports;
    const began = clock.now();
    const settled = level?.now();
    this.ask(
      (done: Parameters<typeof source.read>[1]) =>
        source.read({ after: position, limit: readItemsMax }, done),
      (read) => {
        if (read.kind === 'failed') return this.fail('reading what the mirror lacks', read);
        const { changes, to, isAll } = read;
        const finish = () => {
          if (!isAll) return this.leaveRoom(clock.now() - began);
          this.mayHaveMore = false;
          if (settled !== undefined) level?.reached(settled, this.askedAt);
        };
        // Nothing happened: the mirror need not be told that time went on.
        if (changes.length === 0 && (isAll || to === position)) {
          if (to > position && this.ports.pollMs === undefined)
            this.apply({ from: position, to, changes }, 'repair', finish);
          else finish();
        } else this.apply({ from: position, to, changes }, 'repair', finish);
      },
    );
  }

  /** What is large leaves most of the time of a thread that has none to those who wait for acks. */
  private leaveRoom(tookMs: number): void {
    if ((this.ports.busy?.() ?? 0) > busyMin) this.rest(Math.min(pauseMsMax, 4 * tookMs));
  }

  private apply(
    step: Omit<MirrorStep, 'source'>,
    way: Extract<MirrorReport, { kind: 'applied' }>['way'],
    then?: () => void,
  ): void {
    const { mirror, source, clock } = this.ports;
    const began = clock.now();
    this.ask(
      (done: (result: Applied) => void) => mirror.apply({ source: source.name, ...step }, done),
      (result) => {
        if (result.kind === 'failed') return this.fail('writing to the mirror', result);
        if (result.kind === 'lost') {
          this.phase = { name: 'asking' };
          return;
        }
        if (this.failures > 0) this.report({ kind: 'healed' });
        this.failures = 0;
        for (const poisoned of result.poisoned) this.report({ kind: 'poisoned', poisoned });
        this.report({
          kind: 'applied',
          changes: step.changes.length,
          milliseconds: clock.now() - began,
          way,
        });
        if (step.to >= 0) {
          this.hasStood = true;
          this.phase = { name: 'following', position: step.to };
        }
        then?.();
        this.reportStanding();
      },
    );
  }

  /** One thing at a time; its answer comes as a message, and goes on where it was asked. */
  private ask<Result>(run: (done: (result: Result) => void) => void, handle: (result: Result) => void): void {
    const question = {};
    this.question = question;
    run((result) => this.context.tellSelf({ kind: 'answered', question, handle: () => handle(result) }));
  }

  /** The position may have moved all the same: it is asked again. */
  private fail(what: string, { message }: Failed): void {
    if (this.failures === 0) this.report({ kind: 'failed', what, message });
    this.phase = { name: 'asking' };
    this.behindSince ??= this.backlog.oldestAt;
    this.rest(Math.min(pauseMsMax, pauseMsMin * 2 ** this.failures));
    this.failures = Math.min(this.failures + 1, 10);
    this.reportStanding();
  }

  private rest(ms: number): void {
    const pause = {};
    this.pause = pause;
    this.ports.timers.after(ms, () => this.context.tellSelf({ kind: 'pause over', pause }));
  }

  /**
   * A mirror may be wiped while nothing is written, and what the last owner of a shard committed late was told to
   * nobody: so both ends are asked where they stand, from time to time.
   */
  private onLookDue(look: object): void {
    // Of an instance that has gone: this one looks by itself.
    if (look !== this.look) return;
    this.isToBeChecked = true;
    this.scheduleLook();
  }

  private scheduleLook(): void {
    const look = {};
    this.look = look;
    this.ports.timers.after(this.ports.pollMs ?? lookMs, () =>
      this.context.tellSelf({ kind: 'look due', look }),
    );
  }

  private reportStanding(): void {
    const { items, bytes, oldestAt } = this.backlog;
    this.report({
      kind: 'standing',
      pendingSince: this.behindSince ?? oldestAt,
      backlogItems: items,
      backlogBytes: bytes,
    });
  }

  private report(report: MirrorReport): void {
    this.ports.report(report);
  }
}
