/**
 * Loads of conversations that were in memory lately: as they were then, from the fastest tier, with what the log has
 * since on top. The end of the log and the head are always of Postgres, and a snapshot counts only where that end
 * holds the very event that the snapshot was taken after: one that is missing, too old, broken, or of a log that was
 * restored to an earlier time costs a read of everything, and never shows.
 */
import { changeOfMoment, momentOfFields, snapshots } from '../../entities/snapshots.js';
import type { Clock, Timers } from '../../runtime/ports.js';
import { applyToFacts, factsOf, standingOf } from '../facts.js';
import type { ConversationMoment, ConversationSnapshot, LogStore, LogTail, Member } from '../ports.js';
import { askPatiently } from './patience.js';
import type { Element, Tier } from './ports.js';

export interface SnapshotLoadsOptions {
  readonly store: Pick<LogStore, 'load' | 'loadTail'>;
  /** The fastest one. */
  readonly tier: Tier;
  readonly clock: Clock;
  readonly timers: Timers;
  /** For metrics. `unusable`: there was one, and the end of the log does not reach back to it. */
  onLoad?(result: 'hit' | 'miss' | 'failed' | 'unusable'): void;
}

/** How long a tier that failed is not asked. */
const restMs = 1_000;

export class SnapshotLoads {
  private readonly options: SnapshotLoadsOptions;
  private restsUntil = 0;

  constructor(options: SnapshotLoadsOptions) {
    this.options = options;
  }

  /** For the next load of this conversation. */
  keep(moment: ConversationMoment): void {
    const change = changeOfMoment(moment);
    if (change !== undefined) this.options.tier.fill([change]);
  }

  /** As `LogStore.load`, but for the marks of members. */
  load(conv: string, done: Parameters<LogStore['load']>[1]): void {
    const { store, clock } = this.options;
    if (clock.now() < this.restsUntil) return store.load(conv, done);
    this.find(conv, (moment) => {
      if (moment === undefined) return store.load(conv, done);
      store.loadTail(conv, (result) => {
        if (result.kind === 'failed') return done(result);
        const snapshot = replay(moment, result.tail);
        this.options.onLoad?.(snapshot === undefined ? 'unusable' : 'hit');
        if (snapshot === undefined) store.load(conv, done);
        else done({ kind: 'loaded', snapshot });
      });
    });
  }

  private find(conv: string, done: (moment: Kept | undefined) => void): void {
    const { tier, timers, clock } = this.options;
    const onFound: Parameters<Tier['get']>[2] = (result) => {
      if (result.kind === 'failed') {
        this.restsUntil = clock.now() + restMs;
        this.options.onLoad?.('failed');
        return done(undefined);
      }
      const moment = momentOf(result.elements[0], conv);
      if (moment === undefined) this.options.onLoad?.('miss');
      done(moment);
    };
    askPatiently(timers, (answer) => tier.get(snapshots, [conv], answer), onFound);
  }
}

type Kept = ConversationMoment & { readonly members: readonly Member[] };

function momentOf(element: Element | undefined, conv: string): Kept | undefined {
  const moment = element?.fields === undefined ? undefined : momentOfFields(element.fields);
  return moment?.info.conv === conv ? moment : undefined;
}

/** @returns undefined when the end of the log does not hold the event that the moment was after */
function replay(
  { last, ...moment }: Kept,
  { head, recent, blockers }: LogTail,
): ConversationSnapshot | undefined {
  const first = recent[0]?.seq;
  if (first === undefined || recent.some(({ seq }, index) => seq !== first + index)) return undefined;
  const place = last.seq - first;
  const found = recent[place];
  const isOfThisLog = found?.id === last.id && found.at === last.at && found.number === last.number;
  if (!isOfThisLog || recent.at(-1)?.seq !== head.seq) return undefined;
  const facts = factsOf(moment);
  for (const event of recent.slice(place + 1)) applyToFacts(facts, event);
  return {
    info: facts.info,
    head,
    members: [...facts.members.values()],
    standing: standingOf(facts),
    recent,
    ...(blockers === undefined ? {} : { blockers }),
  };
}
