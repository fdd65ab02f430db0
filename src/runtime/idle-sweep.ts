/**
 * Finds idle actors with one coarse timer for all of them: a hand goes round the cells, a part of them each tick,
 * so that a hundred thousand actors cost a fraction of a millisecond now and then and no timer each.
 */
import type { Cell } from './cell.js';
import type { Clock, Timers } from './ports.js';

export interface SweepLimits {
  readonly tickMs: number;
  /** Every cell is looked at once in this time; an idle actor stays at most this much longer. */
  readonly roundMs: number;
}

export const sweepLimits: SweepLimits = { tickMs: 250, roundMs: 2_000 };

export class IdleSweep {
  private readonly ports: { readonly clock: Clock; readonly timers: Timers };
  private readonly limits: SweepLimits;
  /** Asked for cells that heard nothing for their `idleMs`. true: the cell is gone. */
  private readonly passivate: (cell: Cell, now: number) => boolean;
  private readonly cells: Cell[] = [];
  private hand = 0;
  private cancel: (() => void) | undefined = undefined;

  constructor(
    ports: { clock: Clock; timers: Timers },
    limits: SweepLimits,
    passivate: (cell: Cell, now: number) => boolean,
  ) {
    this.ports = ports;
    this.limits = limits;
    this.passivate = passivate;
  }

  add(cell: Cell): void {
    this.cells.push(cell);
    this.arm();
  }

  stop(): void {
    this.cells.length = 0;
    this.cancel?.();
    this.cancel = undefined;
  }

  private arm(): void {
    if (this.cancel === undefined && this.cells.length > 0) {
      this.cancel = this.ports.timers.after(this.limits.tickMs, () => this.tick());
    }
  }

  private tick(): void {
    this.cancel = undefined;
    const { cells } = this;
    const now = this.ports.clock.now();
    let visits = Math.ceil((cells.length * this.limits.tickMs) / this.limits.roundMs);
    for (; visits > 0 && cells.length > 0; visits -= 1) {
      if (this.hand >= cells.length) this.hand = 0;
      const cell = cells[this.hand];
      if (cell === undefined || now < cell.idleAt || !this.passivate(cell, now)) {
        this.hand += 1;
        continue;
      }
      // The last one takes the free place and is looked at next; passivating may have stopped everything.
      const last = cells.pop();
      if (last !== undefined && last !== cell) cells[this.hand] = last;
    }
    this.arm();
  }
}
