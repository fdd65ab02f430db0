/**
 * The server's time and ids made from it: an id's time must lie in the server's window (L4), and people's clocks
 * are wrong by hours.
 */
import { V7Generator } from 'uuidv7';
import type { Clock } from '#src/runtime/ports.js';

/** How far the time may step back before ids stop rising: a correction of a wrong clock is larger. */
const rollbackMs = 10_000;

export class ServerClock {
  private readonly clock: Clock;
  private readonly generator = new V7Generator();
  private aheadMs = 0;

  constructor(clock: Clock) {
    this.clock = clock;
    this.generator.setRollbackAllowance(rollbackMs);
  }

  /** Unix ms, as the server would say. */
  now(): number {
    return this.clock.now() + this.aheadMs;
  }

  /** The server said that it is `at` (Unix ms). */
  correct(at: number): void {
    this.aheadMs = at - this.clock.now();
  }

  /** A new UUIDv7. Rising within a client, unless the clock was corrected by more than 10 s. */
  newId(): string {
    return this.generator.generateOrResetWithTs(this.now()).toString();
  }
}
