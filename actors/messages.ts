/** What actors of one shard thread say to each other. What crosses threads is in src/threads/messages.ts. */

import type { PageRead } from '#src/pages.js';
import type {
  BlockOutcome,
  ConversationSnapshot,
  Failed,
  Found,
  Owned,
  StoredOperation,
  Target,
  WriteOutcome,
} from '#src/storage/ports.js';
import type { BlockRequest, ConversationRequest } from '#src/threads/messages.js';
import type { Attachment, LogEvent } from '#src/wire/events.js';

/** An admitted operation on its way into a batch. Its seq, number and at are given when the batch is made. */
export interface Append {
  /** Who waits for the ack. */
  readonly request: number;
  readonly event: LogEvent;
  /** What it weighs in queues and batches. */
  readonly bytes: number;
}

export type ReceiptStep =
  /** A mark that others may hear of is in Postgres. */
  | { name: 'marked'; user: string; number: number; what: 'read' | 'delivered' }
  | { name: 'due' }
  /** Which of the members neither show nor see marks; undefined: the store could not be asked. */
  | { name: 'asked'; without: readonly string[] | undefined };

export type ConversationMessage =
  | ConversationRequest
  /** The barrier was passed and everything read (from the writer). */
  | { kind: 'loaded'; snapshot: ConversationSnapshot; asker?: object }
  | { kind: 'load failed'; message: string; asker?: object }
  | { kind: 'try load again' }
  /** Events of this conversation that are in Postgres now, in order. */
  | { kind: 'committed'; events: LogEvent[] }
  /** These operations ended without a new event: duplicates, conflicts, refusals of the database. */
  | { kind: 'settled'; ids: string[] }
  /** What the log knows of the ids that were asked for; `failed` when it could not be read. */
  | { kind: 'looked up'; ids: string[]; found: StoredOperation[]; failed: boolean; horizon?: number }
  | {
      kind: 'users checked';
      id: string;
      result: { unknown: readonly string[]; blocked: readonly string[] } | undefined;
    }
  /** Of operation `id`; `failed`: the store could not be asked. */
  | {
      kind: 'target found';
      id: string;
      askedAt: number;
      result: { found: Target | undefined } | 'failed';
    }
  | {
      kind: 'attachments found';
      id: string;
      result: { found: readonly Attachment[] | undefined } | 'failed';
    }
  /** How keeping a block ended; what was kept holds for whichever instance hears it. */
  | { kind: 'block kept'; asked: BlockRequest; outcome: BlockOutcome }
  | { kind: 'receipts'; step: ReceiptStep }
  | { kind: 'typing due' }
  | { kind: 'backlog read'; request: number; user: string; have: number; page: PageRead | undefined };

export type WriterMessage =
  | { kind: 'append'; entries: Append[] }
  | { kind: 'lookup'; conv: string; ids: string[] }
  /**
   * The barrier: load once nothing of the conversation is queued or in flight. `asker` comes back with the result:
   * a successor that hears what its predecessor crashed on must not take it for its own.
   */
  | { kind: 'load'; conv: string; asker?: object }
  /** The conversation's actor is gone: its head need not be kept. */
  | { kind: 'forget'; conv: string }
  /** A mark, at the message of this number (of `quiet`: the end, see MarkMove); `request` is answered once it is in Postgres. */
  | {
      kind: 'mark';
      what: 'read' | 'delivered' | 'unread' | 'quiet';
      request: number;
      conv: string;
      user: string;
      number: number;
      seq: number;
    }
  /** Call `done` once every head and mark so far is in Postgres; undefined: it was not possible. */
  | { kind: 'flush'; done: (flushed: boolean) => void }
  /** Commit an empty batch and call `done` with its number; undefined: it was not possible. */
  | { kind: 'probe'; done: (batch: number | undefined) => void }
  /** Call `done` once the queue is empty and flushed; nothing is taken in afterwards. */
  | { kind: 'drain'; done: () => void }
  | { kind: 'owned'; result: Owned }
  | { kind: 'wrote'; outcome: WriteOutcome }
  | { kind: 'duplicates found'; result: Found | Failed }
  | {
      kind: 'lookup done';
      asked: Map<string, string[]>;
      result: Found | Failed;
    }
  | {
      kind: 'load done';
      conv: string;
      load: number;
      result: { kind: 'loaded'; snapshot: ConversationSnapshot } | Failed;
    }
  | { kind: 'flush done'; result: { kind: 'flushed' } | Failed }
  | { kind: 'pause over' }
  | { kind: 'flush due' };
