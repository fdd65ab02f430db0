/** An operation until it is taken: what may be sent again is, with the same id, as the server says when (P2). */
import { setTimeout as wait } from 'node:timers/promises';
import { type ErrorName, errorCodes } from '#src/wire/codes.js';
import type { Ack } from '#src/wire/events.js';
import { type Asked, RefusedOperation } from './connection.js';
import { ReplayFailure } from './failure.js';

/** How often operations were sent again, by the code of the refusal. */
export type Retries = Map<ErrorName, number>;

/** What can be asked: a connection, or what a test puts in its place. */
export interface Askable {
  ask(operation: Asked): Promise<Ack>;
}

const retried: ReadonlySet<ErrorName> = new Set(['unavailable', 'overloaded', 'rate_limited']);
const retryMsDefault = 500;
/** Then the server is in trouble that waiting does not mend. */
const triesMax = 120;

/** @param what names the operation for people. Rejects with a ReplayFailure when it is refused for good. */
export async function persist(
  connection: Askable,
  operation: Asked,
  what: () => string,
  retries: Retries,
): Promise<Ack> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await connection.ask(operation);
    } catch (error) {
      if (!(error instanceof RefusedOperation)) throw error;
      const { code, message } = error;
      if (!retried.has(code) || tries === triesMax) {
        const advice = retried.has(code) ? `after ${tries} tries` : errorCodes[code].todo;
        throw new ReplayFailure(`${what()} was refused: ${code}, ${message} (${advice})`);
      }
      retries.set(code, (retries.get(code) ?? 0) + 1);
      await wait(error.retryMs ?? retryMsDefault);
    }
  }
}
