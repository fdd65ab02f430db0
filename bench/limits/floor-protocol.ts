/** What the client of the latency floor says to its server: one byte of how far a message goes, then a text. */

/**
 * `socket`: back from the thread that has the socket. `thread`: to the other thread and back. `copy` and `insert`: the
 * same with a row committed in between, by a simple query with a COPY or by a prepared statement.
 */
export const trips = { socket: 0, thread: 1, copy: 2, insert: 3 } as const;
export type Trip = keyof typeof trips;

/** For the thread that writes, as `workerData`. */
export interface FloorWriterJob {
  /** A database with nubo's tables. */
  readonly url: string;
  readonly texts: readonly string[];
}

/** Its first message; any other is an answer. */
export interface FloorWriterReady {
  readonly backendPid: number;
}

/** Of an answer: about those of an ack. */
export const answerBytes = 64;
