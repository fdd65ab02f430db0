/** Every error nubo makes. Codes are stable; the words may change. */
import type { Refusal } from './threads/messages.js';
import type { ErrorName } from './wire/codes.js';

/** A refusal with a place in the table of error codes: it reaches the client as it is, without a stack. */
export class NuboError extends Error {
  override readonly name = 'NuboError';
  readonly code: ErrorName;
  readonly retryMs?: number;
  readonly stored?: false;

  constructor(code: ErrorName, message: string, options: { retryMs?: number; stored?: false } = {}) {
    super(message);
    this.code = code;
    if (options.retryMs !== undefined) this.retryMs = options.retryMs;
    if (options.stored !== undefined) this.stored = options.stored;
  }
}

/** What is told of it, over the wire and between threads. */
export function refusalOf({ code, message, retryMs, stored }: NuboError): Refusal {
  return {
    code,
    message,
    ...(retryMs === undefined ? {} : { retryMs }),
    ...(stored === undefined ? {} : { stored }),
  };
}

/** The person who started nubo has to change something: printed as one sentence, exit code 2 (O1). */
export class UserError extends Error {
  override readonly name = 'UserError';
}

/** nubo cannot start as things stand (a taken port, a data folder in use): one sentence, exit code 1 (O5, O6). */
export class StartError extends Error {
  override readonly name = 'StartError';
}
