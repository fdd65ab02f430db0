/**
 * The actors of one thread: who lives at which address, and whose turn it is. A turn of the thread gives turns to
 * actors, each for a bounded number of messages, until nothing waits or its own budget is spent; then it goes on in
 * a later turn of the event loop, so that sockets and ports are served in between (A3).
 */
import type { ActorKind, ActorStats, ActorSystem, Address, TellOptions } from './actor.js';
import { kindOf } from './address.js';
import { Cell, type Kind } from './cell.js';
import { IdleSweep, type SweepLimits, sweepLimits } from './idle-sweep.js';
import { type Crash, Keeper } from './keeper.js';
import type { RuntimePorts } from './ports.js';
import { Queue } from './queue.js';
import { type SupervisionLimits, supervisionLimits } from './supervision.js';

export interface TurnLimits {
  /** Messages an actor takes in one turn, unless its kind says otherwise. */
  readonly actorItemsMax: number;
  /** Messages of all actors before the event loop gets its turn; whichever of the two is reached first. */
  readonly threadItemsMax: number;
  readonly threadMs: number;
}

export const turnLimits: TurnLimits = { actorItemsMax: 64, threadItemsMax: 2_048, threadMs: 5 };

export interface ActorSystemOptions {
  readonly turn?: Partial<TurnLimits>;
  readonly supervision?: Partial<SupervisionLimits>;
  readonly sweep?: Partial<SweepLimits>;
  /** For the log. What it throws is not caught. */
  onCrash?(crash: Crash): void;
}

/** What a message weighs when its sender does not say. */
const messageBytesDefault = 256;

/** `onCrash` hears of everything that actors throw; nothing of it reaches the caller of `tell`. */
export function createActorSystem(options: {
  ports: RuntimePorts;
  options?: ActorSystemOptions;
}): ActorSystem {
  return new System(options.ports, options.options ?? {});
}

class System implements ActorSystem {
  private readonly ports: RuntimePorts;
  private readonly limits: TurnLimits;
  private readonly keeper: Keeper;
  private readonly sweep: IdleSweep;
  private readonly kinds = new Map<string, Kind>();
  private readonly cells = new Map<Address, Cell>();
  private readonly runQueue = new Queue<Cell>();
  private readonly runTurns = (): void => this.threadTurn();
  private isTurnDue = false;
  private isStopped = false;

  constructor(ports: RuntimePorts, options: ActorSystemOptions) {
    this.ports = ports;
    this.limits = { ...turnLimits, ...options.turn };
    this.sweep = new IdleSweep(ports, { ...sweepLimits, ...options.sweep }, (cell, now) =>
      this.passivate(cell, now),
    );
    this.keeper = new Keeper({
      clock: ports.clock,
      timers: ports.timers,
      limits: { ...supervisionLimits, ...options.supervision },
      queue: (cell) => this.queue(cell),
      tellSelf: (cell, message) => void this.tell(cell.address, message, { system: true }),
      onCrash: (crash) => options.onCrash?.(crash),
    });
  }

  register<Message>(name: string, definition: ActorKind<Message>): void {
    if (this.kinds.has(name)) throw new Error(`the kind ${name} is registered twice`);
    this.kinds.set(name, {
      name,
      // Whoever tells an address knows what its kind understands: the type ends here and begins again in `receive`.
      definition: definition as ActorKind<unknown>,
      bounds: { itemsMax: definition.mailboxItemsMax, bytesMax: definition.mailboxBytesMax },
      turnItemsMax: definition.turnItemsMax ?? this.limits.actorItemsMax,
      idleMs: definition.idleMs ?? Number.POSITIVE_INFINITY,
      alive: 0,
      restarts: 0,
      poison: 0,
    });
  }

  tell(address: Address, message: unknown, options?: TellOptions): boolean {
    if (this.isStopped) return false;
    const cell = this.cells.get(address) ?? this.open(address);
    if (options?.system === true) {
      cell.mailbox.system.push(message);
    } else {
      const bytes = options?.bytes ?? messageBytesDefault;
      if (!cell.mailbox.offer(message, bytes, cell.kind.bounds)) return false;
    }
    if (!cell.isQueued) this.queue(cell);
    return true;
  }

  stats(): ActorStats {
    const actorsByKind: Record<string, number> = {};
    const restartsByKind: Record<string, number> = {};
    const poisonByKind: Record<string, number> = {};
    for (const kind of this.kinds.values()) {
      actorsByKind[kind.name] = kind.alive;
      restartsByKind[kind.name] = kind.restarts;
      poisonByKind[kind.name] = kind.poison;
    }
    let mailboxItems = 0;
    for (const cell of this.cells.values()) mailboxItems += cell.mailbox.size;
    return { actorsByKind, restartsByKind, poisonByKind, mailboxItems };
  }

  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    this.sweep.stop();
    this.runQueue.clear();
    for (const cell of this.cells.values()) this.keeper.close(cell);
    this.cells.clear();
  }

  private open(address: Address): Cell {
    const name = kindOf(address);
    const kind = this.kinds.get(name);
    if (kind === undefined) throw new Error(`no actor of kind ${name} is registered`);
    const cell = new Cell(address, kind, this.ports.clock.now());
    this.cells.set(address, cell);
    if (kind.definition.idleMs !== undefined) this.sweep.add(cell);
    return cell;
  }

  private queue(cell: Cell): void {
    if (this.isStopped || cell.isQueued) return;
    cell.isQueued = true;
    this.runQueue.push(cell);
    if (this.isTurnDue) return;
    this.isTurnDue = true;
    this.ports.turns.soon(this.runTurns);
  }

  private threadTurn(): void {
    const startedAt = this.ports.clock.now();
    let now = startedAt;
    let taken = 0;
    try {
      while (taken < this.limits.threadItemsMax && now - startedAt < this.limits.threadMs) {
        const cell = this.runQueue.shift();
        if (cell === undefined) break;
        cell.isQueued = false;
        // A turn without a message, as after a restart, is not free either.
        taken += Math.max(1, this.keeper.turn(cell, now));
        if (cell.hasWork) this.queue(cell);
        now = this.ports.clock.now();
      }
    } finally {
      this.isTurnDue = this.runQueue.size > 0;
      if (this.isTurnDue) this.ports.turns.soon(this.runTurns);
    }
  }

  private passivate(cell: Cell, now: number): boolean {
    if (!this.keeper.passivate(cell, now)) return false;
    this.cells.delete(cell.address);
    return true;
  }
}
