/** One conversation that sockets of this front listen to. Changed by Topics only. */

import type { LogEvent } from '../wire/events.js';
import type { Codec } from '../wire/prescan.js';
import type { Few } from './few.js';
import type { Session } from './session.js';

export class Topic {
  readonly conv: string;
  readonly shard: number;
  /** The shard publishes to this front. */
  registered = false;
  /** Subscriptions that wait for the shard's answer: they hold the topic, or its events would stop. */
  subscribing = 0;
  /** Subscribed sockets by codec, those in gap mode included: an event is encoded for the codecs in use. */
  readonly sockets: Record<Codec, number> = { json: 0, msgpack: 0 };
  /** Those of the sockets that get durable events only. */
  sparse: Few<Session>;
  /** The last seq that was taken in; `pending` ends with it. */
  lastSeq = 0;
  /** Events of this turn that are not published yet: together at its end, so that uWebSockets.js sends them together. */
  pending: LogEvent[] = [];
  /** Sockets that joined in this turn: their answer goes out before any event does (W10). */
  joined: Session[] = [];
  /** The last turn in which a frame of any kind was given to its sockets. */
  givenTurn = Number.NEGATIVE_INFINITY;
  /** The last turn in which something durable was published, and the last seq before it (see settledSeq). */
  publishedTurn = Number.NEGATIVE_INFINITY;
  seqBeforeTurn = 0;

  constructor(conv: string, shard: number) {
    this.conv = conv;
    this.shard = shard;
  }

  get socketCount(): number {
    return this.sockets.json + this.sockets.msgpack;
  }

  /** The last seq that was handed to the sockets. */
  get publishedSeq(): number {
    return this.lastSeq - this.pending.length;
  }

  /**
   * The last seq that every socket got or was told to have lost. What was published in this turn or the one
   * before may still wait in uWebSockets.js, which reports only the first of the frames that it drops together.
   */
  settledSeq(turn: number): number {
    return this.publishedTurn >= turn - 1 ? this.seqBeforeTurn : this.publishedSeq;
  }
}

export function wereGivenFramesSince(topics: readonly Topic[], turn: number): boolean {
  return topics.some(({ givenTurn }) => givenTurn >= turn);
}

/**
 * What a socket subscribes to in uWebSockets.js, one name for each conversation. Those that are behind are sparse: their
 * topic gets durable events only, so that they lose typing before they lose messages (P8, W15).
 */
export function topicName(codec: Codec, conv: string, kind: 'whole' | 'sparse'): string {
  if (kind === 'whole') return codec === 'json' ? `j:${conv}` : `m:${conv}`;
  return codec === 'json' ? `j-${conv}` : `m-${conv}`;
}

/** About what an event weighs in a frame: its ids and keys, and what people wrote. */
export function estimatedBytes(event: LogEvent): number {
  if (event.ev === 'conversation.create')
    return 300 + event.members.length * 40 + textBytes(event.title) + textBytes(event.description);
  if (event.ev !== 'message.new' && event.ev !== 'message.edit') return 300;
  let bytes = 250 + textBytes(event.text) + jsonBytes(event.metadata) + (event.mentions?.length ?? 0) * 40;
  if (event.ev === 'message.new') {
    const { attachments, state, parent } = event;
    bytes += jsonBytes(attachments) + jsonBytes(state) + jsonBytes(parent);
  }
  return bytes;
}

function jsonBytes(value: unknown): number {
  return value === undefined ? 0 : JSON.stringify(value).length;
}

/** At least the bytes of UTF-8 for ASCII, at most a third of them for the rest: good enough to cut frames by. */
function textBytes(text: string | undefined): number {
  return text === undefined ? 0 : text.length;
}
