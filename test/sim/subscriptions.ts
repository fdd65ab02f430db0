/** What one device listens to, how far it has each conversation, and how it gets what it lacks. */
import type { LogEvent } from '#src/wire/events.js';
import type { Device, Reply } from './device.js';

interface Subscription {
  readonly conv: string;
  /** Everything up to here is known; undefined: nothing was ever asked for. */
  have: number | undefined;
  /** Where the present subscription stands. */
  state: 'off' | 'asked' | 'on';
  /** The last seq it was shown or told to lack. */
  last: number;
  /** What it was told to lack and pulls now: after `from` up to `to`. */
  pull: { from: number; to: number } | undefined;
  isPulling: boolean;
  /** Counts subscriptions: a page for an earlier one is nobody's. */
  round: number;
}

/** A subscription that was asked for. Unsubscribing afterwards cancels it. */
interface Asked {
  readonly conv: string;
  readonly have: number | undefined;
  isCancelled: boolean;
}

export class Subscriptions {
  private readonly device: Device;
  private readonly byConversation = new Map<string, Subscription>();
  private readonly asked = new Set<Asked>();

  constructor(device: Device) {
    this.device = device;
  }

  get size(): number {
    return this.byConversation.size;
  }

  get conversations(): string[] {
    return [...this.byConversation.keys()];
  }

  /** Nothing is being asked for or pulled. */
  get isSettled(): boolean {
    return (
      this.asked.size === 0 &&
      [...this.byConversation.values()].every(({ state, pull }) => state === 'on' && pull === undefined)
    );
  }

  /** For a run that does not end: what is not settled. */
  describe(): string {
    const open = [...this.byConversation.values()].filter(
      ({ state, pull }) => state !== 'on' || pull !== undefined,
    );
    return `asks for ${this.asked.size}, ${open.map(({ conv, state, pull }) => `${conv} ${state} ${JSON.stringify(pull)}`).join(' ')}`;
  }

  /** Listens from now on, or again: a second subscription on a live socket is allowed. */
  want(conv: string): void {
    let subscription = this.byConversation.get(conv);
    if (subscription === undefined) {
      subscription = {
        conv,
        have: undefined,
        state: 'off',
        last: 0,
        pull: undefined,
        isPulling: false,
        round: 0,
      };
      this.byConversation.set(conv, subscription);
    }
    if (subscription.state !== 'asked') this.subscribe(subscription);
  }

  drop(conv: string): void {
    const before = [...this.asked].filter((asked) => asked.conv === conv);
    this.device.ask({ op: 'unsubscribe', conv }, (reply) => {
      if (reply === undefined || 'err' in reply) return;
      // Subscriptions that were under way and are not answered yet are cancelled with it.
      for (const asked of before) asked.isCancelled = true;
      this.device.stream.push({ kind: 'unsubscribed', conv });
      this.forget(conv);
    });
  }

  forget(conv: string): void {
    const subscription = this.byConversation.get(conv);
    if (subscription === undefined) return;
    subscription.round += 1;
    this.byConversation.delete(conv);
  }

  onLive(): void {
    for (const subscription of this.byConversation.values()) this.subscribe(subscription);
  }

  onClosed(): void {
    for (const subscription of this.byConversation.values()) {
      subscription.state = 'off';
      subscription.round += 1;
      subscription.isPulling = false;
    }
  }

  onEvent(event: LogEvent): void {
    const subscription = this.byConversation.get(event.conv);
    if (subscription === undefined || subscription.state !== 'on') return;
    subscription.last = Math.max(subscription.last, event.seq);
    if (subscription.pull === undefined) subscription.have = subscription.last;
  }

  onGap({ conv, have, head }: { conv: string; have: number; head: number }): void {
    const subscription = this.byConversation.get(conv);
    if (subscription === undefined) return;
    const from = subscription.pull?.from ?? Math.min(have, subscription.last);
    subscription.pull = { from, to: Math.max(subscription.pull?.to ?? 0, head) };
    subscription.last = Math.max(subscription.last, head);
    this.pull(subscription);
  }

  private subscribe(subscription: Subscription): void {
    const { device } = this;
    const { conv } = subscription;
    // Now and then a client has lost what it had, and begins with what is live.
    const have = device.host.random.chance(0.9) ? (subscription.pull?.from ?? subscription.have) : undefined;
    const asked: Asked = { conv, have, isCancelled: false };
    const operation =
      have === undefined ? { op: 'subscribe' as const, conv } : { op: 'subscribe' as const, conv, have };
    const isSent = device.ask(operation, (reply) => {
      this.asked.delete(asked);
      if (reply !== undefined && !asked.isCancelled) this.onReply(asked, reply);
    });
    if (!isSent) return;
    this.asked.add(asked);
    if (subscription.state === 'off') subscription.state = 'asked';
  }

  private onReply({ conv, have }: Asked, reply: Exclude<Reply, undefined>): void {
    const { device } = this;
    const subscription = this.byConversation.get(conv);
    if ('err' in reply) {
      if (subscription === undefined) return;
      if (reply.code === 'not_found') return this.forget(conv);
      if (subscription.state === 'asked') subscription.state = 'off';
      device.host.after((reply.retryMs ?? 100) + device.host.random.next() * 100, () => {
        if (this.byConversation.get(conv) === subscription) this.subscribe(subscription);
      });
      return;
    }
    const head = reply.head ?? 0;
    device.stream.push({ kind: 'subscribed', conv, head, have });
    const last = have ?? head;
    const round = (subscription?.round ?? 0) + 1;
    this.byConversation.set(conv, {
      conv,
      have: last,
      state: 'on',
      last,
      pull: undefined,
      isPulling: false,
      round,
    });
  }

  private pull(subscription: Subscription): void {
    const { device } = this;
    const { conv, pull, round } = subscription;
    if (pull === undefined || subscription.isPulling) return;
    const headMin = device.host.ackedSeq(conv);
    subscription.isPulling = device.ask({ op: 'history', conv, after: pull.from, limit: 40 }, (reply) => {
      if (round !== subscription.round || reply === undefined) return;
      subscription.isPulling = false;
      if ('ack' in reply) this.onPulled(subscription, reply.events ?? [], reply.head ?? 0, headMin);
      else if (reply.code === 'not_found') return;
      else
        device.host.after((reply.retryMs ?? 100) + device.host.random.next() * 100, () =>
          this.pullAgain(subscription, round),
        );
    });
  }

  private pullAgain(subscription: Subscription, round: number): void {
    if (round === subscription.round) this.pull(subscription);
  }

  private onPulled(subscription: Subscription, events: LogEvent[], head: number, headMin: number): void {
    const { conv, pull } = subscription;
    this.device.host.totals.pages += 1;
    this.device.stream.push({ kind: 'page', conv, head, events, headMin });
    if (pull === undefined) return;
    pull.from = events.at(-1)?.seq ?? pull.to;
    if (pull.from < pull.to) return this.pull(subscription);
    subscription.pull = undefined;
    subscription.have = subscription.last;
  }
}
