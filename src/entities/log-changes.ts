/** What the events of one batch are to mirrors. What they do to conversations and members, the tables tell. */
import type { LogEvent } from '../wire/events.js';
import type { Change } from './entity.js';
import { changeOfEvent } from './messages.js';

/**
 * Each is at the version of its batch. A deletion rewrites its message as well, so that what it said is in no tier.
 *
 * @param batch of the log, shard and number in one
 */
export function changesOfEvents(events: readonly LogEvent[], batch: number): Change[] {
  const changes: Change[] = [];
  for (const event of events) {
    changes.push(changeOfEvent(event, batch));
    if (event.ev === 'message.delete') changes.push(changeOfEvent(deletedMessage(event), batch));
  }
  return changes;
}

/** What is left of the message. */
function deletedMessage(event: LogEvent<'message.delete'>): LogEvent<'message.new'> {
  const { conv, message: id, messageSeq: seq, messageNumber: number, author: from, sentAt: at } = event;
  return { ev: 'message.new', conv, seq, number, id, from, at, text: '' };
}
