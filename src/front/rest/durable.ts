/** Durable operations as REST asks for them: the same requests as a socket's, the same answer for a retry (P2, R2). */

import type { AckResult } from '../../threads/messages.js';
import { conversationOf, type DurableAsk, durableRequest, faultOf } from '../asks.js';
import type { Question } from '../calls.js';
import { RefusedError } from '../calls.js';
import type { DurableInput } from './route.js';

/** Rejects with RefusedError. */
export function askDurable(
  { ports, identity }: Pick<DurableInput<unknown, unknown, unknown>, 'ports' | 'identity'>,
  operation: DurableAsk,
): Promise<AckResult> {
  const { user, rate } = identity;
  const fault = faultOf(operation, user);
  if (fault !== undefined) throw new RefusedError(fault);
  // Its number is given when it is sent.
  const request = durableRequest(operation, conversationOf(operation, user), { request: 0, user, rate });
  return ports.front.ask(request as Question);
}

/** What of an ack is told: no field of the way it came. */
export function ackBody({ id, seq, at, conv }: AckResult) {
  return { id, seq, at, ...(conv === undefined ? {} : { conv }) };
}
