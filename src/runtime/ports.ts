/** What the outside gives to actors: all that a simulation must be able to control. */

export interface Clock {
  /** Unix time in milliseconds. */
  now(): number;
}

export interface Timers {
  /** Calls `run` once, not before `ms` milliseconds; the returned function cancels it. */
  after(ms: number, run: () => void): () => void;
}

export interface Random {
  /** 0 ≤ x < 1 */
  next(): number;
}

export interface Turns {
  /** Calls `run` in a later turn of the event loop, in the order of the calls. */
  soon(run: () => void): void;
}

export interface RuntimePorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly random: Random;
  readonly turns: Turns;
}
