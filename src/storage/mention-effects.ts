/** What the events of one batch do to mentions (U3): a row for each user who is named, one for a message that means all. */
import type { LogEvent } from '../wire/events.js';

export interface MentionEffects {
  /** Messages that mean everybody but their sender. */
  readonly everyone: Array<{ conv: string; number: number; from: string; message: string }>;
  readonly named: Array<{
    conv: string;
    number: number;
    from: string;
    message: string;
    users: readonly string[];
  }>;
  /** Those whom a message names now, instead of whom it named. */
  readonly edited: Array<{ message: string; users: readonly string[] }>;
  readonly deleted: string[];
}

/** @returns undefined when there is nothing to do: so it is with nearly every batch */
export function mentionEffectsOf(events: readonly LogEvent[]): MentionEffects | undefined {
  const edited = new Map<string, { seq: number; users: readonly string[] }>();
  const effects: MentionEffects = { everyone: [], named: [], edited: [], deleted: [] };
  let isEmpty = true;
  for (const event of events) {
    if (event.ev === 'message.new') {
      if (event.everyone === undefined && event.mentions === undefined) continue;
      const { conv, number, from, id: message, mentions = [], everyone } = event;
      if (everyone === true) effects.everyone.push({ conv, number, from, message });
      else effects.named.push({ conv, number, from, message, users: mentions });
    } else if (event.ev === 'message.edit' && event.mentions !== undefined) {
      const { message, seq, mentions } = event;
      if ((edited.get(message)?.seq ?? 0) < seq) edited.set(message, { seq, users: mentions });
    } else if (event.ev === 'message.delete') effects.deleted.push(event.message);
    else continue;
    isEmpty = false;
  }
  if (isEmpty) return undefined;
  for (const [message, { users }] of edited) effects.edited.push({ message, users });
  return effects;
}
