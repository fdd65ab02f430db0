/** A refusal as its client is told. */
import type { Refusal } from '../threads/messages.js';
import type { WireError } from '../wire/events.js';

/** `ref` null: about a frame or a token. */
export function wireErrorOf(ref: number | null, refusal: Refusal): WireError {
  const { code, message, retryMs, stored, at } = refusal;
  return {
    err: ref,
    code,
    message,
    ...(retryMs === undefined ? {} : { retryMs }),
    ...(stored === undefined ? {} : { stored }),
    ...(at === undefined ? {} : { at }),
  };
}
