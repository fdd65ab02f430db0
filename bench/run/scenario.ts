/**
 * What a scenario is, and what it may ask of the bench. A scenario says who connects and what is measured against what;
 * rounds, CPU, voids, faults, the live line and the result are the bench's.
 */

import type { Crowd, Measurement, RunningTarget, Target } from '../contract.js';
import type { Codec, RunningNubo } from '../targets/nubo.js';
import type { RatioPlan } from './ratios.js';

export interface Scenario {
  /** Also its argument on the command line and its file in bench/scenarios. */
  readonly name: string;
  readonly title: string;
  /** One line for the list. */
  readonly says: string;
  /** About how long it takes with what follows, in seconds. */
  readonly seconds: number;
  /** Rounds unless told otherwise; a figure to reach is a median of at least five. */
  readonly rounds: number;
  /** Seconds measured in each play unless told otherwise. */
  readonly playSeconds: number;
  /** Measured in all rounds together; what is longer is refused before it starts. */
  readonly secondsMax?: number;
  /** Made of each round's measurements when all rounds are over. */
  readonly ratios: readonly RatioPlan[];
  run(bench: BenchContext): Promise<void>;
}

export interface BenchOptions {
  readonly rounds: number;
  /** Measured in each play. */
  readonly seconds: number;
  /** Everything once, small and short: shows that it works, its figures mean nothing. A scenario scales itself down. */
  readonly isSmoke: boolean;
  readonly codec: Codec;
  /** Sizes of rooms, where a scenario has some; its usual ones when absent. */
  readonly members?: readonly number[];
}

export interface BenchContext {
  readonly options: BenchOptions;
  /** Aborted by Ctrl-C. `play` and `rounds` heed it by themselves; long work of a scenario's own should, too. */
  readonly signal: AbortSignal;
  /** nubo, started when first asked for and kept for the scenario (in a smoke: for all). */
  nubo(): Promise<RunningNubo>;
  /** A nubo of this scenario's own, for one that restarts it or fills it: ended with the scenario, or by its `stop`. */
  ownNubo(settings?: Readonly<Record<string, string>>): Promise<RunningNubo>;
  /**
   * The peers that were asked for, pass `wanted` and can run here, started. What can't is entered as missing. None in a
   * smoke.
   */
  peers(wanted?: (peer: Target) => boolean): Promise<readonly StartedTarget[]>;
  /**
   * Calls `round` for each round. What `record` is given meanwhile belongs to it. A round with a void measurement does
   * not count, and is made up for by another one, up to twice as many in all.
   */
  rounds(round: (index: number) => Promise<void>): Promise<void>;
  /** Whether the round under way can't count any more. */
  isVoid(): boolean;
  /** Enters a measurement into the round, and shows it. Answers it again. */
  record(measurement: Measurement): Measurement;
  /** Plays a crowd by the generator, with CPU, counters and the checker's verdict; does not record it. */
  play(options: PlayOptions): Promise<Measurement>;
  /** What is being done, for the live line. */
  say(activity: string): void;
  /** Something is wrong with what was measured (loss, an unexpected answer): shown in red, exit code 1. */
  fault(why: string): void;
  /** Something could not be measured here, and why. */
  miss(why: string): void;
}

export interface StartedTarget {
  readonly target: Target;
  readonly running: RunningTarget;
}

export interface PlayOptions {
  readonly running: RunningTarget;
  /** nubo when absent. */
  readonly target?: Target;
  /** Of the target when absent. */
  readonly part?: string;
  readonly label?: string;
  /** What is being done, for the live line. */
  readonly activity: string;
  readonly crowd: PlannedCrowd;
  /** What CPU is divided by: acked messages (the default), or deliveries. */
  readonly cpuPer?: 'acked' | 'delivered';
  /** When the crowd may be refused or disconnected, or not shown everything, on purpose. Loss and the like never are. */
  readonly allows?: readonly ('refused' | 'disconnects' | 'unanswered')[];
}

/** A crowd without what the target and the options of the run say. */
export type PlannedCrowd = Omit<
  Crowd,
  'adapter' | 'address' | 'texts' | 'warmUpSeconds' | 'seconds' | 'drainSeconds' | 'connectAtOnce'
> &
  Partial<Crowd>;
