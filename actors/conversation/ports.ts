/** What a conversation needs of its shard. */

import type { Rates } from '#src/rates.js';
import type { ActorContext } from '#src/runtime/actor.js';
import type { Clock, Timers } from '#src/runtime/ports.js';
import type { ConversationMoment, Failed, LogStore, TieredPage } from '#src/storage/ports.js';
import type { ToFront } from '#src/threads/messages.js';
import type { BucketLimits } from '#src/token-bucket.js';
import type { ControlEvent, LogEvent } from '#src/wire/events.js';
import type { ConversationMessage, WriterMessage } from '../messages.js';
import type { Answered } from './answered.js';

/** The shard's publisher: which fronts have subscribers, and up to where they were told. */
export interface PublisherPort {
  subscribe(front: number, conv: string, head: number): void;
  /** The last seq told to interested fronts; undefined when none is interested. */
  lastSeq(conv: string): number | undefined;
  publish(conv: string, events: readonly LogEvent[]): void;
  missed(conv: string, head: number): void;
  /** `to`: only for the sockets of these users; all that listen without it. */
  ephemeral(
    conv: string,
    event: ControlEvent | readonly ControlEvent[],
    at: number,
    to?: readonly string[],
  ): void;
}

export interface ConversationStore
  extends Pick<
    LogStore,
    'unknownUsers' | 'setBlock' | 'withoutReceipts' | 'targets' | 'changed' | 'parents' | 'attachments'
  > {
  /** From the fastest tier that has the page; who decorates it gives it to those that lack it. */
  read(range: Parameters<LogStore['read']>[0], done: (result: TieredPage | Failed) => void): void;
}

export interface ConversationPorts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly store: ConversationStore;
  readonly publisher: PublisherPort;
  readonly answered: Answered;
  readonly rates: Rates;
  /** How fast a conversation may be written to by all together; no limit when absent (L17). */
  readonly conversationRate?: BucketLimits | undefined;
  post(front: number, message: ToFront): void;
  /** To every front: a user is told something wherever they are. */
  notify(user: string, event: ControlEvent): void;
  /** To every front: from now on neither of the two sees how the other is (E3). */
  hide(one: string, other: string): void;
  tellWriter(message: WriterMessage): void;
  /** Members beyond which nobody is told how far others have read: it is asked (U5). */
  readonly receiptsMembersMax: number;
  /** Members whose marks are told in one second (E8). */
  readonly receiptMarksMax: number;
  /** It leaves memory, and this is what it was; absent: nobody would keep it. */
  handOver?(moment: ConversationMoment): void;
}

export type ConversationContext = ActorContext<ConversationMessage>;
