/** Refusals that are no rule's: what cannot be looked at now, or not so fast. */
import type { Refusal } from '#src/threads/messages.js';

export const unreadable: Refusal = {
  code: 'unavailable',
  message: 'The database could not be asked; send the same operation again.',
  retryMs: 250,
};

export const expired: Refusal = {
  code: 'expired',
  message: 'The id is older than what this server keeps: whether it was stored is not known any more.',
};

export function slowMode(retryMs: number): Refusal {
  return {
    code: 'rate_limited',
    message: 'Slow mode: wait before you write here again.',
    retryMs,
    limit: 'slow-mode',
  };
}

export function tooFast(retryMs: number): Refusal {
  return {
    code: 'rate_limited',
    message: 'You send faster than this server allows.',
    retryMs,
    limit: 'operations',
  };
}

/** Everybody was told to come again at the same time: the least wait spreads them. */
const busyMsMin = 200;

export function busy(retryMs: number): Refusal {
  const message = 'More is said here at once than this server allows in a conversation.';
  return { code: 'rate_limited', message, retryMs: Math.max(busyMsMin, retryMs), limit: 'conversation' };
}

export const crowded: Refusal = {
  code: 'overloaded',
  message: 'Too much waits in this conversation.',
  retryMs: 500,
};

export const idTaken: Refusal = {
  code: 'conflict',
  message: 'This id belongs to another operation.',
  stored: false,
};

/** @param user one of those who were named */
export function noSuchUser(user: string | undefined): Refusal {
  return { code: 'not_found', message: `There is no user ${user}.`, stored: false };
}

/** Somebody else's operation with this id is not settled: once it is, the answer will be `conflict`. */
export const idInUse: Refusal = {
  code: 'unavailable',
  message: 'Another operation with this id is under way; send again to learn its end.',
  retryMs: 100,
};
