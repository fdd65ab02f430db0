/** All conversations a client listens to: asked for again on each connection, and their holes filled (W10, W12). */
import type { RuntimePorts } from '#src/runtime/ports.js';
import type { UnknownEvent } from '#src/wire/codec.js';
import type { Ack, ControlEvent, LogEvent } from '#src/wire/events.js';
import { wireLimits } from '#src/wire/limits.js';
import { ClientError } from './errors.js';
import type { Answers, Outbox } from './outbox.js';
import { Subscription } from './subscription.js';

/** A page that should not be empty is asked for again so often, each time after a longer pause. */
const emptyPagesMax = 5;
const emptyPageMs = 200;
/** Missed events of a conversation that is followed with all others: of more, none are pulled. */
const followedCatchUpMax = 500;

export interface Gap {
  readonly conv: string;
  /** The events after `have` up to `head` are being pulled. */
  readonly have: number;
  readonly head: number;
  /** They are not: there are too many, and events go on after `head`. */
  readonly isSkipped?: true;
}

export interface SubscriptionsListener {
  onEvent(event: LogEvent | ControlEvent<'unsubscribed'>): void;
  onGap(gap: Gap): void;
}

/** Who follows one conversation more closely than the application's `onEvent` does. */
export interface Feed {
  /** When more than so many events are missing it begins anew at the head. */
  readonly catchUpMax: number;
  /** The stream begins after this seq. */
  onBegin(have: number): void;
  /** The next event; those of unknown kinds as well. */
  onEvent(event: LogEvent | UnknownEvent): void;
  /** The subscription is over. */
  onEnd(): void;
}

interface Entry {
  feed: Feed | undefined;
  readonly subscription: Subscription;
  /** Of the application, until the first answer. */
  first: Answers | undefined;
  isPulling: boolean;
  emptyPages: number;
  /** It is heard only because all are followed: the server begins it by itself. */
  isFollowed: boolean;
}

export class Subscriptions {
  private readonly outbox: Outbox;
  private readonly ports: RuntimePorts;
  private readonly listener: SubscriptionsListener;
  private readonly entries = new Map<string, Entry>();
  private isFollowing = false;

  constructor(outbox: Outbox, ports: RuntimePorts, listener: SubscriptionsListener) {
    this.outbox = outbox;
    this.ports = ports;
    this.listener = listener;
  }

  /** The last seq that was delivered of a conversation; undefined when it is not listened to. */
  have(conv: string): number | undefined {
    return this.entries.get(conv)?.subscription.have;
  }

  /** Listens from `have` + 1, or from now on; a subscription that exists is kept as it is. */
  add(conv: string, have: number | undefined, answers: Answers, feed?: Feed): void {
    const existing = this.entries.get(conv);
    if (existing !== undefined) return this.addTo(existing, answers, feed);
    const subscription = new Subscription(conv, have);
    const entry: Entry = {
      subscription,
      feed,
      first: answers,
      isPulling: false,
      emptyPages: 0,
      isFollowed: false,
    };
    this.entries.set(conv, entry);
    this.ask(entry);
  }

  /** From now on conversations begin by themselves, or do no more. */
  follow(isFollowing: boolean): void {
    this.isFollowing = isFollowing;
    if (!isFollowing) this.onAll(new Set());
  }

  /** What is followed is none of these any more. */
  onAll(convs: ReadonlySet<string>): void {
    for (const entry of [...this.entries.values()])
      if (entry.isFollowed && !convs.has(entry.subscription.conv)) this.drop(entry);
  }

  /** How a conversation stands, from elsewhere. */
  onChanged({
    conv,
    head,
    standing,
  }: {
    conv: string;
    head?: number | undefined;
    standing?: string | undefined;
  }): void {
    const entry = this.entries.get(conv);
    if (entry?.isFollowed !== true) return;
    if (standing !== undefined && standing !== 'member') this.drop(entry);
    else if (head !== undefined) this.learn(conv, head);
  }

  /** The entry of a conversation, which begins after `have` when it is followed with all others. */
  private entryOf(conv: string, have: number): Entry | undefined {
    const known = this.entries.get(conv);
    if (known !== undefined || !this.isFollowing) return known;
    const entry: Entry = {
      ...{ subscription: new Subscription(conv, have), feed: undefined, first: undefined },
      ...{ isPulling: false, emptyPages: 0, isFollowed: true },
    };
    this.entries.set(conv, entry);
    return entry;
  }

  private addTo(entry: Entry, answers: Answers, feed: Feed | undefined): void {
    const { conv, have } = entry.subscription;
    if (entry.first !== undefined || have === undefined || (feed !== undefined && entry.feed !== undefined)) {
      answers.failed(new ClientError('conflict', 'This conversation is being subscribed to already.'));
      return;
    }
    entry.feed ??= feed;
    feed?.onBegin(have);
    // It is heard already, and from now on also when it is silent, or nothing else is followed.
    if (entry.isFollowed) {
      entry.isFollowed = false;
      this.ask(entry);
    }
    answers.acked({ ack: 0, conv, head: have });
  }

  remove(conv: string): void {
    const entry = this.entries.get(conv);
    if (entry === undefined) return;
    this.drop(entry);
    entry.first?.failed(new ClientError('closed', 'It was unsubscribed before the server had answered.'));
  }

  /** The client has ended: nothing is listened to any more. */
  end(error: ClientError): void {
    const entries = [...this.entries.values()];
    this.entries.clear();
    for (const { first, feed } of entries) {
      first?.failed(error);
      feed?.onEnd();
    }
  }

  /** On a new connection. */
  onLive(): void {
    for (const entry of this.entries.values()) if (!entry.isFollowed) this.ask(entry);
  }

  private ask(entry: Entry): void {
    const { conv, have } = entry.subscription;
    this.outbox.ask(
      { op: 'subscribe', conv, ...(have === undefined ? {} : { have }) },
      { acked: (ack) => this.answered(entry, ack), failed: (error) => this.refused(entry, error) },
      { survives: false },
    );
  }

  private answered(entry: Entry, ack: Ack): void {
    if (!this.isCurrent(entry)) return;
    const { subscription, first, feed } = entry;
    subscription.began(ack.head ?? 0);
    entry.first = undefined;
    if (first !== undefined) feed?.onBegin(subscription.have ?? 0);
    first?.acked(ack);
  }

  /** `unavailable` means that the connection went: the next one asks again. Anything else is for good. */
  private refused(entry: Entry, error: ClientError): void {
    if (!this.isCurrent(entry) || error.code === 'unavailable') return;
    this.drop(entry);
    if (entry.first !== undefined) entry.first.failed(error);
    else this.listener.onEvent({ ev: 'unsubscribed', conv: entry.subscription.conv });
  }

  private drop({ subscription, feed }: Entry): void {
    this.entries.delete(subscription.conv);
    feed?.onEnd();
  }

  private isCurrent(entry: Entry): boolean {
    return this.entries.get(entry.subscription.conv) === entry;
  }

  onLogEvent(event: LogEvent | UnknownEvent): void {
    const entry = this.entryOf(event.conv, event.seq - 1);
    if (entry === undefined) return;
    this.deliver(entry, event);
    this.fill(entry);
  }

  private deliver(entry: Entry, event: LogEvent | UnknownEvent): void {
    for (const due of entry.subscription.take(event)) {
      entry.feed?.onEvent(due);
      if (due.ev !== 'unknown') this.listener.onEvent(due);
    }
  }

  onGap({ conv, have, head }: ControlEvent<'gap'>): void {
    this.entryOf(conv, have);
    this.learn(conv, head);
  }

  onResumed({ conv, upTo }: ControlEvent<'resumed'>): void {
    this.entryOf(conv, upTo);
    this.learn(conv, upTo);
  }

  private learn(conv: string, head: number): void {
    const entry = this.entries.get(conv);
    if (entry === undefined) return;
    entry.subscription.learn(head);
    this.fill(entry);
  }

  onUnsubscribed(event: ControlEvent<'unsubscribed'>): void {
    if (!this.entries.has(event.conv)) return;
    this.remove(event.conv);
    this.listener.onEvent(event);
  }

  /** Pulls what is missing, a page at a time; what comes live meanwhile waits its turn. */
  private fill(entry: Entry): void {
    const { subscription } = entry;
    const { conv, have, missingUpTo } = subscription;
    if (entry.isPulling || missingUpTo === undefined || have === undefined) return;
    if (entry.isFollowed && missingUpTo - have > followedCatchUpMax) {
      subscription.jump(missingUpTo);
      return this.listener.onGap({ conv, have, head: missingUpTo, isSkipped: true });
    }
    this.listener.onGap({ conv, have, head: missingUpTo });
    if (entry.feed !== undefined && missingUpTo - have > entry.feed.catchUpMax) {
      subscription.jump(missingUpTo);
      return entry.feed.onBegin(missingUpTo);
    }
    entry.isPulling = true;
    this.pull(entry, have);
  }

  private pull(entry: Entry, after: number): void {
    this.outbox.ask(
      { op: 'history', conv: entry.subscription.conv, after, limit: wireLimits.historyEventsMax },
      { acked: (ack) => this.onPage(entry, ack.events ?? []), failed: () => this.giveUp(entry) },
    );
  }

  private onPage(entry: Entry, events: readonly LogEvent[]): void {
    if (!this.isCurrent(entry)) return;
    const before = entry.subscription.have;
    for (const event of events) this.deliver(entry, event);
    const { have, missingUpTo } = entry.subscription;
    if (missingUpTo === undefined || have === undefined) {
      entry.isPulling = false;
      entry.emptyPages = 0;
      return;
    }
    if (have !== before) {
      entry.emptyPages = 0;
      this.pull(entry, have);
      return;
    }
    entry.emptyPages += 1;
    if (entry.emptyPages > emptyPagesMax) return this.giveUp(entry);
    this.ports.timers.after(emptyPageMs * 2 ** entry.emptyPages, () => {
      if (this.isCurrent(entry)) this.pull(entry, entry.subscription.have ?? have);
    });
  }

  /** The hole cannot be filled (no member any more, or a fault): rather no subscription than one with a hole. */
  private giveUp(entry: Entry): void {
    if (!this.isCurrent(entry)) return;
    this.drop(entry);
    this.listener.onEvent({ ev: 'unsubscribed', conv: entry.subscription.conv });
  }
}
