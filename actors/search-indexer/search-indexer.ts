/**
 * Keeps the index of words up with the log, off the ack path: one step at a time, each a transaction that moves its own
 * position, so that whatever is lost in between is only done again (F3).
 *
 * Phases:
 *   beginning  is there an index, and of this language? else it is made anew
 *   filling    what was in the log when the index was begun; each step of it is followed by one of the next phase
 *   following  what has been committed since
 *   pruning    what has left the log; from time to time
 */
import type { Actor, ActorContext } from '#src/runtime/actor.js';
import type { Failed } from '#src/storage/ports.js';
import type { SearchIndexerPorts } from './ports.js';

export type SearchIndexerMessage =
  /** Whoever hears it is alive, and at work. */
  | { readonly kind: 'start' }
  | { readonly kind: 'step due'; readonly step: object }
  | { readonly kind: 'answered'; readonly question: object; readonly handle: () => void };

type Phase = 'beginning' | 'filling' | 'following' | 'pruning';

/** Rows of one step, about: a transaction of some 100 ms. */
const stepRows = 2_000;
/** Batches of the first step; the next ones follow from how many rows they had. */
const firstBatches = 64;
const batchesMax = 16_384;
/** How often the log is asked for something new while there is nothing. */
const pollMs = 200;
/** How often it is looked whether somebody has emptied the index, and what has left the log. */
const lookMs = 60_000;
/** Rests, each as long as the step before them, on a machine that has nothing to do else, and on one that is full. */
const restsWhenIdle = 2;
const restsWhenBusy = 14;
/** Of the machine: below it, it is full. */
const idleShareMin = 0.25;
const pauseMsMin = 100;
const pauseMsMax = 5_000;

export class SearchIndexer implements Actor<SearchIndexerMessage> {
  private readonly context: ActorContext<SearchIndexerMessage>;
  private readonly ports: SearchIndexerPorts;
  private phase: Phase = 'beginning';
  private batches = firstBatches;
  private isFilled = false;
  private lookedAt = 0;
  private failures = 0;
  private question: object | undefined;
  private step: object | undefined;
  private cancelRest: () => void = () => {};

  constructor(context: ActorContext<SearchIndexerMessage>, ports: SearchIndexerPorts) {
    this.context = context;
    this.ports = ports;
    this.rest(context.crashes > 0 ? pauseMsMax : 0);
  }

  receive(message: SearchIndexerMessage): void {
    switch (message.kind) {
      case 'start':
        return;
      case 'step due':
        if (message.step === this.step) this.goOn();
        return;
      case 'answered':
        // Asked by an instance that has gone.
        if (message.question !== this.question) return;
        this.question = undefined;
        return message.handle();
      default:
        return message satisfies never;
    }
  }

  dropped(): void {
    this.cancelRest();
  }

  private goOn(): void {
    if (this.question !== undefined) return;
    switch (this.phase) {
      case 'beginning':
        return this.begin();
      case 'filling':
        return this.fill();
      case 'following':
        return this.follow();
      case 'pruning':
        return this.prune();
    }
  }

  private begin(): void {
    const { index, clock } = this.ports;
    this.lookedAt = clock.now();
    this.ask('beginning the index', index.begin.bind(index), ({ isFilled }) => {
      this.isFilled = isFilled;
      this.enter('pruning', 0);
    });
  }

  private prune(): void {
    const { index, report } = this.ports;
    this.ask('removing what has left the log', index.prune.bind(index, stepRows), ({ rows }, tookMs) => {
      if (rows > 0) report({ kind: 'pruned', rows });
      if (rows < stepRows) this.enter(this.isFilled ? 'following' : 'filling', 0);
      else this.enter('pruning', tookMs);
    });
  }

  private fill(): void {
    const { index, report } = this.ports;
    this.ask('filling the index', index.fill.bind(index, stepRows), ({ rows }, tookMs) => {
      this.isFilled = rows < stepRows;
      report({ kind: 'filled', rows, milliseconds: tookMs, isAll: this.isFilled });
      this.enter('following', this.restOf(tookMs));
    });
  }

  private follow(): void {
    const { index, clock, report } = this.ports;
    const most = { batches: this.batches, rows: stepRows };
    this.ask('following the log', index.follow.bind(index, most), (step, tookMs) => {
      const { rows, behind, oldestAt } = step;
      if (rows > 2 * stepRows) this.batches = Math.max(1, Math.floor(this.batches / 2));
      else if (behind > 0 && rows < stepRows / 2) this.batches = Math.min(batchesMax, this.batches * 2);
      const lagMs = oldestAt === undefined ? 0 : Math.max(0, clock.now() - oldestAt);
      report({ kind: 'followed', rows, milliseconds: tookMs, lagMs, behind });
      const isBehind = behind > 0 || !this.isFilled;
      const restMs = isBehind ? this.restOf(tookMs) : Math.max(pollMs, this.restOf(tookMs));
      if (clock.now() - this.lookedAt >= lookMs) this.enter('beginning', restMs);
      else this.enter(this.isFilled ? 'following' : 'filling', restMs);
    });
  }

  /** One thing at a time; its answer comes as a message. */
  private ask<Result extends { readonly kind: string }>(
    what: string,
    run: (done: (result: Result | Failed) => void) => void,
    handle: (result: Result, tookMs: number) => void,
  ): void {
    const question = {};
    this.question = question;
    const began = this.ports.clock.now();
    run((result) =>
      this.context.tellSelf({
        kind: 'answered',
        question,
        handle: () => {
          if (isFailed(result)) return this.fail(what, result);
          if (this.failures > 0) this.ports.report({ kind: 'healed' });
          this.failures = 0;
          handle(result, Math.max(0, this.ports.clock.now() - began));
        },
      }),
    );
  }

  private fail(what: string, { message }: Failed): void {
    if (this.failures === 0) this.ports.report({ kind: 'failed', what, message });
    this.phase = 'beginning';
    this.rest(Math.min(pauseMsMax, pauseMsMin * 2 ** this.failures));
    this.failures = Math.min(this.failures + 1, 10);
  }

  private enter(phase: Phase, restMs: number): void {
    this.phase = phase;
    this.rest(restMs);
  }

  /** An index may lag: those who wait for acks are left two thirds of the time, and nearly all where there is no more. */
  private restOf(tookMs: number): number {
    return tookMs * (this.ports.idleShare() < idleShareMin ? restsWhenBusy : restsWhenIdle);
  }

  private rest(ms: number): void {
    const step = {};
    this.step = step;
    this.cancelRest = this.ports.timers.after(ms, () => this.context.tellSelf({ kind: 'step due', step }));
  }
}

function isFailed(result: { readonly kind: string }): result is Failed {
  return result.kind === 'failed';
}
