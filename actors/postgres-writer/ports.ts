/** What the writer needs of its shard. */
import type { Clock, Timers } from '#src/runtime/ports.js';
import type { LogStore } from '#src/storage/ports.js';
import type { Acks, ToFront } from '#src/threads/messages.js';
import type { LogEvent } from '#src/wire/events.js';
import type { ConversationMessage } from '../messages.js';

export interface WriterPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly store: Pick<LogStore, 'own' | 'write' | 'lookup' | 'load' | 'flush'>;
  /** Answers a request at the front it came from. */
  answer(message: Extract<ToFront, { request: number }>): void;
  /** Operations of a front that are committed now. */
  acknowledge(front: number, acks: Acks): void;
  /** Tells a conversation's actor; results are never refused. */
  tellConversation(conv: string, message: ConversationMessage): void;
  /** The shard cannot go on: the thread must end and be started again (`fenced`: the process). */
  fatal(reason: 'fenced' | 'broken', message: string): void;
  /** A batch is in Postgres, an empty one too: what mirrors are fed with. */
  onCommitted?(batch: number, events: readonly LogEvent[]): void;
  /** For metrics: a batch was committed. */
  onBatch?(rows: number, milliseconds: number): void;
  onMove?(from: string, to: string): void;
}
