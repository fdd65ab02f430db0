/** The reading side of an active conversation: subscriptions, history, read marks, typing. */

import { decorate, editedElsewhere, type PageRead, repliedTo, upToDate, withoutDeleted } from '#src/pages.js';
import type { TieredPage } from '#src/storage/ports.js';
import { type Backlog, frontOf, type Refusal } from '#src/threads/messages.js';
import type { LogEvent } from '#src/wire/events.js';
import { wireLimits } from '#src/wire/limits.js';
import type { ConversationMessage } from '../messages.js';
import type { Pending } from './pending.js';
import type { ConversationContext, ConversationPorts } from './ports.js';
import { cutPage, fitsBacklog, rangeOf, reachOf } from './reading.js';
import { Receipts } from './receipts.js';
import { mayType, standing } from './standing.js';
import type { ConversationState } from './state.js';
import { Typing } from './typing.js';

type MarkKind = 'read' | 'delivered' | 'unread';
type Message<Kind extends ConversationMessage['kind']> = Extract<ConversationMessage, { kind: Kind }>;

/** Events, and the way back to the tiers that lack them. */
type Read = Pick<PageRead, 'events' | 'keep'>;

const notFound: Refusal = { code: 'not_found', message: 'There is no such conversation.' };
const unreadable: Refusal = {
  code: 'unavailable',
  message: 'The database could not be read now.',
  retryMs: 250,
};

/** How often a page is asked about again when more was changed meanwhile than is remembered. */
const readsMax = 3;

/** What waits as long as it is not settled who is a member. */
export type Asking = Message<'subscribe' | 'history' | 'quiet' | MarkKind>;

export class Reader {
  readonly receipts: Receipts;
  private hasEnded = false;
  private readonly context: ConversationContext;
  private readonly ports: ConversationPorts;
  private readonly state: ConversationState;
  private readonly pending: Pending;
  readonly typing: Typing;

  constructor(
    context: ConversationContext,
    ports: ConversationPorts,
    state: ConversationState,
    pending: Pending,
  ) {
    this.context = context;
    this.ports = ports;
    this.state = state;
    this.pending = pending;
    this.receipts = new Receipts(context, ports, state);
    this.typing = new Typing(context, ports);
  }

  /** `wait`: whether the user is a member depends on an operation that is not settled (L6). */
  receive(message: Asking): 'done' | 'wait' {
    const who = standing(this.state, this.pending, message.user);
    if (who === 'undecided') return 'wait';
    if (who === 'stranger') {
      this.refuse(message.request, notFound);
      return 'done';
    }
    if (message.kind === 'subscribe') this.onSubscribe(message);
    else if (message.kind === 'history') this.onHistory(message);
    else if (message.kind === 'quiet') this.onQuiet(message);
    else this.onMark(message);
    return 'done';
  }

  onTyping({ user, active, at }: Message<'typing'>): void {
    const now = this.ports.clock.now();
    if (now - at > wireLimits.ephemeralMs) return;
    if (mayType({ state: this.state, pending: this.pending, now }, user)) this.typing.note(user, active);
  }

  /** A front whose subscribers outlived a shard: it is told what it lacks, then live publishing goes on. */
  onRegister(front: number, have: number): void {
    const conv = this.context.id;
    const { seq } = this.state.head;
    const events = this.state.window.between(have, seq + 1);
    if (have > seq || events === undefined) this.ports.post(front, { kind: 'missed', conv, head: seq });
    else if (events.length > 0) this.ports.post(front, { kind: 'publish', conv, events });
    this.ports.publisher.subscribe(front, conv, seq);
  }

  /** What is being read for it is not told any more: this instance does not hear who was banned, or what deleted. */
  end(): void {
    this.hasEnded = true;
  }

  /** The older part of a backlog came from the store; what was committed since is in the window. */
  onBacklogRead({ request, user, have, page }: Message<'backlog read'>): void {
    if (standing(this.state, this.pending, user) !== 'member') return this.refuse(request, notFound);
    if (page === undefined) return this.refuse(request, unreadable);
    const events = this.broughtUpToDate(page, user);
    const last = page.events.at(-1)?.seq ?? have;
    // What has left the log lacks here, and is never passed over in silence (W12, L16).
    if (events === undefined || events.length !== last - have)
      return this.subscribe(request, { kind: 'gap', have });
    const rest = this.state.window.between(last, this.state.head.seq + 1);
    if (rest === undefined || events.length + rest.length > wireLimits.backlogEventsMax) {
      return this.subscribe(request, { kind: 'gap', have });
    }
    this.subscribeWith(request, have, [...events, ...rest]);
  }

  private onSubscribe({ request, user, have }: Message<'subscribe'>): void {
    const head = this.state.head.seq;
    if (have === undefined) return this.subscribe(request, { kind: 'none' });
    if (have > head || head - have > wireLimits.backlogEventsMax) {
      return this.subscribe(request, { kind: 'gap', have: Math.min(have, head) });
    }
    const events = this.state.window.between(have, head + 1);
    if (events !== undefined) return this.subscribeWith(request, have, events);
    const range = { conv: this.context.id, after: have, before: head + 1, limit: head - have, last: false };
    this.ports.store.read(range, (result) => {
      const tell = (page: PageRead | undefined) =>
        this.context.tellSelf({ kind: 'backlog read', request, user, have, page });
      if (result.kind === 'failed') tell(undefined);
      else this.findOut(result, user, tell);
    });
  }

  private subscribeWith(request: number, have: number, events: LogEvent[]): void {
    this.subscribe(request, fitsBacklog(events) ? { kind: 'events', events } : { kind: 'gap', have });
  }

  /** Fixes the head: the answer goes the same ordered way as the events that follow it (W10). */
  private subscribe(request: number, backlog: Backlog): void {
    const front = frontOf(request);
    const conv = this.context.id;
    const head = this.state.head.seq;
    this.ports.publisher.subscribe(front, conv, head);
    this.ports.post(front, { kind: 'subscribed', request, conv, head, backlog });
  }

  private onHistory(message: Message<'history'>): void {
    const conv = this.context.id;
    const head = this.state.head.seq;
    const range = rangeOf(message, head);
    const known = this.state.window.between(range.after, range.before);
    const answer = ({ events, keep }: TieredPage) =>
      this.readPage({ events: cutPage(events, range.last), keep }, message.user, (page) =>
        this.answerHistory(message, page, head),
      );
    if (known !== undefined) return answer({ kind: 'events', events: known });
    const reach = reachOf(message, range, head);
    this.ports.store.read({ conv, ...range, ...reach, ...this.ageOf(reach.before) }, (result) => {
      if (result.kind === 'failed') this.refuse(message.request, unreadable);
      else answer(result);
    });
  }

  /** The events with what has become of their messages, now; undefined when the store could not say. */
  private readPage(
    read: Read,
    user: string,
    done: (events: readonly LogEvent[] | undefined) => void,
    tries = readsMax,
  ): void {
    this.findOut(read, user, (page) => {
      const told = page && this.broughtUpToDate(page, user);
      if (page === undefined || told !== undefined || tries === 1) done(told);
      else this.readPage(read, user, done, tries - 1);
    });
  }

  /** What the store knows of the messages of a page. */
  private findOut({ events, keep }: Read, user: string, done: (page: PageRead | undefined) => void): void {
    const conv = this.context.id;
    const askedAt = this.state.head.seq;
    const [first, last] = [events[0], events.at(-1)];
    const replies = repliedTo(events);
    if (first === undefined || last === undefined || (!this.state.isChanged && replies.length === 0))
      return done({ events, keep, askedAt, changed: [], parents: [] });
    const range = { conv, from: first.seq, to: last.seq, named: editedElsewhere(events), user };
    this.ports.store.changed(range, (found) => {
      if (found.kind === 'failed') return done(undefined);
      const changed = found.messages;
      if (replies.length === 0) return done({ events, keep, askedAt, changed, parents: [] });
      this.ports.store.parents({ conv, messages: replies }, (result) =>
        done(
          result.kind === 'failed' ? undefined : { events, keep, askedAt, changed, parents: result.parents },
        ),
      );
    });
  }

  /** With what was changed since the store was asked; undefined: more than is remembered. */
  private broughtUpToDate(page: PageRead, user: string): LogEvent[] | undefined {
    const since = this.state.changes.since(page.askedAt);
    if (since === undefined) return undefined;
    const told = upToDate(page, since, user);
    page.keep?.(withoutDeleted(told));
    return decorate(told);
  }

  /** What lies wholly before the window is older than it. */
  private ageOf(before: number): { writtenBefore?: number } {
    const { firstSeq, firstAt } = this.state.window;
    return firstAt !== undefined && before <= firstSeq ? { writtenBefore: firstAt } : {};
  }

  /** Who was shown the door meanwhile is shown no more. */
  private answerHistory(
    { request, user }: Message<'history'>,
    events: readonly LogEvent[] | undefined,
    head: number,
  ): void {
    if (events === undefined || this.hasEnded) return this.refuse(request, unreadable);
    if (standing(this.state, this.pending, user) === 'stranger') return this.refuse(request, notFound);
    this.ports.post(frontOf(request), {
      kind: 'ack',
      request,
      conv: this.context.id,
      head,
      events: [...events],
    });
  }

  /**
   * A mark counts messages, a seq counts everything: the last message at or before it decides. What is taken back to
   * unread is the message at seq itself, so the one before it decides.
   */
  private onMark({ kind: what, request, user, seq }: Message<MarkKind>): void {
    const conv = this.context.id;
    const upTo = Math.min(seq, this.state.head.seq);
    const at = what === 'unread' ? Math.max(0, upTo - 1) : upTo;
    const mark = (number: number): void => {
      this.ports.tellWriter({ kind: 'mark', what, request, conv, user, number, seq: upTo });
      // One's other devices hear at once; those of others when it is stored, and not of everything.
      if (what === 'delivered') return;
      const back = what === 'unread' ? { back: true as const } : {};
      this.ports.notify(user, { ev: 'read.update', conv, marks: [[user, number, 0]], ...back });
    };
    if (at === 0) return mark(0);
    const known = this.state.window.between(at - 1, at + 1)?.[0];
    if (known !== undefined) return mark(known.number);
    // The one before it, when it has left the log; none at all moves no mark, since marks only grow (L14).
    this.ports.store.read({ conv, after: 0, before: at + 1, limit: 1, last: true }, (result) => {
      if (result.kind === 'failed') return this.refuse(request, unreadable);
      mark(result.events[0]?.number ?? 0);
    });
  }

  /** Nobody's business but theirs: it goes the way of their mark, and their other devices hear of it. */
  private onQuiet({ request, user, until }: Message<'quiet'>): void {
    const conv = this.context.id;
    const { seq } = this.state.head;
    this.ports.tellWriter({ kind: 'mark', what: 'quiet', request, conv, user, number: until, seq });
    this.ports.notify(user, { ev: 'quiet.update', conv, ...(until < 0 ? {} : { until }) });
  }

  private refuse(request: number, refusal: Refusal): void {
    this.ports.post(frontOf(request), { kind: 'err', request, ...refusal });
  }
}
