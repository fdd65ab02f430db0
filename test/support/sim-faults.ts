/** How often a simulated store misbehaves, and what it did. Probabilities are per call. */

export interface StoreFaults {
  /** Takes a hundred times longer. */
  slow: number;
  /** Deadlock, serialisation, shutdown: the batch did nothing. */
  retry: number;
  /** The connection is lost and the batch never commits. */
  unknownNever: number;
  /** The connection is lost after the commit. */
  unknownCommitted: number;
  /** The connection is lost, and the old backend goes on: it commits later, unless the new owner ends it. */
  unknownLater: number;
  own: number;
  load: number;
  read: number;
  lookup: number;
  flush: number;
  unknownUsers: number;
}

export const noFaults: StoreFaults = {
  slow: 0,
  retry: 0,
  unknownNever: 0,
  unknownCommitted: 0,
  unknownLater: 0,
  own: 0,
  load: 0,
  read: 0,
  lookup: 0,
  flush: 0,
  unknownUsers: 0,
};

export const usualFaults: StoreFaults = {
  slow: 0.02,
  retry: 0.02,
  unknownNever: 0.006,
  unknownCommitted: 0.006,
  unknownLater: 0.01,
  own: 0.1,
  load: 0.03,
  read: 0.03,
  lookup: 0.03,
  flush: 0.03,
  unknownUsers: 0.03,
};

export class StoreCounts {
  batches = 0;
  rows = 0;
  retries = 0;
  bad = 0;
  duplicates = 0;
  unknowns = 0;
  /** Of the unknowns and of dead threads: batches that were committed after nobody waited any more. */
  lateCommits = 0;
  /** Transactions that a new owner ended. */
  terminated = 0;
  /** Waits for another transaction that had inserted the same id. */
  blocked = 0;
  fenced = 0;
  broken = 0;
  failedReads = 0;
}

/** A text with this in it is refused by the simulated database (L9). */
export const badMarker = '\u{fffd}bad';
