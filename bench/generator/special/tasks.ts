/**
 * What the bench asks of a process of the special load, and what it hears back. A *task* is one play; inside it, a
 * *window* is a time over which CPU is counted: the child says when one begins and ends, and goes on when it is answered.
 */
import type { Address, Checks, Percentiles, Second } from '../../contract.js';
import type { Sightings } from './sightings.js';

/** A user of a task, who hears these rooms (indexes into the task's rooms). */
export interface Guest {
  readonly token: string;
  readonly hears: readonly number[];
}

interface Server {
  readonly address: Address;
  readonly codec: 'msgpack' | 'json';
}

/** What writes into rooms meanwhile, as an open loop over all writers. */
export interface TrafficPlan {
  /** Tokens of the writers. */
  readonly writers: readonly string[];
  /** Indexes of the rooms that are written to, by turns. */
  readonly rooms: readonly number[];
  readonly perSecond: number;
  readonly textBytes: number;
}

/** Connects each guest once, `atOnce` at a time, counted from TCP connect to `hello`. */
export interface ConnectTask extends Server {
  readonly kind: 'connect';
  readonly tokens: readonly string[];
  readonly atOnce: number;
  /** Connections whose handshakes are not counted: compiled code and warm caches come first. */
  readonly warmUp: number;
  /** The other side is a bare server: it is ready when it has upgraded, and says nothing. */
  readonly isBare: boolean;
}

/** Connects everybody and lets them sit there while the bench reads the server's memory, twice. */
export interface HoldTask extends Server {
  readonly kind: 'hold';
  /** How many are there when memory is looked at first. */
  readonly first: number;
  readonly guests: readonly Guest[];
  readonly rooms: readonly string[];
  readonly atOnce: number;
}

/** Cuts everybody at once, and lets them resume while others write. */
export interface StormTask extends Server {
  readonly kind: 'storm';
  readonly guests: readonly Guest[];
  readonly rooms: readonly string[];
  readonly traffic: TrafficPlan;
  readonly atOnce: number;
  readonly calmSeconds: number;
  readonly awaySeconds: number;
  readonly afterSeconds: number;
  readonly settleSeconds: number;
}

/** Writes messages into rooms, as fast as it goes. */
export interface FillTask extends Server {
  readonly kind: 'fill';
  readonly rooms: readonly string[];
  /** Of one member of all rooms. */
  readonly token: string;
  readonly messagesEach: number;
  /** Absent: what people said in the transcript. */
  readonly textBytes?: number;
}

/** Reads pages: every page of every room once a window, in a shuffled order, or the newest ones for so many seconds. */
export interface HistoryTask extends Server {
  readonly kind: 'history';
  readonly rooms: readonly string[];
  readonly tokens: readonly string[];
  /** What each room holds: the seqs `firstSeq` to `lastSeq` are messages of the fill, in its order. */
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly pageEvents: number;
  readonly outstanding: number;
  readonly windows: readonly { readonly name: string; readonly reads: 'every page' | 'newest' }[];
  /** Of a window of the newest pages; a window of every page ends with the last one, or at this time. */
  readonly seconds: number;
}

/** A part of the guests reads hardly anything while their room is busy. */
export interface SlowTask extends Server {
  readonly kind: 'slow';
  readonly guests: readonly Guest[];
  /** The first so many of them read only so fast; 0: not at all. */
  readonly slow: number;
  readonly slowBytesPerSecond: number;
  readonly rooms: readonly string[];
  readonly traffic: TrafficPlan;
  readonly calmSeconds: number;
  readonly stalledSeconds: number;
  readonly settleSeconds: number;
}

export interface RestCase {
  readonly name: string;
  readonly method: 'GET' | 'POST';
  /** By turns over the connections. */
  readonly requests: readonly { readonly path: string; readonly token?: string }[];
  readonly body?: string;
}

/** autocannon, one case after the other. */
export interface RestTask {
  readonly kind: 'rest';
  readonly url: string;
  readonly cases: readonly RestCase[];
  readonly connections: number;
  readonly seconds: number;
}

/** Everything a little, for long. */
export interface SoakTask extends Server {
  readonly kind: 'soak';
  readonly guests: readonly Guest[];
  readonly rooms: readonly string[];
  readonly traffic: TrafficPlan;
  readonly seconds: number;
  readonly readsPerSecond: number;
  readonly cutsPerSecond: number;
  readonly typingPerSecond: number;
  readonly settleSeconds: number;
}

/**
 * Everybody of a room types, changes their presence, reads, and watches the next so many; before it and meanwhile one of
 * them speaks. Played in parts, by processes that wait for each other.
 */
export interface PresenceTask extends Server {
  readonly kind: 'presence';
  /** Of so many parts this one: every so-maniest of the people is its own. */
  readonly part: number;
  readonly parts: number;
  /** All of the room. */
  readonly people: readonly { readonly user: string; readonly token: string }[];
  readonly rooms: readonly string[];
  /** Which of them. */
  readonly room: number;
  readonly watchedEach: number;
  readonly typingEverySeconds: number;
  readonly atOnce: number;
  /** Said before the load, and again under it. */
  readonly messages: number;
  readonly messagesPerSecond: number;
  readonly textBytes: number;
  readonly calmSeconds: number;
  readonly seconds: number;
  readonly settleSeconds: number;
}

export const changeKinds = ['send', 'react', 'edit', 'delete', 'pin'] as const;
export type ChangeKind = (typeof changeKinds)[number];
/** Of all operations, from 0 to 1; `react` and `pin` with what takes them back. The rest are sends. */
export type ChangeShares = Readonly<Record<Exclude<ChangeKind, 'send'>, number>>;

/** Messages and changes of them, in a closed loop: each writer keeps so many unanswered. */
export interface ChangesTask extends Server {
  readonly kind: 'changes';
  readonly guests: readonly Guest[];
  readonly rooms: readonly string[];
  readonly writers: readonly { readonly token: string; readonly room: number }[];
  readonly outstanding: number;
  readonly shares: ChangeShares;
  readonly textBytes: number;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly settleSeconds: number;
}

export type Task =
  | ConnectTask
  | HoldTask
  | StormTask
  | FillTask
  | HistoryTask
  | SlowTask
  | RestTask
  | PresenceTask
  | ChangesTask
  | SoakTask;

export interface ConnectReport {
  readonly connects: number;
  readonly seconds: number;
  readonly connect: Percentiles | undefined;
  /** Connections that failed and were tried again, and the first reasons. */
  readonly failures: number;
  readonly details: readonly string[];
}

export interface HoldReport {
  readonly connects: number;
  /** Still there at the end. */
  readonly open: number;
  /** Of those behind the first. */
  readonly connectSeconds: number;
  readonly failures: number;
}

/** What came of checked listening, beside the contract's checks: how much was pulled after gaps. */
export interface HeardReport {
  readonly checks: Checks;
  readonly pagesPulled: number;
  readonly failures: number;
}

export interface StormReport extends HeardReport {
  readonly clients: number;
  /** From the start of the storm to each client's `hello`. */
  readonly hello: Percentiles | undefined;
  /** From the start of the storm to each client having all it missed. */
  readonly caughtUp: Percentiles | undefined;
  readonly allCaughtUpSeconds: number;
  /** Events that came as backlog or were pulled, over all clients. */
  readonly missedEvents: number;
  readonly ackCalm: Percentiles | undefined;
  readonly ackStorm: Percentiles | undefined;
}

export interface FillReport {
  readonly firstSeq: number;
  readonly lastSeq: number;
}

export interface HistoryWindow {
  readonly name: string;
  readonly reads: number;
  readonly events: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly read: Percentiles | undefined;
  readonly histogram: string;
  /** Pages that were not dense, not full or had a wrong text, and the first reasons. */
  readonly wrong: number;
  readonly refused: number;
  readonly details: readonly string[];
}

export interface HistoryReport {
  readonly windows: readonly HistoryWindow[];
}

export interface SlowPhase {
  readonly delivery: Percentiles | undefined;
  /** Median of the seconds' p99: what others do on the machine for a moment is not in it. Milliseconds. */
  readonly usualP99?: number;
  readonly ack: Percentiles | undefined;
}

export interface SlowReport extends HeardReport {
  /** What those who read always were shown, before, while and after the others did not read. */
  readonly calm: SlowPhase;
  readonly stalled: SlowPhase;
  readonly recovery: SlowPhase;
  /** As before, when all was over. */
  readonly after: SlowPhase;
  /** Slow ones that were told a gap, and how long each needed from reading again to having everything. */
  readonly toldGap: number;
  /** Of those who read always: what they then pulled is in nobody's latency. */
  readonly othersToldGap: number;
  readonly recover: Percentiles | undefined;
  /** Slow ones whose connection was ended. */
  readonly cut: number;
}

export interface RestCaseReport {
  readonly name: string;
  readonly requests: number;
  readonly seconds: number;
  readonly latency: Percentiles | undefined;
  readonly histogram: string;
  readonly non2xx: number;
  readonly errors: number;
  readonly bytes: number;
  /** Answered with success, warm-up included: so many must have been done. */
  readonly succeededInAll: number;
}

export interface RestReport {
  readonly cases: readonly RestCaseReport[];
}

export interface SoakReport extends HeardReport {
  readonly seconds: readonly Second[];
  /** How long it went on: less than asked for when it was stopped. */
  readonly measuredSeconds: number;
  readonly ack: Percentiles | undefined;
  readonly delivery: Percentiles | undefined;
  readonly ackHistogram: string;
  readonly deliveryHistogram: string;
  readonly reads: number;
  /** Pages that were refused, not dense, of another room, or never came. */
  readonly wrongReads: number;
  readonly cuts: number;
  readonly resumed: Percentiles | undefined;
  readonly typingSent: number;
  readonly typingShown: number;
}

export interface PresenceReport {
  readonly clients: number;
  readonly measuredSeconds: number;
  /** Of all frames to one client, on average; and the most that one was sent in a second. */
  readonly bytesPerSecond: number;
  readonly bytesInASecondMost: number;
  readonly typingSent: number;
  readonly changesSent: number;
  readonly readsSent: number;
  readonly typingShown: number;
  readonly updatesShown: number;
  /** Events that told how far others have read. */
  readonly receiptsShown: number;
  readonly refused: number;
  readonly lost: number;
  /** What was said before the load, and under it. */
  readonly calm: Sightings;
  readonly busy: Sightings;
  readonly details: readonly string[];
}

/** Of the measured time; the checks are of the drain, too. */
export interface ChangesReport extends HeardReport {
  readonly measuredSeconds: number;
  readonly acked: number;
  readonly delivered: number;
  readonly ack: Percentiles | undefined;
  /** By kind; kinds that were not asked for have none. */
  readonly ackOf: Readonly<Partial<Record<ChangeKind, Percentiles | undefined>>>;
  /** Of messages. */
  readonly delivery: Percentiles | undefined;
}

export interface Reports {
  readonly connect: ConnectReport;
  readonly hold: HoldReport;
  readonly storm: StormReport;
  readonly fill: FillReport;
  readonly history: HistoryReport;
  readonly slow: SlowReport;
  readonly rest: RestReport;
  readonly presence: PresenceReport;
  readonly changes: ChangesReport;
  readonly soak: SoakReport;
}

export type ToChild =
  | { readonly kind: 'begin'; readonly task: Task }
  /** The answer to `edge`. */
  | { readonly kind: 'go' }
  /** Come to an end, and tell what there is: for a soak. */
  | { readonly kind: 'stop' };

export type FromChild =
  /** CPU seconds of the child so far; it waits for `go`. */
  | { readonly kind: 'edge'; readonly window: string; readonly isBegin: boolean; readonly cpuSeconds: number }
  | { readonly kind: 'progress'; readonly text: string; readonly second?: Second }
  | { readonly kind: 'done'; readonly report: Reports[Task['kind']] }
  | { readonly kind: 'failed'; readonly why: string };
