/** Who comes and goes by an event of the log. */
import type { LogEvent } from './wire/events.js';

/** Whose membership an event changes, and how; undefined for all that changes none. */
export function membershipChange(event: LogEvent): { users: readonly string[]; grants: boolean } | undefined {
  switch (event.ev) {
    case 'conversation.create':
      return { users: [event.from, ...event.members], grants: true };
    case 'member.join':
      return { users: [event.from], grants: true };
    case 'member.add':
      return { users: [event.user], grants: true };
    case 'member.leave':
      return { users: [event.from], grants: false };
    case 'member.remove':
    case 'member.ban':
      return { users: [event.user], grants: false };
    default:
      return undefined;
  }
}
