/**
 * Says something at least once a heartbeat, and notices when nobody answers: a dead connection closes by itself late
 * or never.
 */
import type { Timers } from '#src/runtime/ports.js';
import type { Outbox } from './outbox.js';

/** Pings go out a little before the server would miss them. */
const early = 0.8;

export interface HeartbeatListener {
  /** The server's time, Unix ms. */
  onTime(at: number): void;
  /** A ping was not answered for a whole heartbeat. */
  onSilence(): void;
}

export class Heartbeat {
  private readonly outbox: Outbox;
  private readonly timers: Timers;
  private readonly listener: HeartbeatListener;
  private cancel: () => void = () => {};

  constructor(outbox: Outbox, timers: Timers, listener: HeartbeatListener) {
    this.outbox = outbox;
    this.timers = timers;
    this.listener = listener;
  }

  /** On a new connection, with the interval of `hello`. */
  start(heartbeatMs: number): void {
    this.stop();
    this.cancel = this.timers.after(heartbeatMs * early, () => this.beat(heartbeatMs));
  }

  stop(): void {
    this.cancel();
  }

  private beat(heartbeatMs: number): void {
    this.cancel = this.timers.after(heartbeatMs, () => this.listener.onSilence());
    const acked = ({ at }: { at?: number | undefined }) => {
      if (at !== undefined) this.listener.onTime(at);
      this.start(heartbeatMs);
    };
    this.outbox.ask({ op: 'ping' }, { acked, failed: () => {} }, { survives: false });
  }
}
