/**
 * One conversation. It admits operations, in the order duplicate → permission → rate (L5), hands them to the writer
 * gathered per turn, and publishes what was committed. Its state moves only by committed events.
 *
 * Phases:
 *   loading   waiting for the writer's barrier and the snapshot; messages are kept in order
 *   resting   the snapshot could not be read; the next message (or a timer, when fronts wait) tries again
 *   active    the rest of its life
 * Whatever an instance holds when it is dropped is answered `unavailable`, so no request is ever left in silence (W7).
 */
import type { Actor, DropReason } from '#src/runtime/actor.js';
import { isDurable } from '#src/threads/messages.js';
import { bytesToShard, messageBytes } from '#src/threads/weights.js';
import type { ConversationMessage } from '../messages.js';
import { Active } from './active.js';
import type { ConversationContext, ConversationPorts } from './ports.js';
import { stateOf } from './state.js';

type Phase = { name: 'loading' } | { name: 'resting' } | { name: 'active'; active: Active };

/** Messages kept while loading, and what they may weigh. */
const keptItemsMax = 10_000;
const keptBytesMax = 16 * 1024 * 1024;
/** A conversation leaves memory after this long without a message, in milliseconds. */
const idleMs = 60_000;
const loadAgainMs = 250;

export class Conversation implements Actor<ConversationMessage> {
  private readonly context: ConversationContext;
  private readonly ports: ConversationPorts;
  private phase: Phase = { name: 'loading' };
  /** What came while loading, in order; empty once it was handled. */
  private kept: ConversationMessage[] = [];
  private keptBytes = 0;
  private usedAt: number;

  constructor(context: ConversationContext, ports: ConversationPorts) {
    this.context = context;
    this.ports = ports;
    this.usedAt = ports.clock.now();
    this.ports.tellWriter({ kind: 'load', conv: context.id, asker: this });
  }

  receive(message: ConversationMessage): void {
    if (this.phase.name === 'active') {
      this.usedAt = this.ports.clock.now();
      this.phase.active.receive(message);
      return;
    }
    switch (message.kind) {
      case 'loaded':
        if (this.isAsker(message)) this.onLoaded(message.snapshot);
        return;
      case 'load failed':
        if (this.isAsker(message)) this.onLoadFailed();
        return;
      case 'try load again':
        return this.loadAgain();
      // Results for an instance that has gone: the snapshot will hold what they say.
      case 'committed':
      case 'settled':
      case 'looked up':
      case 'users checked':
      case 'target found':
      case 'attachments found':
      case 'receipts':
      case 'typing due':
        return;
      default:
        this.keep(message);
        this.loadAgain();
    }
  }

  endTurn(): void {
    if (this.phase.name === 'active') this.phase.active.endTurn();
  }

  /** What exists stays a while; what does not goes at once, or asking for it would fill the memory. */
  mayPassivate(): boolean {
    if (this.phase.name !== 'active') return this.kept.length === 0;
    const { active } = this.phase;
    if (!active.isIdle) return false;
    return active.isNothing || this.ports.clock.now() - this.usedAt >= idleMs;
  }

  dropped(reason: DropReason): void {
    if (reason === 'passivated' && this.phase.name === 'active') this.phase.active.handOver();
    const held = this.phase.name === 'active' ? this.phase.active.end() : [];
    for (const request of [...held, ...requestsOf(this.kept)]) this.answerUnavailable(request);
    // Nobody waits for the answer to a registration, and without it a front would hear nothing more (P6).
    for (const message of registrationsOf(this.kept)) this.context.tellSelf(message);
    this.ports.tellWriter({ kind: 'forget', conv: this.context.id });
  }

  /** A result that crashed the instance before this one is given to this one: it is not what this one asked for. */
  private isAsker({ asker }: { asker?: object }): boolean {
    return asker === undefined || asker === this;
  }

  private onLoaded(snapshot: Extract<ConversationMessage, { kind: 'loaded' }>['snapshot']): void {
    if (this.phase.name !== 'loading') return;
    const active = new Active(this.context, this.ports, stateOf(snapshot));
    this.phase = { name: 'active', active };
    active.publishWhatWasMissed();
    // Each is let go once it was handled, so that a crash in between leaves none of them in silence.
    for (let next = this.kept[0]; next !== undefined; next = this.kept[0]) {
      active.receive(next);
      this.kept.shift();
    }
  }

  private onLoadFailed(): void {
    for (const request of requestsOf(this.kept)) this.answerUnavailable(request);
    // A front that registers waits for an answer however long it takes: its subscribers are listening (P6).
    this.kept = registrationsOf(this.kept);
    this.phase = { name: 'resting' };
    if (this.kept.length > 0) {
      this.ports.timers.after(loadAgainMs, () => this.context.tellSelf({ kind: 'try load again' }));
    }
  }

  private loadAgain(): void {
    if (this.phase.name !== 'resting') return;
    this.phase = { name: 'loading' };
    this.ports.tellWriter({ kind: 'load', conv: this.context.id, asker: this });
  }

  private keep(message: ConversationMessage): void {
    if (this.kept.length === 0) this.keptBytes = 0;
    this.keptBytes += isDurable(message) ? bytesToShard(message) : messageBytes;
    const hasRoom = this.kept.length < keptItemsMax && this.keptBytes < keptBytesMax;
    if (hasRoom || message.kind === 'register') this.kept.push(message);
    else for (const request of requestsOf([message])) this.answerUnavailable(request);
  }

  private answerUnavailable(request: number): void {
    this.ports.post(request % 256, {
      kind: 'err',
      request,
      code: 'unavailable',
      message: 'The conversation is being restarted; send the same operation again.',
      retryMs: loadAgainMs,
    });
  }
}

function requestsOf(messages: readonly ConversationMessage[]): number[] {
  const requests: number[] = [];
  for (const message of messages) {
    if ('request' in message && typeof message.request === 'number') requests.push(message.request);
  }
  return requests;
}

function registrationsOf(messages: readonly ConversationMessage[]): ConversationMessage[] {
  return messages.filter((message) => message.kind === 'register');
}
