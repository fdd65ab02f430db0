/**
 * One batch as one write to the socket: the claim, the COPY and its rows, and the effects on members, in a single
 * simple query, which is one transaction. The rows follow the query without waiting for its answer; after an error
 * the server skips them, so there is nothing to take back.
 *
 * `done` is called once: with the server's error as soon as it is told (the transaction is void from then on), with
 * `committed` when the server is ready again, with `unknown` when the connection ends in between (L3).
 */
import type { Connection, Submittable } from 'pg';
import type { WriteOutcome } from '../ports.js';
import { outcomeOf, type ServerError } from './outcomes.js';

export interface ComposedBatch {
  readonly bytes: Buffer;
  /** How many commands the query holds: each reports its end, the last one after the commit. */
  readonly commands: number;
  /** The bytes may change again. */
  readonly release: () => void;
}

/** A silent server is given up after this: longer than the statement timeout, which a live one reports. */
export const answerMs = 25_000;

/** Shutdown, crash, idle timeout: the socket closes next. Told by the code, since severities are translated. */
const endsSession = /^(?:57P|25P03|08)/;

export class CopyBatch implements Submittable {
  private readonly batch: ComposedBatch;
  private readonly done: (outcome: WriteOutcome) => void;
  private readonly onFatal: () => void;
  private completed = 0;
  private isSent = false;
  private isDone = false;
  private deadline: NodeJS.Timeout | undefined;

  /** @param onFatal called before `done` when the server ends the connection with its error */
  constructor(batch: ComposedBatch, done: (outcome: WriteOutcome) => void, onFatal: () => void) {
    this.batch = batch;
    this.done = done;
    this.onFatal = onFatal;
  }

  submit(connection: Connection): void {
    const { stream } = connection;
    this.isSent = true;
    this.deadline = setTimeout(() => stream.destroy(), answerMs);
    stream.write(this.batch.bytes, this.batch.release);
  }

  handleError(error: Error & Partial<ServerError> & { severity?: string }): void {
    const isFromServer = error.severity !== undefined && error.code !== undefined;
    if (isFromServer) {
      const isFatal = endsSession.test(error.code ?? '');
      if (isFatal) this.onFatal();
      // The end of the last command is told after the commit: what comes later concerns the connection alone.
      if (this.completed === this.batch.commands) this.end({ kind: 'committed' });
      // A session that is ended between its commit and the word of it: rare, but only the batch number can tell.
      else if (isFatal) this.end({ kind: 'unknown', message: error.message });
      else
        this.end(outcomeOf({ code: error.code ?? '', message: error.message, constraint: error.constraint }));
      return;
    }
    if (!this.isSent) this.batch.release();
    this.end({ kind: this.isSent ? 'unknown' : 'retry', message: error.message });
  }

  handleCommandComplete(): void {
    this.completed += 1;
  }

  handleReadyForQuery(): void {
    if (this.completed === this.batch.commands) this.end({ kind: 'committed' });
    else
      this.end({ kind: 'unknown', message: `${this.completed} of ${this.batch.commands} commands reported` });
  }

  handleRowDescription(): void {}
  handleDataRow(): void {}
  /** The rows are already on their way. */
  handleCopyInResponse(): void {}
  handleEmptyQuery(): void {}
  handleParseComplete(): void {}

  private end(outcome: WriteOutcome): void {
    if (this.isDone) return;
    this.isDone = true;
    clearTimeout(this.deadline);
    this.done(outcome);
  }
}
