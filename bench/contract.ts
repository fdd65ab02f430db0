/**
 * What the parts of the bench say to each other, in one file.
 *
 * A *target* is a system that can be started and loaded: nubo or a peer. A *crowd* is who connects to it and what they
 * do; the *generator*, a process of its own, plays the crowd by an *adapter*, which knows the target's protocol. A
 * *measurement* is what came of one such play, or of one limit. A *scenario* makes measurements in interleaved rounds;
 * a *result* is all of them with the ratios between them, and is what `result.json` holds.
 */

// Crowd: from the bench to the generator.

/** A connection. Rooms are indexes into the crowd's rooms. */
export interface ClientPlan {
  readonly token: string;
  /** The target's id of the user. */
  readonly user: string;
  /** Rooms it subscribes to, and whose every message it must be shown. */
  readonly hears: readonly number[];
  /** Rooms it sends to. */
  readonly sends: readonly number[];
  /** How much of an open loop's traffic it makes, relative to others; 1 when absent. */
  readonly weight?: number;
}

/**
 * How sends are paced. `closed`: each sender keeps so many unanswered, and sends the next at once. `open`: sends are
 * due at fixed times whether or not earlier ones are answered, and latency counts from the due time, so a stalled server
 * is not spared what waited (coordinated omission).
 */
export type Pace =
  | { readonly loop: 'closed'; readonly outstanding: number }
  | { readonly loop: 'open'; readonly perSecond: number }
  | { readonly loop: 'none' };

export interface Crowd {
  readonly adapter: string;
  readonly address: Address;
  /** The target's ids of the rooms. */
  readonly rooms: readonly string[];
  readonly clients: readonly ClientPlan[];
  readonly pace: Pace;
  /** Texts of the transcript, or so many bytes each. */
  readonly texts: 'transcript' | { readonly bytes: number };
  /** Of sending before anything is counted. */
  readonly warmUpSeconds: number;
  readonly seconds: number;
  /** How long to wait after the last send for what has not come; beyond it, it is lost. */
  readonly drainSeconds: number;
  /** Connections opened at a time. */
  readonly connectAtOnce: number;
}

/** Where a target listens, and what else its adapter must know (subjects, virtual hosts …). */
export interface Address {
  readonly host: string;
  readonly port: number;
  readonly options?: Readonly<Record<string, string>>;
}

// Lines: from the generator to the bench, one a second and one at each change of phase.

export type GeneratorLine =
  | { readonly kind: 'phase'; readonly phase: Phase; readonly at: number }
  | ({ readonly kind: 'second' } & Second)
  | { readonly kind: 'done'; readonly play: Play }
  | { readonly kind: 'failed'; readonly why: string };

export type Phase = 'connect' | 'subscribe' | 'ready' | 'warm-up' | 'measure' | 'drain';

/** One second of a play. Latencies in milliseconds; absent when nothing was answered. */
export interface Second {
  /** Seconds since the measuring began; negative in the warm-up. */
  readonly at: number;
  readonly sent: number;
  readonly acked: number;
  readonly refused: number;
  readonly delivered: number;
  readonly ackP50?: number;
  readonly ackP99?: number;
  readonly deliveryP50?: number;
  readonly deliveryP99?: number;
}

/** Milliseconds. */
export interface Percentiles {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p90: number;
  readonly p99: number;
  readonly p999: number;
  readonly max: number;
}

/** What the checker of the generator found, over everything sent and shown, warm-up and drain included. */
export interface Checks {
  readonly sent: number;
  readonly acked: number;
  readonly refused: number;
  /** Neither acked nor refused when the drain was over. */
  readonly unanswered: number;
  readonly delivered: number;
  /** Deliveries that were due: acked messages times those who hear the room. */
  readonly due: number;
  /** Acked, and not shown to one who hears the room. */
  readonly lost: number;
  readonly duplicates: number;
  /** Shown in another order than to others, or than `seq` says. */
  readonly disordered: number;
  /** Shown, and never sent; or with another text. */
  readonly foreign: number;
  /** Ranges the server said were lacking; what they cover is not counted as lost. */
  readonly gapsTold: number;
  /** Connections that ended by themselves. */
  readonly disconnects: number;
  /** The first few of what is wrong, in words. */
  readonly details: readonly string[];
}

export interface Play {
  readonly seconds: readonly Second[];
  /** Of the measured time. */
  readonly measuredSeconds: number;
  readonly acked: number;
  readonly delivered: number;
  /** Intended send time to ack. */
  readonly ack?: Percentiles;
  /** Intended send time to each delivery (sampled when there are very many). */
  readonly delivery?: Percentiles;
  /** `hdr-histogram-js`, compressed, base64, in microseconds: to be added up and plotted. */
  readonly ackHistogram?: string;
  readonly deliveryHistogram?: string;
  /** Connections opened a second, and each one's time from TCP connect to ready. */
  readonly connectsPerSecond: number;
  readonly connect?: Percentiles;
  readonly checks: Checks;
  /** CPU seconds of the generator in the measured time. */
  readonly cpuSeconds: number;
  /** The generator used so much of a core that the rate may be its own limit. */
  readonly isBottleneck: boolean;
}

// Targets.

/** What an ack of a target means: the first thing to look at before two rates are compared. */
export type AckMeaning = 'committed and fsynced' | 'committed, fsync later' | 'in memory' | 'none';

export interface Population {
  readonly users: number;
  readonly rooms: number;
  /** Who is a member of room `r`, as indexes of users. */
  readonly membersOf: (room: number) => readonly number[];
}

/** What a population is called at the target. */
export interface Populated {
  readonly users: readonly { readonly user: string; readonly token: string }[];
  readonly rooms: readonly string[];
}

export interface Target {
  readonly name: string;
  /** For tables and plots: name and version, what its ack means, what was tuned. */
  readonly label: string;
  readonly ack: AckMeaning;
  readonly adapter: string;
  /** Connections it takes at a time while a crowd connects; the bench's usual number when absent. */
  readonly connectAtOnce?: number;
  /** A sentence that says why it can't run here, or undefined. */
  missing(): string | undefined;
  /** @param folder an empty folder of its own */
  start(folder: string): Promise<RunningTarget>;
}

export interface RunningTarget {
  readonly address: Address;
  readonly version: string;
  populate(population: Population): Promise<Populated>;
  /** CPU seconds used so far, by part, children included. */
  cpu(): CpuSeconds;
  /** User-space memory in bytes, by part. */
  memory(): { readonly server: number; readonly database: number };
  /** Counters of its own that tell about the work (batches, rows, limits evaluated), so far. */
  counters(): Promise<Readonly<Record<string, number>>>;
  stop(): Promise<void>;
}

export interface CpuSeconds {
  readonly server: number;
  readonly database: number;
}

// Results.

/** CPU microseconds a message (a row, a delivery, a connection: the measurement's own unit). */
export interface CpuEach {
  readonly server: number;
  readonly database: number;
  readonly generator: number;
}

export interface Measurement {
  /** `nubo`, a peer's name, or a limit's name (`raw COPY`, `raw publish` …). */
  readonly part: string;
  readonly kind: 'engine' | 'peer' | 'limit';
  readonly label: string;
  readonly ack?: AckMeaning;
  /** Named figures with their unit in the name, e.g. `ackedPerSecond`, `deliveriesPerSecond`, `bytesPerConnection`. */
  readonly figures: Readonly<Record<string, number>>;
  readonly cpu?: CpuEach;
  readonly play?: Play;
  /** Why it does not count, if it does not. */
  readonly void?: string;
}

/** A ratio between two measurements of the same round, over all rounds. */
export interface Ratio {
  readonly name: string;
  readonly perRound: readonly number[];
  readonly median: number;
  /** 95 %, by bootstrap of the median; absent under five rounds. */
  readonly interval?: readonly [number, number];
  /** The figure to reach; `atLeast` true when higher is better. */
  readonly reach?: number;
  readonly aim?: number;
  readonly isHigherBetter: boolean;
}

export interface Result {
  readonly scenario: string;
  readonly title: string;
  readonly startedAt: string;
  readonly machine: { readonly cores: number; readonly model: string; readonly memoryBytes: number };
  readonly node: string;
  readonly commit: string;
  readonly options: Readonly<Record<string, string | number | boolean>>;
  /** Each round holds its measurements in the order they were made. */
  readonly rounds: readonly (readonly Measurement[])[];
  readonly ratios: readonly Ratio[];
  /** What could not run, and why. */
  readonly missing: readonly string[];
  /** What went wrong while it was measured (loss, duplicates, unexpected answers …): with any, no figure counts. */
  readonly faults?: readonly string[];
  /** Ended by Ctrl-C or an error: what there is. */
  readonly isPartial: boolean;
}
