/** What a replay found out: each claim with what was found, and the figures. */

import type { Findings } from './check.js';
import type { CpuSample } from './cpu.js';

/** A claim about the run: it holds when what was found is what was expected. */
export interface Claim {
  readonly name: string;
  readonly found: number;
  readonly expected: number;
}

export interface Figures {
  readonly usersSeconds: number;
  readonly tokensSeconds: number;
  readonly connectSeconds: number;
  readonly roomsSeconds: number;
  readonly joinsSeconds: number;
  readonly checkSeconds: number;
  /** From the first send to the last ack. */
  readonly ackSeconds: number;
  /** From the first send to the last delivery. */
  readonly deliverySeconds: number;
  readonly ackedPerSecond: number;
  readonly ackP50Ms: number;
  readonly ackP99Ms: number;
  readonly ackMaxMs: number;
  /** Seconds of CPU while the messages were sent. */
  readonly cpuOfSending: CpuSample;
  /** … and from the first user to the last delivery. */
  readonly cpuOfAll: CpuSample;
  readonly clientMemoryMb: number;
  /** Times an operation was sent again, by code. */
  readonly retries: Readonly<Record<string, number>>;
  readonly gapsTold: number;
  readonly batches: number;
  readonly meanBatch: number;
  readonly rawCopyPerSecond: number;
}

export interface ReplayResult {
  readonly file: string;
  readonly sha256: string;
  /** In the file, all kinds. */
  readonly lines: number;
  readonly renamesSkipped: number;
  /** What was sent. */
  readonly messages: number;
  readonly people: number;
  readonly rooms: number;
  readonly joins: number;
  readonly claims: readonly Claim[];
  readonly passed: boolean;
  readonly figures: Figures;
}

export interface Counted {
  readonly messages: number;
  readonly acked: number;
  readonly rooms: number;
  readonly joins: number;
}

/** Every claim of a replay. */
export function claimsOf(findings: Readonly<Findings>, counted: Counted): Claim[] {
  const { messages, acked, rooms, joins } = counted;
  const none = (name: string, found: number): Claim => ({ name, found, expected: 0 });
  return [
    { name: 'messages acked', found: acked, expected: messages },
    { name: 'messages stored', found: findings.stored, expected: messages },
    none('lost', findings.lost),
    none('duplicates', findings.duplicates),
    none('breaks in number 1 … n of a room', findings.numberBreaks),
    none('breaks in seq 1 … n + joins of a room', findings.seqBreaks),
    none('memberships that are wrong', findings.membershipFaults),
    none("messages out of the transcript's order", findings.orderBreaks),
    none('acks with another seq than stored', findings.ackFaults),
    none('texts with other bytes', findings.bytesDifferent),
    none('messages of another author', findings.authorsDifferent),
    none('actions that are none, or the reverse', findings.actionsDifferent),
    none('original times that differ', findings.timesDifferent),
    { name: 'events heard by listeners', found: findings.heard, expected: messages + joins + rooms },
    none('events missed, repeated or out of order', findings.heardBreaks),
    none('events heard otherwise than stored', findings.heardDifferent),
  ];
}

export function holds({ found, expected }: Claim): boolean {
  return found === expected;
}
