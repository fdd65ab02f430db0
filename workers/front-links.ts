/** The links of a shard to its fronts, and the publisher and the stirs that speak through them. */
import type { MessagePort } from 'node:worker_threads';
import type { Turns } from '#src/runtime/ports.js';
import { createLink, type Link } from '#src/threads/link.js';
import type { ToFront, ToShard } from '#src/threads/messages.js';
import { createPublisher, type Publisher } from '#src/threads/publisher.js';
import { Stirs } from '#src/threads/stirs.js';
import { bytesToFront } from '#src/threads/weights.js';

export interface FrontLinksOptions {
  readonly turns: Turns;
  onMessage(message: ToShard): void;
  /** Whatever this front had is gone. */
  onGone(front: number): void;
  /** Every message passes through it; undefined drops it. For tests that plant faults. */
  onPost?(message: ToFront): ToFront | undefined;
}

export class FrontLinks {
  readonly publisher: Publisher;
  readonly stirs: Stirs;
  private readonly links = new Map<number, Link<ToFront, ToShard>>();
  private readonly options: FrontLinksOptions;

  constructor(options: FrontLinksOptions) {
    this.options = options;
    this.publisher = createPublisher({ posts: (front) => this.links.get(front) });
    this.stirs = new Stirs((front) => this.links.get(front));
  }

  get fronts(): number[] {
    return [...this.links.keys()];
  }

  /** An answer, or a word to everybody: bounded by what it answers. Events go through the publisher. */
  post(front: number, message: ToFront): void {
    const { onPost } = this.options;
    const sent = onPost === undefined ? message : onPost(message);
    if (sent !== undefined) this.links.get(front)?.postAlways(sent);
  }

  /** false: no room now. */
  offer(front: number, message: ToFront): boolean {
    return this.links.get(front)?.post(message) ?? false;
  }

  broadcast(message: ToFront): void {
    for (const front of this.links.keys()) this.post(front, message);
  }

  /** A front that is new, or was started again under its number. */
  connect(front: number, port: MessagePort): void {
    this.disconnect(front);
    const link = createLink<ToFront, ToShard>({ port, turns: this.options.turns, weigh: bytesToFront });
    this.links.set(front, link);
    link.onMessages((messages) => {
      for (const message of messages) this.options.onMessage(message);
    });
  }

  disconnect(front: number): void {
    this.links.get(front)?.close();
    this.links.delete(front);
    this.publisher.frontGone(front);
    this.stirs.unfollow(front);
    this.options.onGone(front);
  }
}
