/** Every error nubo makes. Codes are stable; the words may change. */
import type { LimitName, PlainName, Refusal, WaitName } from './threads/messages.js';
import type { ErrorName } from './wire/codes.js';

interface RefusalOptions {
  readonly retryMs?: number;
  readonly stored?: false;
  readonly limit?: LimitName;
}

/** A refusal with a place in the table of error codes: it reaches the client as it is, without a stack. */
export class NuboError extends Error {
  override readonly name = 'NuboError';
  readonly code: ErrorName;
  readonly retryMs?: number;
  readonly stored?: false;
  readonly limit?: LimitName;

  /** Who is asked to wait is told for how long. */
  constructor(code: WaitName, message: string, options: RefusalOptions & { retryMs: number });
  constructor(code: PlainName, message: string, options?: RefusalOptions);
  constructor(code: ErrorName, message: string, options: Refusal);
  constructor(code: ErrorName, message: string, options: RefusalOptions = {}) {
    super(message);
    this.code = code;
    if (options.retryMs !== undefined) this.retryMs = options.retryMs;
    if (options.stored !== undefined) this.stored = options.stored;
    if (options.limit !== undefined) this.limit = options.limit;
  }
}

/** What is told of it, over the wire and between threads. */
export function refusalOf({ code, message, retryMs, stored, limit }: NuboError): Refusal {
  return {
    code,
    message,
    ...(retryMs === undefined ? {} : { retryMs }),
    ...(stored === undefined ? {} : { stored }),
    ...(limit === undefined ? {} : { limit }),
    // Its constructor took them together.
  } as Refusal;
}

/** The person who started nubo has to change something: printed as one sentence, exit code 2 (O1). */
export class UserError extends Error {
  override readonly name = 'UserError';
}

/** nubo cannot start as things stand (a taken port, a data folder in use): one sentence, exit code 1 (O5, O6). */
export class StartError extends Error {
  override readonly name = 'StartError';
}
