/** The place behind one address: its mailbox, and its instance while there is one. */
import type { Actor, ActorKind, Address } from './actor.js';
import { idOf } from './address.js';
import { Mailbox } from './mailbox.js';
import type { CrashHistory } from './supervision.js';

/** A registered kind with its counts. */
export interface Kind {
  readonly name: string;
  readonly definition: ActorKind<unknown>;
  readonly bounds: { readonly itemsMax: number; readonly bytesMax: number };
  readonly turnItemsMax: number;
  /** Infinity: never idle. */
  readonly idleMs: number;
  alive: number;
  restarts: number;
  poison: number;
}

/**
 * - asleep: no instance; its next turn makes one
 * - awake: has an instance
 * - pausing: crashed, its restart is a few milliseconds away; messages wait
 * - resting: crashed too often; ordinary messages are turned away (A6)
 * - closed: passivated or stopped; this cell is used no more
 */
type Phase =
  | { readonly name: 'asleep' }
  | { readonly name: 'awake'; readonly actor: Actor<unknown> }
  | { readonly name: 'pausing' }
  | { readonly name: 'resting' }
  | { readonly name: 'closed' };

const asleep: Phase = { name: 'asleep' };

export class Cell {
  readonly address: Address;
  readonly id: string;
  readonly kind: Kind;
  readonly mailbox = new Mailbox();
  phase: Phase = asleep;
  /** In the run queue. */
  isQueued = false;
  /** Unix ms from which it counts as idle, unless something comes. */
  idleAt: number;
  history: CrashHistory | undefined = undefined;

  constructor(address: Address, kind: Kind, now: number) {
    this.address = address;
    this.id = idOf(address);
    this.kind = kind;
    this.idleAt = now + kind.idleMs;
  }

  /** Would a turn now find something to do? */
  get hasWork(): boolean {
    const { name } = this.phase;
    if (name === 'asleep' || name === 'awake') return this.mailbox.size > 0;
    return name === 'resting' && this.mailbox.ordinary.size > 0;
  }

  fallAsleep(): void {
    this.phase = asleep;
  }
}
