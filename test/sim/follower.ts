/**
 * A device that follows all conversations of its user and subscribes to none. It knows how far it was told each stands,
 * in whatever way, and blames whoever leaves a hole in the events of one, or tells it nothing.
 */

import { membershipChange } from '#src/memberships.js';
import { decodeMessages, encodeOperations } from '#src/wire/codec.js';
import { type LogEvent, logEvents, type ServerMessage } from '#src/wire/events.js';
import type { Violation } from '#test/support/checker.js';
import type { Frame, SimSocket } from '#test/support/sim-socket.js';
import type { World } from './world.js';

/** A shard that dies is back by then, and a flush that fails was tried again. */
const soonMs = 8_000;
/** Of what it asks for a single conversation. */
const openRef = 3;
const closeRef = 4;

export class FollowingDevice {
  isFollowing = false;
  readonly user: string;
  private readonly world: World;
  private readonly isQuiet: boolean;
  private socket: SimSocket | undefined;
  /** How far it was told each conversation stands, with the time of each word that was news. */
  private readonly heads = new Map<string, Array<{ readonly at: number; readonly head: number }>>();
  /** From when to when it followed, without an end in between. */
  private readonly periods: Array<{ from: number; to: number }> = [];
  /** Of those whose events it hears, the last one. */
  private streams = new Map<string, number>();
  /** The conversation it has opened by name, until it is closed again. */
  private opened: string | undefined;
  private readonly heard: LogEvent[] = [];
  private readonly violations: Violation[] = [];

  constructor(world: World, user: string, isQuiet: boolean) {
    this.world = world;
    this.user = user;
    this.isQuiet = isQuiet;
  }

  connect(): void {
    const client = {
      onFrame: (frame: Frame) => this.onFrame(frame),
      onClose: () => this.onClose(),
    };
    const token = this.world.tokenFor(this.user);
    this.socket = this.world.server.connect(client, 'json', token);
    if (this.socket === undefined) this.world.after(100, () => this.connect());
  }

  private onClose(): void {
    this.socket = undefined;
    const period = this.periods.at(-1);
    if (this.isFollowing && period !== undefined) period.to = this.world.now();
    this.isFollowing = false;
    this.opened = undefined;
    this.streams.clear();
    this.world.after(20 + this.world.random.next() * 300, () => this.connect());
  }

  private say(operation: object): void {
    this.socket?.write(encodeOperations('json', [operation as never]));
  }

  private follow(): void {
    if (this.socket === undefined) return;
    this.say({ op: 'subscribe.all', ref: 1, ...(this.isQuiet ? { quiet: true } : {}) });
  }

  /** Now and then it opens a conversation for a while, as people do, and goes on following when it closes it. */
  lookAround(): void {
    const { random, database } = this.world;
    this.world.after(200 + random.next() * 2_000, () => this.lookAround());
    if (!this.isFollowing) return;
    if (this.opened !== undefined) return this.say({ op: 'unsubscribe', conv: this.opened, ref: closeRef });
    const convs = database.conversationsOf(this.user);
    this.opened = convs[Math.floor(random.next() * convs.length)];
    if (this.opened !== undefined) this.say({ op: 'subscribe', conv: this.opened, ref: openRef });
  }

  private onFrame(frame: Frame): void {
    for (const message of decodeMessages('json', frame) as ServerMessage[]) this.onMessage(message);
  }

  private onMessage(message: ServerMessage): void {
    if ('ack' in message) {
      if (message.ack === closeRef) this.opened = undefined;
      return message.result === undefined ? undefined : this.onSynced(message.result.conversations);
    }
    if ('err' in message) {
      if (message.err === openRef) this.opened = undefined;
      if (message.err === openRef || message.err === closeRef) return;
      const again = message.err === 1 ? () => this.follow() : () => this.say({ op: 'sync', ref: 2 });
      if (this.socket !== undefined) this.world.after(message.retryMs ?? 100, again);
      return;
    }
    switch (message.ev) {
      case 'hello':
        return this.follow();
      case 'resync':
        this.world.totals.resyncs += 1;
        return this.say({ op: 'sync', ref: 2 });
      case 'resumed':
        this.streams.set(message.conv, message.upTo);
        return this.learn(message.conv, message.upTo);
      case 'gap':
        if (message.have > (this.streams.get(message.conv) ?? 0))
          this.blame('P6', `${message.conv}: it is told to have ${message.have}`);
        this.streams.set(message.conv, message.head);
        return this.learn(message.conv, message.head);
      case 'unsubscribed':
        this.streams.delete(message.conv);
        return;
      case 'conversation.update':
        if (message.standing !== undefined) this.world.totals.updates += 1;
        return this.learn(message.conv, message.head ?? 0);
      default:
        if (message.ev in logEvents) this.onEvent(message as LogEvent);
    }
  }

  private onSynced(conversations: unknown): void {
    if (!this.isFollowing) this.periods.push({ from: this.world.now(), to: Number.POSITIVE_INFINITY });
    this.isFollowing = true;
    for (const { conv, head = 0 } of conversations as Array<{ conv: string; head?: number }>)
      this.learn(conv, head);
  }

  private onEvent(event: LogEvent): void {
    const last = this.streams.get(event.conv);
    if (last === undefined) this.blame('W20', `${event.conv}: ${event.seq} came without a beginning`);
    else if (event.seq !== last + 1) this.blame('P6', `${event.conv}: ${event.seq} came after ${last}`);
    if (this.isQuiet && event.conv !== this.opened)
      this.blame('W21', `${event.conv}: ${event.seq} came to a quiet one`);
    this.world.totals.eventsFollowed += 1;
    this.streams.set(event.conv, event.seq);
    this.heard.push(event);
    this.learn(event.conv, event.seq);
  }

  private learn(conv: string, head: number): void {
    const heads = this.heads.get(conv) ?? [];
    this.heads.set(conv, heads);
    if (head > (heads.at(-1)?.head ?? 0)) heads.push({ at: this.world.now(), head });
  }

  /** Everything that was committed while it followed was told it soon, in some way. */
  private checkNews(log: readonly LogEvent[]): void {
    const members = new Set<string>();
    const { committedAt } = this.world.database;
    const losses = log.filter((event) => {
      const change = membershipChange(event);
      return change?.grants === false && change.users.includes(this.user);
    });
    for (const event of log) {
      const { conv, seq, id } = event;
      const change = membershipChange(event);
      if (change?.users.includes(this.user) === true) {
        if (change.grants) members.add(conv);
        else members.delete(conv);
      }
      if (!members.has(conv)) continue;
      const at = committedAt.get(id) ?? 0;
      // Who loses it meanwhile is told that.
      const isLost = losses.some((loss) => {
        const lostAt = committedAt.get(loss.id) ?? 0;
        return loss.conv === conv && lostAt >= at && lostAt <= at + soonMs;
      });
      if (isLost) continue;
      if (!this.periods.some(({ from, to }) => from < at && at + soonMs < to)) continue;
      if (at + soonMs > this.world.now()) continue;
      const told = this.heads.get(conv)?.find(({ head }) => head >= seq);
      if (told === undefined || told.at > at + soonMs)
        this.blame('W20', `${conv}: ${seq} of ${at} was told at ${told?.at}`);
    }
  }

  check(log: readonly LogEvent[], isQuiet: boolean): Violation[] {
    const { database } = this.world;
    for (const conv of isQuiet ? database.conversationsOf(this.user) : []) {
      const head = database.headOf(conv);
      const known = this.heads.get(conv)?.at(-1)?.head;
      if (known !== head) this.blame('W20', `${conv} stands at ${head}, and it knows of ${known}`);
    }
    if (isQuiet) this.checkNews(log);
    for (const event of this.heard) {
      if (!this.mayHear(log, event)) this.blame('G7', `${event.conv}: it heard ${event.seq} as a stranger`);
    }
    return this.violations;
  }

  /** Its user was a member then, or lost it with this, or came later. */
  private mayHear(log: readonly LogEvent[], { conv, seq }: LogEvent): boolean {
    let isMember = false;
    for (const event of log) {
      if (event.conv !== conv) continue;
      const change = membershipChange(event);
      if (change?.users.includes(this.user) !== true) continue;
      if (event.seq > seq) return isMember || change.grants;
      if (event.seq === seq) return true;
      isMember = change.grants;
    }
    return isMember;
  }

  private blame(rule: string, message: string): void {
    this.violations.push({ rule, message: `who follows as ${this.user}: ${message}` });
  }
}
