/**
 * Readers that do not keep up (W15). uWebSockets.js drops what does not fit and tells only of the first frame that
 * it dropped together with others; so a dropped frame means: from here on this socket may lack anything. It leaves
 * its topics, and when it has drained it joins them again and is told what it lacks of each.
 *
 * Nothing is done inside the `dropped` handler but to take note: uWebSockets.js is walking the socket's topics then
 * and ends the process when they change under it.
 */
import { firstDurableSeq } from '../wire/codec.js';
import type { FrontCounters } from './counters.js';
import type { Session } from './session.js';
import { msOfTick } from './ticks.js';
import type { Topic } from './topic.js';
import type { Topics } from './topics.js';

/** What is known of one slow reader. */
export interface Backlogged {
  /** Unix ms of the first dropped frame. */
  readonly since: number;
  /** Of the first dropped frame, if it held durable events: exact, since all before it went out. */
  readonly first: { readonly conv: string; readonly seq: number } | undefined;
  /** Since it left its topics: the last seq of each that it certainly got. */
  haves: Map<Topic, number> | undefined;
  /** The least that was seen to wait for it, in bytes, and Unix ms of when: it takes what it can. */
  waitingBytes: number;
  progressAt: number;
}

export class SlowReaders {
  /** Dropped frames were reported; they leave their topics as soon as that is safe. */
  private noted: Session[] = [];
  private readonly topics: Topics;
  private readonly counters: FrontCounters;
  private readonly turn: () => number;

  constructor(topics: Topics, counters: FrontCounters, turn: () => number) {
    this.topics = topics;
    this.counters = counters;
    this.turn = turn;
  }

  /** Of the `dropped` handler. Changes no topic. */
  note(session: Session, frame: Uint8Array, now: number): void {
    this.counters.framesDropped += 1;
    if (session.backlogged !== undefined) return;
    this.counters.slowReaders += 1;
    session.backlogged = {
      ...{ since: now, first: firstDurableSeq(session.codec, frame), haves: undefined },
      ...{ waitingBytes: Number.POSITIVE_INFINITY, progressAt: now },
    };
    this.noted.push(session);
  }

  /** Lets those noted leave their topics. Called before and after each publish, never inside one. */
  settle(): void {
    if (this.noted.length === 0) return;
    const noted = this.noted;
    this.noted = [];
    for (const session of noted) this.leaveTopics(session);
  }

  private leaveTopics(session: Session): void {
    const backlogged = session.backlogged;
    if (backlogged === undefined || backlogged.haves !== undefined || session.isClosing) return;
    backlogged.haves = new Map();
    for (const topic of session.topics) {
      session.stopHearing(topic);
      const settled = topic.settledSeq(this.turn());
      const exact = backlogged.first?.conv === topic.conv ? backlogged.first.seq - 1 : settled;
      backlogged.haves.set(topic, exact);
    }
  }

  /**
   * Answers for one that is behind wait for room: without any, the answer to its heartbeat would be its end. Only so
   * many, though: who asks for more than it reads is too slow.
   */
  mustWait(session: Session, bytes: number): boolean {
    const { softBufferBytes, bufferBytesMax } = session.host.limits;
    return session.isBehind && bytes <= softBufferBytes && session.socket.bufferedBytes() > bufferBytesMax;
  }

  /**
   * One that reads slowly costs its buffer and no more, so it may go on; one of whom neither reading nor a word is seen
   * is gone, and one that has not caught up after very long resumes sooner by connecting again.
   */
  isGivenUp(session: Session, now: number): boolean {
    const { backlogged, host } = session;
    if (backlogged === undefined) return false;
    const waitingBytes = session.socket.bufferedBytes();
    if (waitingBytes < backlogged.waitingBytes) {
      backlogged.waitingBytes = waitingBytes;
      backlogged.progressAt = now;
    }
    const { drainMs, slowMsMax } = host.limits;
    const lastSign = Math.max(backlogged.since, backlogged.progressAt, msOfTick(session.aliveAt));
    return now - lastSign >= drainMs || now - backlogged.since >= slowMsMax;
  }

  /** The socket has room again: it joins its topics and is told what it lacks of each, the last word included. */
  rejoin(session: Session): void {
    this.settle();
    const haves = session.backlogged?.haves;
    session.backlogged = undefined;
    for (const topic of session.topics) {
      this.topics.flush(topic);
      // Its own answers may have found no room in that flush.
      if (session.isClosing) return;
      session.hear(topic);
      const have = haves?.get(topic) ?? topic.lastSeq;
      if (have >= topic.lastSeq) continue;
      this.counters.gapsTold += 1;
      session.tell({ ev: 'gap', conv: topic.conv, have, head: topic.lastSeq });
    }
    session.flush();
  }
}
