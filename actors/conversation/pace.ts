/**
 * How fast a conversation may be written to: by each user, over all conversations of the shard (L5), and by all
 * together (L17), so that no room takes a server to itself. For the room what a mute forbids counts: messages, edits and
 * reactions. Who moderates is never held back by it, nor is a token of class `high`, which counts for nothing there.
 */
import { isAllowed } from '#src/permissions.js';
import type { DurableRequest, Refusal } from '#src/threads/messages.js';
import { type Bucket, createBucket, takeToken } from '#src/token-bucket.js';
import type { ConversationPorts } from './ports.js';
import { busy, tooFast } from './refusals.js';
import type { ConversationState } from './state.js';

export class Pace {
  private readonly ports: ConversationPorts;
  /** Made with the first thing that counts: most conversations rest. */
  private bucket: Bucket | undefined;

  constructor(ports: ConversationPorts) {
    this.ports = ports;
  }

  /** Counts an operation that is about to be taken in; what to say when it comes too early. */
  refusalOf(request: DurableRequest, state: ConversationState): Refusal | undefined {
    const { user, rate } = request;
    const retryMs = this.ports.rates.take(user, rate);
    if (retryMs > 0) return tooFast(retryMs);
    const busyMs = this.take(request, state);
    return busyMs > 0 ? busy(busyMs) : undefined;
  }

  private take({ kind, rate, user }: DurableRequest, { info, members }: ConversationState): number {
    const { conversationRate: limits, clock } = this.ports;
    if (limits === undefined || rate === 'high') return 0;
    if (kind !== 'send' && kind !== 'edit' && kind !== 'react') return 0;
    const now = clock.now();
    this.bucket ??= createBucket(limits, now);
    const retryMs = takeToken(this.bucket, limits, now);
    if (retryMs === 0 || info === undefined) return 0;
    return isAllowed('sendFast', info.type, members.get(user)?.role ?? 'member') ? 0 : retryMs;
  }
}
