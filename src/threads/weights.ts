/**
 * What messages weigh on a link, in bytes: estimates, on the high side, that cost a few nanoseconds. Bounds in bytes
 * keep memory in hand with them; exact they need not be.
 */
import type { LogEvent } from '../wire/events.js';
import type { ToFront, ToShard } from './messages.js';

/** Two ids and a few numbers. */
export const messageBytes = 256;
/** An event without its text: five ids and a few numbers. */
const eventBytes = 384;
/** Not counted through: on the high side of what people put there. */
const metadataBytes = 1024;
/** A uuid in a list. */
const idBytes = 64;
/** A request's number and a seq. */
const ackBytes = 16;
/** Three ids and two sentences. */
const refusedBytes = 512;

export function bytesOfEvent(event: LogEvent): number {
  if (event.ev === 'conversation.create') return eventBytes + event.members.length * idBytes;
  if (event.ev === 'message.edit') return eventBytes + bytesOfWords(event);
  if (event.ev !== 'message.new') return eventBytes;
  const attachments = (event.attachments?.length ?? 0) * eventBytes;
  return eventBytes + bytesOfWords(event) + attachments;
}

export function bytesOfEvents(events: readonly LogEvent[]): number {
  let bytes = 0;
  for (const event of events) bytes += bytesOfEvent(event);
  return bytes;
}

/** What somebody wrote, and whom they named. */
function bytesOfWords(words: {
  readonly text: string;
  readonly metadata?: object | undefined;
  readonly mentions?: readonly string[] | undefined;
}): number {
  const metadata = words.metadata === undefined ? 0 : metadataBytes;
  return words.text.length * 2 + metadata + (words.mentions?.length ?? 0) * idBytes;
}

/** What a front posts. */
export function bytesToShard(message: ToShard): number {
  if (message.kind === 'send' || message.kind === 'edit') return messageBytes + bytesOfWords(message);
  if (message.kind === 'create') return messageBytes + (message.members?.length ?? 0) * idBytes;
  if (message.kind === 'present' || message.kind === 'watch' || message.kind === 'unwatch')
    return messageBytes + message.users.length * idBytes;
  if (message.kind === 'recollection') return messageBytes + message.refused.length * refusedBytes;
  return messageBytes;
}

/** What a shard posts. */
export function bytesToFront(message: ToFront): number {
  if (message.kind === 'publish') return messageBytes + bytesOfEvents(message.events);
  if (message.kind === 'ack' && message.events !== undefined)
    return messageBytes + bytesOfEvents(message.events);
  if (message.kind === 'subscribed' && message.backlog.kind === 'events') {
    return messageBytes + bytesOfEvents(message.backlog.events);
  }
  if (message.kind === 'acks') return messageBytes + message.requests.length * ackBytes;
  if (message.kind === 'refused') return refusedBytes;
  if (message.kind === 'stirred')
    return messageBytes + (message.convs.length + 2 * message.moves.length) * 2 * idBytes;
  // As many marks as those who hear of them, at most.
  if (message.kind === 'ephemeral' && message.to !== undefined)
    return messageBytes + 2 * message.to.length * idBytes;
  if (message.kind === 'presences') return messageBytes + message.presences.length * 2 * idBytes;
  if (message.kind === 'ephemeral' && !('ev' in message.event))
    return messageBytes * (1 + message.event.length);
  return messageBytes;
}
