/** The time window of new ids (L4). */
import { timeOfId } from '#src/ids.js';
import type { Refusal } from '#src/threads/messages.js';
import { wireLimits } from '#src/wire/limits.js';

/** undefined: the id's time is good. Otherwise the refusal, with the server's time to make a new one from. */
export function checkIdWindow(id: string, now: number): Refusal | undefined {
  const time = timeOfId(id);
  if (time >= now - wireLimits.idPastMs && time <= now + wireLimits.idFutureMs) return undefined;
  const message = 'id: its time is more than 24 hours back or 5 minutes ahead of the server.';
  return { code: 'id_out_of_window', message, stored: false, at: now };
}
