/**
 * One of the two of a direct conversation blocks the other, or takes it back (B1). The conversation is where what they
 * say is decided, so it keeps the block itself, one after another; and it answers only when nothing more of what was
 * admitted before is under way: whatever has a place then had it before the ack.
 */
import { type BlockRequest, frontOf, type Refusal } from '#src/threads/messages.js';
import type { ConversationMessage } from '../messages.js';
import type { Pending } from './pending.js';
import type { ConversationContext, ConversationPorts } from './ports.js';
import { crowded, tooFast, unreadable } from './refusals.js';
import type { ConversationState } from './state.js';

type Kept = Extract<ConversationMessage, { kind: 'block kept' }>;

const waitingItemsMax = 64;

const noUser: Refusal = { code: 'not_found', message: 'There is no such user.', stored: false };
const tooMany: Refusal = {
  code: 'forbidden',
  message: 'You have blocked as many users as you may: take one of these back first.',
  stored: false,
};

export class Blocks {
  private readonly context: ConversationContext;
  private readonly ports: ConversationPorts;
  private readonly state: ConversationState;
  private readonly pending: Pending;
  /** The first of them is being kept. */
  private waiting: BlockRequest[] = [];
  /** Kept, and answered when these operations have settled. */
  private settling: Array<{ readonly asked: BlockRequest; readonly ids: readonly string[] }> = [];

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
  }

  get isIdle(): boolean {
    return this.waiting.length === 0 && this.settling.length === 0;
  }

  /** Those that are not answered yet. */
  requests(): number[] {
    return [...this.waiting, ...this.settling.map(({ asked }) => asked)].map(({ request }) => request);
  }

  receive(message: BlockRequest | Kept): void {
    if (message.kind === 'block') this.take(message);
    else this.onKept(message);
  }

  private take(asked: BlockRequest): void {
    const retryMs = this.ports.rates.take(asked.user, 'standard');
    if (retryMs > 0) return this.refuse(asked, tooFast(retryMs));
    if (this.waiting.length >= waitingItemsMax) return this.refuse(asked, crowded);
    this.waiting.push(asked);
    if (this.waiting.length === 1) this.keepNext();
  }

  private keepNext(): void {
    const asked = this.waiting[0];
    if (asked === undefined) return;
    const { conv, user: blocker, other: blocked, isOn } = asked;
    this.ports.store.setBlock({ conv, blocker, blocked, isOn }, (outcome) =>
      this.context.tellSelf({ kind: 'block kept', asked, outcome }),
    );
  }

  /** Also of an instance that has crashed meanwhile: its requests are answered, and what it kept holds here. */
  private onKept({ asked, outcome }: Kept): void {
    if (outcome.kind === 'kept') this.apply(asked);
    if (this.waiting[0]?.request !== asked.request) return;
    this.waiting.shift();
    if (outcome.kind === 'kept') this.settling.push({ asked, ids: asked.isOn ? this.pending.ids() : [] });
    else if (outcome.kind === 'failed') this.refuse(asked, unreadable);
    else this.refuse(asked, outcome.kind === 'unknown' ? noUser : tooMany);
    this.onSettled();
    this.keepNext();
  }

  private apply({ user, other, isOn }: BlockRequest): void {
    const others = this.state.blockers.filter((blocker) => blocker !== user);
    this.state.blockers = isOn ? [...others, user] : others;
    if (isOn) this.ports.hide(user, other);
    this.ports.notify(user, { ev: 'block.update', user: other, blocked: isOn });
  }

  /** Something settled: those that waited for nothing else are answered. */
  onSettled(): void {
    if (this.settling.length === 0) return;
    const settling = this.settling;
    this.settling = [];
    for (const each of settling) {
      if (each.ids.some((id) => this.pending.has(id))) this.settling.push(each);
      else this.answer(each.asked);
    }
  }

  private answer({ request, conv }: BlockRequest): void {
    this.ports.post(frontOf(request), { kind: 'ack', request, conv });
  }

  private refuse({ request }: BlockRequest, refusal: Refusal): void {
    this.ports.post(frontOf(request), { kind: 'err', request, ...refusal });
  }
}
