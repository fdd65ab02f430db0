/** Gives the events of a batch their place: seq, number and time. */
import type { Entry } from './ledger.js';

/**
 * Numbers the events in their order, continuing each conversation's committed head (P4). Called again for every
 * attempt, so that rows taken out of a batch leave no hole.
 *
 * @throws Error when a conversation's head is not known: a bug, since it is read before anything is admitted.
 */
export function numberEvents(entries: readonly Entry[], at: number): void {
  for (const { account } of entries) {
    if (account.head === undefined) throw new Error(`no head for conversation ${account.conv}`);
    account.next.seq = account.head.seq;
    account.next.number = account.head.number;
  }
  for (const { account, event } of entries) {
    const { next } = account;
    next.seq += 1;
    if (event.ev === 'message.new') next.number += 1;
    event.seq = next.seq;
    event.number = next.number;
    event.at = at;
  }
}
