/**
 * A log whose pages come from the fastest tier that holds all of them: Redis (or the memory of the process), Mongo,
 * Postgres. A page of a tier counts only if every seq of it is there: every seq up to the head exists, so a mirror that
 * lags, was wiped or has lost an element is seen to lack it, and the next tier answers.
 */

import { changeOfEvent } from '../../entities/messages.js';
import { timeOfId } from '../../ids.js';
import type { Clock, Timers } from '../../runtime/ports.js';
import type { LogEvent } from '../../wire/events.js';
import type { Failed, LogStore, TieredPage } from '../ports.js';
import { askPatiently } from './patience.js';
import { type AsOf, recentDays, type Tier, type TierName, tierRangeMax } from './ports.js';

type Range = Parameters<LogStore['read']>[0];
type Answer = TieredPage | Failed;

/** Who answered a page: a tier, or the store. */
export type Answerer = TierName | 'postgres';

export interface TieredLogOptions {
  readonly store: Pick<LogStore, 'read'>;
  /** Fastest first. */
  readonly tiers: readonly Tier[];
  readonly clock: Clock;
  readonly timers: Timers;
  /** What is older (Unix ms, by its id) has left the log, and is shown no more; undefined: not known yet. */
  horizon(): number | undefined;
  /** Up to where the log of this shard is known to be committed: what is read from now on has all of that. */
  asOf?(): AsOf | undefined;
  /** For metrics: a tier was asked, and what came of it. */
  onRead?(tier: Answerer, result: 'hit' | 'miss' | 'failed'): void;
}

const recentMs = recentDays * 24 * 3_600_000;
/** An event is what it was first; whatever rewrites it has the number of its batch. */
const firstVersion = 0;

export class TieredLog {
  private readonly options: TieredLogOptions;
  /** Who else waits for the same page. */
  private readonly flights = new Map<string, Array<(answer: Answer) => void>>();

  constructor(options: TieredLogOptions) {
    this.options = options;
  }

  /**
   * As `LogStore.read`.
   *
   * @param range `before` is at most the head + 1
   */
  read(range: Range, done: (answer: Answer) => void): void {
    const span = spanOf(range);
    const horizon = this.options.horizon();
    if (span === undefined || horizon === undefined) return this.options.store.read(range, done);
    const key = `${span.conv} ${span.from} ${span.to} ${range.last}`;
    const waiting = this.flights.get(key);
    if (waiting !== undefined) {
      waiting.push(done);
      return;
    }
    this.flights.set(key, [done]);
    this.ask(0, { range, span, asOf: this.options.asOf?.() }, (answer) => {
      const waiters = this.flights.get(key) ?? [];
      this.flights.delete(key);
      for (const waiter of waiters) waiter(answer);
    });
  }

  private ask(place: number, flight: Flight, done: (answer: Answer) => void): void {
    const { range, span } = flight;
    const tier = this.options.tiers[place];
    if (tier === undefined) return this.askStore(flight, done);
    if (tier.name === 'mongo' && (range.writtenBefore ?? Number.POSITIVE_INFINITY) < this.recentSince())
      return this.ask(place + 1, flight, done);
    const onFound: Parameters<Tier['events']>[1] = (found) => {
      this.options.onRead?.(tier.name, resultOf[found.kind]);
      if (found.kind !== 'events' || this.hasExpired(found.events)) return this.ask(place + 1, flight, done);
      done(this.pageOf(found.events, this.options.tiers.slice(0, place), flight));
    };
    askPatiently(this.options.timers, (answer) => tier.events(span, answer), onFound);
  }

  private askStore(flight: Flight, done: (answer: Answer) => void): void {
    this.options.store.read(flight.range, (answer) => {
      this.options.onRead?.('postgres', answer.kind === 'failed' ? 'failed' : 'hit');
      done(answer.kind === 'events' ? this.pageOf(answer.events, this.options.tiers, flight) : answer);
    });
  }

  private pageOf(events: LogEvent[], lacking: readonly Tier[], { asOf }: Flight): TieredPage {
    if (events.length === 0 || lacking.length === 0) return { kind: 'events', events };
    let isKept = false;
    const keep = (kept: readonly LogEvent[]): void => {
      // Whoever waited for the same page says so, too.
      if (isKept) return;
      isKept = true;
      this.fill(kept, lacking, asOf);
    };
    return { kind: 'events', events, keep };
  }

  /** What is old is for the tier that goes by use, not for the one that goes by age. */
  private fill(events: readonly LogEvent[], tiers: readonly Tier[], asOf: AsOf | undefined): void {
    const changes = events.map((event) => changeOfEvent(event, firstVersion));
    const since = this.recentSince();
    for (const tier of tiers) {
      const own = tier.name === 'mongo' ? changes.filter(({ id }) => timeOfId(id) >= since) : changes;
      tier.fill(own, asOf);
    }
  }

  /** Mirrors know nothing of months that leave the log (L16). */
  private hasExpired(events: readonly LogEvent[]): boolean {
    const horizon = this.options.horizon() ?? 0;
    return horizon > 0 && events.some(({ id }) => timeOfId(id) < horizon);
  }

  private recentSince(): number {
    return this.options.clock.now() - recentMs;
  }
}

const resultOf = { events: 'hit', absent: 'miss', failed: 'failed' } as const;

interface Flight {
  readonly range: Range;
  readonly span: Span;
  /** When it began: whoever keeps the page has held it against what was committed by then, at least. */
  readonly asOf: AsOf | undefined;
}

interface Span {
  readonly conv: string;
  readonly from: number;
  readonly to: number;
}

/** The seqs of a page that has no holes; undefined when it is empty or more than tiers are asked for. */
function spanOf({ conv, after, before, limit, last }: Range): Span | undefined {
  const from = last ? Math.max(after + 1, before - limit) : after + 1;
  const to = last ? before - 1 : Math.min(before - 1, after + limit);
  if (from < 1 || to < from || to - from >= tierRangeMax) return undefined;
  return { conv, from, to };
}
