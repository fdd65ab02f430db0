/**
 * What a shard tells its fronts: which front has subscribers of which conversation, and up to which seq they were
 * told. It lives outside the actors, so that it survives their crashes: a conversation that comes back learns from
 * `lastSeq` what was committed and not published (P6).
 *
 * A front whose link has no room is not told less without knowing it. The conversation is marked as lagging for that
 * front, nothing more of it is posted there, and once there is room again one `missed` says up to where it lacks
 * events; then publishing goes on.
 */
import type { ControlEvent, LogEvent } from '../wire/events.js';
import type { Link } from './link.js';
import type { ToFront } from './messages.js';
import { bytesToFront, messageBytes } from './weights.js';

/** The part of a front's link that the publisher needs. */
export type FrontPost = Pick<Link<ToFront, never>, 'post' | 'postOrQueue' | 'onCredit'>;

export interface PublisherCounters {
  /** Conversations with an interested front. */
  readonly conversations: number;
  /** Pairs of front and conversation that wait for room. */
  readonly lagging: number;
  /** `missed` told because a link had no room. */
  readonly missedTold: number;
  readonly ephemeralShed: number;
}

/** Users kept for a conversation that lags; beyond them a front finds out by asking. */
const goneMax = 1000;
const goneBytes = 64;

/** There is one for every conversation somebody listens to, in memory or not: it is kept small. */
interface Topic {
  /** Numbers of the interested fronts: a handful, so a list. Never changed, so that those of one front share theirs. */
  fronts: readonly number[];
  lastSeq: number;
}

interface Front {
  /** Of the conversations in which it alone is interested. */
  readonly alone: readonly number[];
  /** By conversation who has lost it meanwhile, and must hear nothing more of it, not even that there is more (G7). */
  readonly lagging: Map<string, Set<string>>;
  /** The link whose `onCredit` we hear. */
  heard: FrontPost | undefined;
}

/** `posts`: the link to a front; undefined while there is none, then nothing is posted (its subscribers are gone). */
export function createPublisher(options: { posts: (front: number) => FrontPost | undefined }): Publisher {
  return new Publisher(options.posts);
}

export class Publisher {
  private readonly posts: (front: number) => FrontPost | undefined;
  private readonly topics = new Map<string, Topic>();
  private readonly fronts = new Map<number, Front>();
  private missedTold = 0;
  private ephemeralShed = 0;

  constructor(posts: (front: number) => FrontPost | undefined) {
    this.posts = posts;
  }

  /**
   * From now on the front hears of every event after `head`, which must be the conversation's present head: the
   * fronts already interested are told `missed` if they were not told so far; a head below what was published is a
   * bug and throws.
   */
  subscribe(front: number, conv: string, head: number): void {
    const topic = this.topics.get(conv);
    if (topic === undefined) {
      this.topics.set(copied(conv), { fronts: this.frontOf(front).alone, lastSeq: head });
    } else {
      if (head < topic.lastSeq) {
        throw new Error(`${conv} was published up to ${topic.lastSeq}, its head is said to be ${head}`);
      }
      if (head > topic.lastSeq) this.missed(conv, head);
      if (!topic.fronts.includes(front)) topic.fronts = [...topic.fronts, front];
    }
  }

  unregister(front: number, conv: string): void {
    this.fronts.get(front)?.lagging.delete(conv);
    const topic = this.topics.get(conv);
    if (topic !== undefined) this.leave(front, conv, topic);
  }

  /** The last seq told to the interested fronts; undefined when none is interested. */
  lastSeq(conv: string): number | undefined {
    return this.topics.get(conv)?.lastSeq;
  }

  /**
   * Committed events, in order, without a hole after what was published; those published before are left out.
   * Throws on a hole, before anything is posted.
   */
  publish(conv: string, events: readonly LogEvent[]): void {
    const topic = this.topics.get(conv);
    if (topic === undefined) return;
    const fresh = eventsAfter(topic.lastSeq, conv, events);
    const last = fresh.at(-1);
    if (last === undefined) return;
    topic.lastSeq = last.seq;
    this.tellAll(topic, { kind: 'publish', conv, events: fresh });
  }

  /** The fronts will not be given the events up to `head`: they are told so. */
  missed(conv: string, head: number): void {
    const topic = this.topics.get(conv);
    if (topic === undefined || head <= topic.lastSeq) return;
    topic.lastSeq = head;
    this.tellAll(topic, { kind: 'missed', conv, head });
  }

  /** Shed without a word where there is no room (P8). `to`: only for the sockets of these users. */
  ephemeral(
    conv: string,
    event: ControlEvent | readonly ControlEvent[],
    at: number,
    to?: readonly string[],
  ): void {
    const topic = this.topics.get(conv);
    if (topic === undefined) return;
    for (const front of topic.fronts) {
      const isFull = (this.fronts.get(front)?.lagging.size ?? 0) > 0;
      const message = { kind: 'ephemeral', conv, event, at, ...(to === undefined ? {} : { to }) } as const;
      if (isFull || this.posts(front)?.post(message, bytesToFront(message)) !== true) this.ephemeralShed += 1;
    }
  }

  /** The front and all its subscribers are gone. To be called before a new link to its successor is used. */
  frontGone(front: number): void {
    this.fronts.delete(front);
    for (const [conv, topic] of this.topics) this.leave(front, conv, topic);
  }

  counters(): PublisherCounters {
    let lagging = 0;
    for (const front of this.fronts.values()) lagging += front.lagging.size;
    const { missedTold, ephemeralShed } = this;
    return { conversations: this.topics.size, lagging, missedTold, ephemeralShed };
  }

  private tellAll(topic: Topic, message: Extract<ToFront, { kind: 'publish' | 'missed' }>): void {
    const bytes = bytesToFront(message);
    for (const front of topic.fronts) {
      const state = this.frontOf(front);
      const lagging = state.lagging.get(message.conv);
      if (lagging !== undefined) {
        noteGone(lagging, message);
        continue;
      }
      const link = this.posts(front);
      if (link === undefined || link.postOrQueue(message, bytes)) continue;
      const gone = new Set<string>();
      noteGone(gone, message);
      state.lagging.set(message.conv, gone);
      this.hearCredit(front, state, link);
    }
  }

  private hearCredit(front: number, state: Front, link: FrontPost): void {
    if (state.heard === link) return;
    state.heard = link;
    link.onCredit(() => {
      if (this.fronts.get(front) === state && state.heard === link) this.tellLagging(state, link);
    });
  }

  private tellLagging(state: Front, link: FrontPost): void {
    for (const [conv, users] of state.lagging) {
      const head = this.topics.get(conv)?.lastSeq;
      if (head !== undefined) {
        const gone = users.size === 0 ? {} : { gone: [...users] };
        if (!link.postOrQueue({ kind: 'missed', conv, head, ...gone }, messageBytes + users.size * goneBytes))
          return;
        this.missedTold += 1;
      }
      state.lagging.delete(conv);
    }
  }

  private leave(front: number, conv: string, topic: Topic): void {
    if (!topic.fronts.includes(front)) return;
    const [first, ...others] = topic.fronts.filter((other) => other !== front);
    if (first === undefined) this.topics.delete(conv);
    else topic.fronts = others.length === 0 ? this.frontOf(first).alone : [first, ...others];
  }

  private frontOf(front: number): Front {
    let state = this.fronts.get(front);
    if (state === undefined) {
      state = { alone: [front], lagging: new Map(), heard: undefined };
      this.fronts.set(front, state);
    }
    return state;
  }
}

/** Whoever loses the conversation with one of these events, and does not come back with another. */
function noteGone(gone: Set<string>, message: Extract<ToFront, { kind: 'publish' | 'missed' }>): void {
  if (message.kind === 'missed') return;
  for (const event of message.events) {
    if (event.ev === 'member.join') gone.delete(event.from);
    else if (event.ev === 'member.add') gone.delete(event.user);
    else if (gone.size >= goneMax) continue;
    else if (event.ev === 'member.leave') gone.add(event.from);
    else if (event.ev === 'member.remove' || event.ev === 'member.ban') gone.add(event.user);
  }
}

/** The name of an actor may be a piece of its address, and would hold it in memory as a whole. */
function copied(text: string): string {
  return Buffer.from(text).toString();
}

function eventsAfter(seq: number, conv: string, events: readonly LogEvent[]): readonly LogEvent[] {
  const isFresh = events[0] === undefined || events[0].seq > seq;
  const fresh = isFresh ? events : events.filter((event) => event.seq > seq);
  let next = seq;
  for (const event of fresh) {
    next += 1;
    if (event.seq !== next) throw new Error(`${conv}: ${event.seq} published where ${next} was next`);
  }
  return fresh;
}
