/**
 * Who is typing, told to the room at most once a second, however many they are and however often they say so (E7): a
 * few by name, the others as a number. Whoever is not heard of for a while has stopped; what is told is told again now
 * and then, since a frame may be lost and readers forget (W13).
 */
import type { ControlEvent, LogEvent } from '#src/wire/events.js';
import { wireLimits } from '#src/wire/limits.js';
import type { ConversationContext, ConversationPorts } from './ports.js';

/** Between two frames of one conversation, in milliseconds. */
const frameMs = 1_000;
/** Those who go on are told again after this: half of the time after which readers forget them. */
const renewMs = wireLimits.typingMs / 2;
/** Who is counted: more would not be another number to a person. */
const typistsMax = 10_000;

export class Typing {
  private readonly context: ConversationContext;
  private readonly ports: ConversationPorts;
  /** Who types, until when, those who began first in front. */
  private readonly typists = new Map<string, number>();
  /** Whom the room was told by name, and when. */
  private readonly named = new Map<string, number>();
  /** The number that the room was told; 0: all were named. */
  private toldCount = 0;
  /** No frame before. */
  private nextAt = 0;
  private isDue = false;

  constructor(context: ConversationContext, ports: ConversationPorts) {
    this.context = context;
    this.ports = ports;
  }

  note(user: string, isTyping: boolean): void {
    if (!isTyping) this.typists.delete(user);
    else if (this.typists.size < typistsMax || this.typists.has(user))
      this.typists.set(user, this.ports.clock.now() + wireLimits.typingMs);
    this.schedule();
  }

  /** What was said is not being typed any more, which readers know by themselves; who has gone does not type here. */
  onEvent(event: LogEvent): void {
    if (this.typists.size === 0) return;
    if (event.ev === 'message.new') {
      this.typists.delete(event.from);
      this.named.delete(event.from);
    } else if (event.ev === 'member.leave') this.typists.delete(event.from);
    else if (event.ev === 'member.remove' || event.ev === 'member.ban' || event.ev === 'member.mute')
      this.typists.delete(event.user);
  }

  /** At once when the last frame is long enough ago, else a second after it; then every second until all have stopped. */
  private schedule(): void {
    if (this.isDue || (this.typists.size === 0 && this.named.size === 0)) return;
    const waitMs = this.nextAt - this.ports.clock.now();
    if (waitMs <= 0) return this.tell();
    this.isDue = true;
    this.ports.timers.after(waitMs, () => this.context.tellSelf({ kind: 'typing due' }));
  }

  onDue(): void {
    this.isDue = false;
    this.tell();
  }

  private tell(): void {
    const now = this.ports.clock.now();
    this.nextAt = now + frameMs;
    const events = this.changes(now);
    if (events.length > 0) this.ports.publisher.ephemeral(this.context.id, events, now);
    this.schedule();
  }

  private changes(now: number): ControlEvent[] {
    for (const [user, until] of this.typists) if (until <= now) this.typists.delete(user);
    const stopped = [...this.named.keys()].filter((user) => !this.typists.has(user));
    for (const user of stopped) this.named.delete(user);
    const started = [...this.named].filter(([, at]) => now - at >= renewMs).map(([user]) => user);
    for (const user of this.typists.keys()) {
      if (this.named.size >= wireLimits.typingNamesMax) break;
      if (this.named.has(user)) continue;
      this.named.set(user, now);
      started.push(user);
    }
    const count = this.typists.size > this.named.size ? this.typists.size : 0;
    const [someone] = this.named.keys();
    if (count !== this.toldCount && started.length === 0 && someone !== undefined) started.push(someone);
    this.toldCount = this.named.size === 0 ? 0 : count;
    for (const user of started) this.named.set(user, now);
    return [...stopped.map((from) => this.stop(from)), ...started.map((from) => this.start(from, count))];
  }

  /** `count`: 0 when all are named. */
  private start(from: string, count: number): ControlEvent<'typing.start'> {
    const conv = this.context.id;
    return count === 0 ? { ev: 'typing.start', conv, from } : { ev: 'typing.start', conv, from, count };
  }

  private stop(from: string): ControlEvent<'typing.stop'> {
    return { ev: 'typing.stop', conv: this.context.id, from };
  }
}
