/**
 * The conversations that sockets of this front listen to. Their events come from the shard in order; here they are
 * gathered per turn, encoded once for each codec in use and given to uWebSockets.js, which fans out.
 *
 * A topic lives while a socket is subscribed or a subscription is under way. Three things must hold for W10 and P6:
 * what came before a socket joins is published before it joins; its answer is sent before anything that comes
 * after; and whatever the shard did not deliver is told as a `gap`.
 */
import type { ToFront } from '../threads/messages.js';
import { encodeFrames, encodeMessages } from '../wire/codec.js';
import type { ControlEvent, LogEvent, ServerMessage } from '../wire/events.js';
import { wireLimits } from '../wire/limits.js';
import type { Codec } from '../wire/prescan.js';
import type { FrontCounters } from './counters.js';
import { HeldMarks } from './held-marks.js';
import type { FrontLimits } from './limits.js';
import type { BroadcastPort } from './ports.js';
import type { Session } from './session.js';
import type { Shards } from './shards.js';
import { Topic, topicName } from './topic.js';

export interface TopicsHost {
  readonly number: number;
  readonly shards: Shards;
  readonly broadcast: BroadcastPort;
  readonly limits: FrontLimits;
  readonly counters: FrontCounters;
  readonly clock: { now(): number };
  /** Counts the turns in which something was published. */
  turn(): number;
  /** Something waits for the end of this turn. */
  schedule(): void;
  /** Called before and after each publish: the moment when slow sockets may leave their topics. */
  settleSlow(): void;
  sessionsOf(user: string): Iterable<Session>;
  /** Events were missed that may have ended somebody's membership. */
  recheckMembers(topic: Topic): void;
  /** The user has lost the conversation, or has come to it with the event of this seq: those who follow all of theirs are looked at. */
  evicted(topic: Topic, user: string): void;
  came(conv: string, user: string, seq: number): void;
}

export class Topics {
  private readonly topics = new Map<string, Topic>();
  private readonly host: TopicsHost;
  /** With pending events or fresh sockets. */
  private readonly dirty = new Set<Topic>();
  private readonly heldMarks = new HeldMarks();
  /** Wanting a word with a shard that had no room: `register`, or `unregister` when nobody is left. */
  private readonly unsettled = new Set<Topic>();

  constructor(host: TopicsHost) {
    this.host = host;
  }

  get size(): number {
    return this.topics.size;
  }

  get(conv: string): Topic | undefined {
    return this.topics.get(conv);
  }

  /** A subscription is about to be asked for: keeps the topic until `subscribed` or `refused`. */
  expect(conv: string): Topic {
    let topic = this.topics.get(conv);
    if (topic === undefined) {
      topic = new Topic(conv, this.host.shards.of(conv));
      this.topics.set(conv, topic);
    }
    topic.subscribing += 1;
    return topic;
  }

  /** The subscription was refused, or never sent. */
  refused(topic: Topic): void {
    topic.subscribing -= 1;
    this.releaseIfUnused(topic);
  }

  /**
   * The shard publishes to this front and says that the conversation stands at `head`. Call `join` for the socket
   * or not, then `answered`.
   */
  subscribed(topic: Topic, head: number): void {
    this.flush(topic);
    topic.registered = true;
    if (topic.socketCount === 0) {
      topic.lastSeq = Math.max(topic.lastSeq, head);
      topic.publishedTurn = Number.NEGATIVE_INFINITY;
    }
    // The others of this topic should have heard of these events: the actor was started again in between.
    if (head > topic.lastSeq) this.missed(topic, head);
  }

  answered(topic: Topic): void {
    topic.subscribing -= 1;
    this.releaseIfUnused(topic);
  }

  /** Counts the socket in. */
  join(session: Session, topic: Topic): void {
    topic.sockets[session.codec] += 1;
  }

  /**
   * Sockets of members hear what comes after `have`, or after what the topic has told already; each is told which.
   * Nobody is asked whether they may: the caller knows.
   */
  follow(conv: string, have: number, sessions: readonly Session[]): Topic {
    // Sockets found slow a moment ago leave their topics first: one of these may be among them.
    this.host.settleSlow();
    let topic = this.topics.get(conv);
    if (topic === undefined) {
      topic = new Topic(conv, this.host.shards.of(conv));
      this.topics.set(conv, topic);
    }
    if (topic.socketCount === 0) {
      topic.lastSeq = have;
      topic.pending = [];
      topic.publishedTurn = Number.NEGATIVE_INFINITY;
      topic.registered = false;
    } else this.flush(topic);
    for (const session of sessions) {
      session.attach(topic);
      // Found slow only by that flush, it hears nothing yet: what comes until it has drained is a gap.
      session.backlogged?.haves?.set(topic, topic.lastSeq);
      session.tell({ ev: 'resumed', conv, upTo: topic.lastSeq });
      this.answerFirst(session, topic);
    }
    this.register(topic);
    return topic;
  }

  /** What the session is told in this turn goes out before the topic's next events do (W10). */
  answerFirst(session: Session, topic: Topic): void {
    topic.joined.push(session);
    this.markDirty(topic);
  }

  leave(session: Session, topic: Topic): void {
    topic.sockets[session.codec] -= 1;
    this.releaseIfUnused(topic);
  }

  /** Durable events, in order. */
  publish(conv: string, events: readonly LogEvent[]): void {
    const topic = this.topics.get(conv);
    if (topic === undefined || !topic.registered) return;
    for (const event of events) this.take(topic, event);
    if (topic.pending.length > 0) this.markDirty(topic);
  }

  private take(topic: Topic, event: LogEvent): void {
    if (event.seq <= topic.lastSeq) return;
    if (event.seq > topic.lastSeq + 1) {
      this.host.counters.holes += 1;
      this.flush(topic);
      this.missed(topic, event.seq - 1);
    }
    topic.pending.push(event);
    topic.lastSeq = event.seq;
    // Who may see changes here: everything up to it goes to the old circle, the rest to the new one.
    if (event.ev === 'member.leave') this.evict(topic, event.from);
    else if (event.ev === 'member.remove' || event.ev === 'member.ban') this.evict(topic, event.user);
    else if (event.ev === 'conversation.change' && event.state === 'deleted') {
      this.flush(topic);
      this.host.recheckMembers(topic);
    } else if (event.ev === 'member.join') this.host.came(topic.conv, event.from, event.seq);
    else if (event.ev === 'member.add') this.host.came(topic.conv, event.user, event.seq);
  }

  /** The user has lost the conversation: those of their sockets that hear it are told so, after what they may see. */
  evict(topic: Topic, user: string): void {
    this.flush(topic);
    for (const session of this.host.sessionsOf(user)) {
      if (session.leave(topic)) session.tell({ ev: 'unsubscribed', conv: topic.conv });
    }
    this.host.evicted(topic, user);
  }

  /** The shard cannot give the events up to `head`: the sockets are told which they lack. */
  missed(topic: Topic, head: number): void {
    this.flush(topic);
    if (head <= topic.lastSeq) return;
    const have = topic.lastSeq;
    this.beforePublish(topic, have);
    topic.lastSeq = head;
    this.host.counters.gapsTold += topic.socketCount;
    this.broadcast(topic, [{ ev: 'gap', conv: topic.conv, have, head }]);
    this.host.recheckMembers(topic);
  }

  /** The shard's word for `missed`. */
  onMissed(message: Extract<ToFront, { kind: 'missed' }>): void {
    const topic = this.topics.get(message.conv);
    if (!topic?.registered) return;
    for (const user of message.gone ?? []) this.evict(topic, user);
    if (this.topics.get(message.conv) === topic) this.missed(topic, message.head);
  }

  /** Typing, as one frame: given on at once, or not at all when it is old (W13). */
  ephemeral(
    conv: string,
    event: ControlEvent | readonly ControlEvent[],
    at: number,
    to?: readonly string[],
  ): void {
    const topic = this.topics.get(conv);
    if (topic === undefined) return;
    if (this.host.clock.now() - at > wireLimits.ephemeralMs) {
      this.host.counters.ephemeralExpired += 1;
      return;
    }
    const events = 'ev' in event ? [event] : event;
    if (to !== undefined) return this.ephemeralTo(topic, events, to);
    topic.givenTurn = this.host.turn();
    for (const codec of codecs) {
      if (topic.sockets[codec] === 0) continue;
      this.give(topicName(codec, conv, 'whole'), encodeMessages(codec, events));
    }
    this.host.settleSlow();
  }

  /** Whoever is behind does without it, as the others of their rung do; but what is merged waits for them (W15). */
  private ephemeralTo(topic: Topic, events: readonly ControlEvent[], users: readonly string[]): void {
    for (const user of users) {
      for (const session of this.host.sessionsOf(user)) {
        for (const event of events) {
          if (session.hears(topic)) session.tell(event);
          else if (session.hasTopic(topic) && event.ev === 'read.update')
            this.heldMarks.hold(session, topic, event);
        }
      }
    }
  }

  /** Publishes what waits in this topic. */
  flush(topic: Topic): void {
    if (topic.joined.length > 0) {
      const joined = topic.joined;
      topic.joined = [];
      for (const session of joined) session.flush();
    }
    if (topic.pending.length === 0) return;
    // Sockets found slow a moment ago leave first, or they would get events after those they lack.
    this.host.settleSlow();
    const events = topic.pending;
    this.beforePublish(topic, topic.publishedSeq);
    topic.pending = [];
    this.broadcast(topic, events);
  }

  /** Publishes what the turn brought. */
  endTurn(): void {
    for (const topic of this.dirty) this.flush(topic);
    this.dirty.clear();
  }

  /** Its registrations are lost with it; what waits here was committed and is published as ever. */
  shardGone(shard: number): void {
    for (const topic of this.topics.values()) {
      if (topic.shard !== shard) continue;
      topic.registered = false;
      this.releaseIfUnused(topic);
    }
  }

  /** Asks the new shard for what was committed since: it answers with events or `missed`. */
  shardBack(shard: number): void {
    for (const topic of this.topics.values()) {
      if (topic.shard === shard) this.register(topic);
    }
  }

  /** Once a sweep: says what found no room before. */
  sweep(): void {
    this.heldMarks.sweep();
    for (const topic of this.unsettled) {
      this.unsettled.delete(topic);
      this.register(topic);
      this.releaseIfUnused(topic);
    }
  }

  private register(topic: Topic): void {
    if (topic.registered || topic.socketCount === 0) return;
    const have = topic.lastSeq;
    const message = { kind: 'register', front: this.host.number, conv: topic.conv, have } as const;
    if (this.host.shards.post(topic.shard, message) === undefined) topic.registered = true;
    else if (!this.host.shards.isGone(topic.shard)) this.unsettled.add(topic);
  }

  /**
   * The last socket is gone. Not while a subscription is under way: the shard would hear `unregister` after the
   * `subscribe` that it has answered, and the new socket would wait for events in vain.
   */
  private releaseIfUnused(topic: Topic): void {
    if (topic.subscribing > 0 || topic.socketCount > 0 || this.topics.get(topic.conv) !== topic) return;
    if (topic.registered) {
      const message = { kind: 'unregister', front: this.host.number, conv: topic.conv } as const;
      if (
        this.host.shards.post(topic.shard, message) !== undefined &&
        !this.host.shards.isGone(topic.shard)
      ) {
        this.unsettled.add(topic);
        return;
      }
    }
    this.topics.delete(topic.conv);
    this.dirty.delete(topic);
  }

  private beforePublish(topic: Topic, seqBefore: number): void {
    const turn = this.host.turn();
    if (topic.publishedTurn === turn) return;
    topic.publishedTurn = turn;
    topic.seqBeforeTurn = seqBefore;
  }

  private broadcast(topic: Topic, messages: readonly ServerMessage[]): void {
    topic.givenTurn = this.host.turn();
    for (const codec of codecs) {
      if (topic.sockets[codec] === 0) continue;
      for (const frame of encodeFrames(codec, messages, this.host.limits.mergedFrameBytes)) {
        this.give(topicName(codec, topic.conv, 'whole'), frame);
        if (topic.sparse !== undefined) this.give(topicName(codec, topic.conv, 'sparse'), frame);
        this.host.settleSlow();
      }
    }
    this.host.schedule();
  }

  private give(name: string, frame: string | Uint8Array): void {
    this.host.counters.framesPublished += 1;
    this.host.counters.bytesPublished += frame.length;
    this.host.broadcast.publish(name, frame);
  }

  private markDirty(topic: Topic): void {
    this.dirty.add(topic);
    this.host.schedule();
  }
}

const codecs: readonly Codec[] = ['msgpack', 'json'];
