/**
 * Runs the turns of cells and keeps their instances: makes them, gives them messages, drops them when they crash
 * and decides with supervision.ts what follows. One for one: nothing here touches a second cell (A4).
 */
import type { ActorContext, Address, DropReason } from './actor.js';
import type { Cell } from './cell.js';
import type { Clock, Timers } from './ports.js';
import type { Queue } from './queue.js';
import { afterCrash, isWell, type SupervisionLimits } from './supervision.js';

/** Which code of the actor threw. */
export type CrashPlace = 'create' | 'receive' | 'endTurn' | 'mayPassivate' | 'dropped' | 'onUndelivered';

export interface Crash {
  readonly address: Address;
  readonly place: CrashPlace;
  readonly error: unknown;
  /** Crashes of this address since it was last well. */
  readonly crashes: number;
  /** `none`: the instance was already going, or was not the one at fault. */
  readonly outcome: 'restart' | 'rest' | 'none';
  /** The message was set aside. */
  readonly poison: boolean;
}

export interface KeeperHost {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly limits: SupervisionLimits;
  /** Gives the cell a turn, soon. */
  queue(cell: Cell): void;
  tellSelf(cell: Cell, message: unknown): void;
  onCrash(crash: Crash): void;
}

export class Keeper {
  private readonly host: KeeperHost;

  constructor(host: KeeperHost) {
    this.host = host;
  }

  /** One turn of one actor; answers how many messages it took. */
  turn(cell: Cell, now: number): number {
    cell.idleAt = now + cell.kind.idleMs;
    if (cell.phase.name === 'asleep') this.activate(cell, now);
    if (cell.phase.name === 'awake') return this.take(cell, cell.phase.actor);
    if (cell.phase.name === 'resting') return this.turnAway(cell);
    return 0;
  }

  /** May an idle cell go? Then its instance is dropped and the cell is closed. */
  passivate(cell: Cell, now: number): boolean {
    const { phase } = cell;
    if (phase.name === 'closed') return true;
    if (phase.name !== 'awake' || now < cell.idleAt) return false;
    if (!isWell(cell.history, now, this.host.limits)) return false;
    try {
      if (phase.actor.mayPassivate?.() !== true) return false;
    } catch (error) {
      this.crashed(cell, 'mayPassivate', error, undefined);
      return false;
    }
    // It came too late for a turn, or the question itself has brought it.
    if (cell.mailbox.size > 0) return false;
    this.drop(cell, 'passivated');
    cell.phase = { name: 'closed' };
    return true;
  }

  close(cell: Cell): void {
    if (cell.phase.name === 'awake') this.drop(cell, 'stopped');
    cell.phase = { name: 'closed' };
    cell.mailbox.clear();
  }

  private activate(cell: Cell, now: number): void {
    const context: ActorContext<unknown> = {
      address: cell.address,
      id: cell.id,
      crashes: isWell(cell.history, now, this.host.limits) ? 0 : (cell.history?.crashes ?? 0),
      tellSelf: (message) => this.host.tellSelf(cell, message),
    };
    try {
      const actor = cell.kind.definition.create(context);
      cell.kind.alive += 1;
      cell.phase = { name: 'awake', actor };
    } catch (error) {
      this.crashed(cell, 'create', error, undefined);
    }
  }

  private take(cell: Cell, actor: Extract<Cell['phase'], { name: 'awake' }>['actor']): number {
    const { mailbox } = cell;
    const max = cell.kind.turnItemsMax;
    let taken = 0;
    let queue = mailbox.next();
    try {
      while (queue !== undefined && taken < max) {
        actor.receive(queue.peek());
        // Stopped by what it did: nothing is left to take out.
        if (cell.phase.name !== 'awake') return taken;
        queue.shift();
        taken += 1;
        queue = mailbox.next();
      }
    } catch (error) {
      this.crashed(cell, 'receive', error, queue);
      return taken + 1;
    }
    if (taken === 0 || actor.endTurn === undefined) return taken;
    try {
      actor.endTurn();
    } catch (error) {
      this.crashed(cell, 'endTurn', error, undefined);
    }
    return taken;
  }

  /** A resting actor has no instance: whoever waits for an answer is told so (A6). System messages wait. */
  private turnAway(cell: Cell): number {
    const { ordinary } = cell.mailbox;
    let taken = 0;
    while (ordinary.size > 0 && taken < cell.kind.turnItemsMax) {
      const message = ordinary.shift();
      taken += 1;
      this.undelivered(cell, message, 'resting');
    }
    return taken;
  }

  /** `queue`: the one whose first message was being handled, which stays there unless it is poison (A5). */
  private crashed(cell: Cell, place: CrashPlace, error: unknown, queue: Queue<unknown> | undefined): void {
    if (cell.phase.name === 'closed') {
      this.report(cell, place, error, 'none', false);
      return;
    }
    if (cell.phase.name === 'awake') this.drop(cell, 'crashed');
    const now = this.host.clock.now();
    const decision = afterCrash(cell.history, now, this.host.limits);
    cell.history = decision.history;
    const isPoison = queue !== undefined && queue.countTry() >= this.host.limits.poisonCrashes;
    if (decision.kind === 'rest') {
      cell.phase = { name: 'resting' };
      this.wakeAfter(cell, decision.forMs);
    } else if (decision.afterMs > 0) {
      cell.phase = { name: 'pausing' };
      this.wakeAfter(cell, decision.afterMs);
    } else {
      this.wake(cell);
    }
    this.report(cell, place, error, decision.kind, isPoison);
    if (!isPoison) return;
    cell.kind.poison += 1;
    this.undelivered(cell, queue.shift(), 'poison');
  }

  private wakeAfter(cell: Cell, ms: number): void {
    this.host.timers.after(ms, () => {
      if (cell.phase.name === 'pausing' || cell.phase.name === 'resting') this.wake(cell);
    });
  }

  /** Also without a message: what a crashed instance owed is for its successor to find out. */
  private wake(cell: Cell): void {
    cell.kind.restarts += 1;
    cell.fallAsleep();
    this.host.queue(cell);
  }

  private drop(cell: Cell, reason: DropReason): void {
    if (cell.phase.name !== 'awake') return;
    const { actor } = cell.phase;
    cell.fallAsleep();
    cell.kind.alive -= 1;
    try {
      actor.dropped?.(reason);
    } catch (error) {
      this.report(cell, 'dropped', error, 'none', false);
    }
  }

  private undelivered(cell: Cell, message: unknown, reason: 'poison' | 'resting'): void {
    try {
      cell.kind.definition.onUndelivered(message, reason, cell.id);
    } catch (error) {
      this.report(cell, 'onUndelivered', error, 'none', false);
    }
  }

  private report(
    cell: Cell,
    place: CrashPlace,
    error: unknown,
    outcome: Crash['outcome'],
    poison: boolean,
  ): void {
    const crashes = cell.history?.crashes ?? 0;
    this.host.onCrash({ address: cell.address, place, error, crashes, outcome, poison });
  }
}
