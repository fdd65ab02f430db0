/**
 * Accepting an invitation: a use is taken, then the user joins, and a use that did not help is given back. A use is of a
 * user, so whatever is cut off in between and asked for again, with the same id or another, takes no second one.
 */
import { uuidv7 } from 'uuidv7';
import { NuboError } from '../errors.js';
import type { AckResult } from '../threads/messages.js';
import { RefusedError } from './calls.js';
import type { QueryPorts } from './queries.js';
import { ackBody } from './rest/durable.js';

export async function acceptInvite(
  { front, user, rate = 'standard' }: QueryPorts,
  { id = uuidv7(), code }: { readonly id?: string | undefined; readonly code: string },
): Promise<ReturnType<typeof ackBody>> {
  const shard = front.shardOf(user);
  const { invite, conv, isNew, isOver } = await front.call(shard, 'invites.take', {
    user,
    code,
    operation: id,
  });
  try {
    // One that is over lets nobody in: asked again with the same id, the conversation tells what it has stored.
    const invited = isOver ? {} : { invited: true as const };
    const joined: AckResult = await front.ask({ kind: 'join', id, user, rate, conv, ...invited });
    return ackBody({ ...joined, conv });
  } catch (error) {
    // Only who is certainly not in gives it back: what is unknown is asked for again.
    if (isNew && error instanceof RefusedError && error.refusal.stored === false)
      await front.call(shard, 'invites.giveBack', { user, invite, operation: id }).catch(() => null);
    if (error instanceof NuboError && error.code === 'not_found')
      throw new NuboError('not_found', 'There is no such invitation.', { stored: false });
    throw error;
  }
}
