/** What a client is told when the store of files fails. */
import { NuboError } from '../errors.js';
import { BytesGoneError, StoreAwayError, StoreFullError, WrongOffsetError } from './store.js';

const awayRetryMs = 1_000;
const fullRetryMs = 10_000;

/** undefined: it is no error of a store. */
export function refusalOfStore(error: unknown): NuboError | undefined {
  if (error instanceof StoreFullError)
    return new NuboError('overloaded', 'The server has no room for this file now.', { retryMs: fullRetryMs });
  if (error instanceof StoreAwayError)
    return new NuboError('unavailable', 'The store of files cannot be reached now.', {
      retryMs: awayRetryMs,
    });
  if (error instanceof WrongOffsetError)
    return new NuboError('unavailable', `The upload stands at ${error.held}: ask where, and go on.`, {
      retryMs: awayRetryMs,
    });
  if (error instanceof BytesGoneError)
    return new NuboError('not_found', 'There is no such thing, or it is not yours to see.', {
      stored: false,
    });
  return undefined;
}
