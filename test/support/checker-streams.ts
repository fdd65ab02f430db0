/** What each client was shown, against the log: P4, P5, P6, R5, and that nobody sees what is not theirs to see. */
import type { LogEvent } from '#src/wire/events.js';
import type { RunRecord, StreamItem, StreamRecord, Violation } from './checker.js';
import { type LogIndex, membershipKey, placeOf } from './checker-log.js';

export function checkStreams(record: RunRecord, index: LogIndex): Violation[] {
  return record.streams.flatMap((stream) => new StreamCheck(stream, index).run(record.isQuiet));
}

/** One subscription of a stream. */
interface Subscription {
  /** The conversation's head when it began: what comes up to it is backlog. */
  readonly head: number;
  /** The last seq it was shown, or was told to lack. */
  last: number;
}

class StreamCheck {
  private readonly stream: StreamRecord;
  private readonly index: LogIndex;
  private readonly violations: Violation[] = [];
  private readonly subscriptions = new Map<string, Subscription>();
  /** Told by `gap` and not seen since, by conversation. */
  private readonly missing = new Map<string, Set<number>>();

  constructor(stream: StreamRecord, index: LogIndex) {
    this.stream = stream;
    this.index = index;
  }

  run(isQuiet: boolean): Violation[] {
    for (const item of this.stream.items) this.take(item);
    if (isQuiet) this.checkEnd();
    return this.violations;
  }

  private take(item: StreamItem): void {
    switch (item.kind) {
      case 'subscribed':
        this.subscriptions.set(item.conv, { head: item.head, last: item.have ?? item.head });
        // What it lacks begins anew: with `have` it is told again, without it is given up.
        this.missing.delete(item.conv);
        this.checkMember(item.conv, item.head, 'was subscribed');
        return;
      case 'unsubscribed':
        this.end(item.conv);
        return;
      case 'closed':
        for (const conv of [...this.subscriptions.keys()]) this.end(conv);
        return;
      case 'event':
        return this.onEvent(item.event);
      case 'gap':
        return this.onGap(item);
      case 'resumed':
        return this.onResumed(item);
      case 'page':
        return this.onPage(item);
    }
  }

  private end(conv: string): void {
    this.subscriptions.delete(conv);
    this.missing.delete(conv);
  }

  private onEvent(event: LogEvent): void {
    this.checkContent(event);
    const subscription = this.subscriptions.get(event.conv);
    if (subscription === undefined) {
      this.blame('P6', `${placeOf(event)} came without a subscription`);
      return;
    }
    if (event.seq !== subscription.last + 1) {
      this.blame('P6', `${placeOf(event)} came where ${subscription.last + 1} was next`);
    }
    subscription.last = Math.max(subscription.last, event.seq);
    this.missing.get(event.conv)?.delete(event.seq);
    if (event.seq > subscription.head) this.checkMember(event.conv, event.seq, `was shown ${placeOf(event)}`);
  }

  private onGap(gap: Extract<StreamItem, { kind: 'gap' }>): void {
    const subscription = this.subscriptions.get(gap.conv);
    if (subscription === undefined) return this.blame('P6', `a gap in ${gap.conv} without a subscription`);
    if (gap.have > subscription.last) {
      this.blame('P6', `a gap in ${gap.conv} begins at ${gap.have}, the last seen was ${subscription.last}`);
    }
    const missing = this.missing.get(gap.conv) ?? new Set();
    for (let seq = subscription.last + 1; seq <= gap.head; seq += 1) missing.add(seq);
    this.missing.set(gap.conv, missing);
    subscription.last = Math.max(subscription.last, gap.head);
  }

  private onResumed({ conv, upTo }: Extract<StreamItem, { kind: 'resumed' }>): void {
    const subscription = this.subscriptions.get(conv);
    if (subscription === undefined) return this.blame('W10', `resumed ${conv} without a subscription`);
    if (upTo !== subscription.last) {
      this.blame('W10', `resumed ${conv} up to ${upTo}, the last seen was ${subscription.last}`);
    }
  }

  private onPage(page: Extract<StreamItem, { kind: 'page' }>): void {
    let previous: number | undefined;
    for (const event of page.events) {
      this.checkContent(event);
      if (previous !== undefined && event.seq !== previous + 1) {
        this.blame('W11', `a page of ${page.conv} has ${event.seq} after ${previous}`);
      }
      previous = event.seq;
      this.missing.get(page.conv)?.delete(event.seq);
    }
    if (page.headMin !== undefined && page.head < page.headMin) {
      this.blame('R5', `a page of ${page.conv} knows ${page.head}, ${page.headMin} was acked before`);
    }
  }

  private checkContent(event: LogEvent): void {
    const row = this.index.events.get(event.conv)?.[event.seq - 1];
    if (row === undefined) return this.blame('P5', `${placeOf(event)} was shown and is not in the log`);
    if (!isSame(row, event, this.index.changed.has(row.id)))
      this.blame('P5', `${placeOf(event)} was shown, the log has ${placeOf(row)}`);
  }

  /** A member at that seq: the event that ends a membership is still theirs to see. */
  private checkMember(conv: string, seq: number, what: string): void {
    const stretches = this.index.memberships.get(membershipKey(conv, this.stream.user)) ?? [];
    if (stretches.some(({ from, to }) => from <= seq && seq <= to)) return;
    this.blame('L6', `${what} at seq ${seq} of ${conv}, where they are no member`);
  }

  private checkEnd(): void {
    for (const [conv, { last }] of this.subscriptions) {
      const head = this.index.events.get(conv)?.at(-1)?.seq ?? 0;
      if (last < head)
        this.blame('P6', `was told ${conv} up to ${last} and nothing of ${last + 1} to ${head}`);
      const missing = this.missing.get(conv)?.size ?? 0;
      if (missing > 0) this.blame('P6', `${missing} events of ${conv} were told as a gap and never pulled`);
    }
  }

  private blame(rule: string, message: string): void {
    this.violations.push({ rule, message: `${this.stream.name}: ${message}` });
  }
}

/** @param isChanged what it says now need not be what it said: see checker-messages.ts */
function isSame(row: LogEvent, event: LogEvent, isChanged: boolean): boolean {
  if (row === event) return true;
  if (row.id !== event.id || row.ev !== event.ev || row.from !== event.from || row.at !== event.at)
    return false;
  if (row.number !== event.number) return false;
  if (row.ev === 'message.new' && event.ev === 'message.new')
    return isChanged || (row.text === event.text && row.replyTo === event.replyTo);
  if (row.ev === 'conversation.create' && event.ev === 'conversation.create') {
    return (
      row.type === event.type && row.members.length === event.members.length && row.title === event.title
    );
  }
  if ('user' in row) return 'user' in event && row.user === event.user;
  if ('message' in row) return 'message' in event && row.message === event.message;
  return true;
}
