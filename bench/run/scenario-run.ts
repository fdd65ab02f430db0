/** One run of one scenario: what it may ask of the bench, and what came of it. */
import type { GeneratorLine, Measurement, Result, Target } from '../contract.js';
import { figureText, shortText } from '../report/numbers.js';
import { type NuboTarget, nuboTarget, type RunningNubo } from '../targets/nubo.js';
import { earlierMeasurements, earlierRowsOf, measureEarlierPublish } from './earlier.js';
import { beginLiveLine, type LiveLine } from './live-line.js';
import { machineFacts } from './machine.js';
import { playOn } from './play.js';
import { messageOf, Pool } from './pool.js';
import { ratiosOf } from './ratios.js';
import type { BenchContext, BenchOptions, PlayOptions, Scenario, StartedTarget } from './scenario.js';
import { voidsOf, withVoids } from './void.js';

export interface RunOptions {
  readonly options: BenchOptions;
  readonly signal: AbortSignal;
  /** Those that were asked for, whether or not they can run here. */
  readonly peers: readonly Target[];
  /** Where nubo is taken from; a smoke has one for all scenarios. */
  readonly shared?: Pool;
}

/** Rounds in all, for each that was asked for: void ones are made up for. */
const roundsFactor = 2;

/** Runs it to its end, or to what there is when it is interrupted or fails. Stops all it started. */
export async function runScenario(scenario: Scenario, run: RunOptions): Promise<Result> {
  const running = new ScenarioRun(scenario, run);
  const startedAt = new Date().toISOString();
  let isPartial = false;
  try {
    await scenario.run(running);
  } catch (error) {
    isPartial = true;
    if (!run.signal.aborted) running.fault(`The scenario failed: ${messageOf(error)}`);
  }
  const { rounds, faults, missing } = await running.end();
  const { name, title, ratios } = scenario;
  const { isSmoke, members, ...options } = run.options;
  return {
    ...{ scenario: name, title, startedAt, ...machineFacts() },
    options: {
      ...options,
      ...(members === undefined ? {} : { members: members.join(',') }),
      ...{ isSmoke, peers: run.peers.map((peer) => peer.name).join(',') },
    },
    ...{ rounds, ratios: ratiosOf(ratios, rounds), missing, faults },
    isPartial: isPartial || run.signal.aborted,
  };
}

class ScenarioRun implements BenchContext {
  readonly options: BenchOptions;
  readonly signal: AbortSignal;
  private readonly name: string;
  private readonly run: RunOptions;
  private readonly engine: NuboTarget;
  private readonly pool = new Pool();
  private readonly live: LiveLine;
  private readonly faults = new Set<string>();
  private readonly missing = new Set<string>();
  private readonly finished: Measurement[][] = [];
  private round: Measurement[] = [];
  private isEnding = false;
  /** Asked for and not here. */
  private readonly absent: Target[] = [];

  constructor(scenario: Scenario, run: RunOptions) {
    this.run = run;
    this.options = run.options;
    this.signal = run.signal;
    this.engine = nuboTarget({ codec: run.options.codec });
    this.name = scenario.name;
    this.live = beginLiveLine(() => [scenario.name, this.place()].filter(Boolean).join(' · '));
  }

  private place(): string {
    if (this.isEnding) return '';
    const [round, rounds] = [this.finished.length + 1, this.options.rounds];
    return round <= rounds ? `round ${round} of ${rounds}` : `round ${round}, since others were void`;
  }

  nubo(): Promise<RunningNubo> {
    this.say('nubo starts');
    return (this.run.shared ?? this.pool).keep(this.engine);
  }

  ownNubo(settings: Readonly<Record<string, string>> = {}): Promise<RunningNubo> {
    this.say('nubo starts');
    return this.pool.start(nuboTarget({ codec: this.options.codec, settings }));
  }

  async peers(wanted: (peer: Target) => boolean = () => true): Promise<readonly StartedTarget[]> {
    const started: StartedTarget[] = [];
    for (const target of this.run.peers.filter(wanted)) {
      this.signal.throwIfAborted();
      const why = target.missing();
      if (why !== undefined) {
        this.absent.push(target);
        this.miss(why);
        continue;
      }
      this.say(`${target.name} starts`);
      try {
        started.push({ target, running: await this.pool.keep(target) });
      } catch (error) {
        this.miss(`${target.name} did not start: ${messageOf(error)}`);
      }
    }
    return started;
  }

  async rounds(round: (index: number) => Promise<void>): Promise<void> {
    const { rounds, isSmoke } = this.options;
    const most = isSmoke ? rounds : rounds * roundsFactor;
    for (let index = 0; index < most && this.counted() < rounds; index += 1) {
      this.signal.throwIfAborted();
      await round(index);
      await this.addEarlier();
      this.closeRound();
      const voids = voidsOf(this.judged().at(-1) ?? []);
      if (voids.length > 0) this.live.tell(`round ${index + 1} is void: ${voids.join('; ')}`);
    }
  }

  /** What peers that are not here did elsewhere, where it is known. */
  private async addEarlier(): Promise<void> {
    const rows = earlierRowsOf(this.name, this.absent);
    if (rows.some(({ limit }) => limit.startsWith('raw publish'))) {
      this.say('raw publish, for what peers did elsewhere');
      this.record(await measureEarlierPublish(Math.min(2, this.options.seconds), this.signal));
    }
    for (const measurement of earlierMeasurements(rows, this.round, this.absent)) this.record(measurement);
  }

  isVoid(): boolean {
    if (this.options.isSmoke) return false;
    return voidsOf(withVoids([...this.finished, this.round]).at(-1) ?? []).length > 0;
  }

  private counted(): number {
    return this.judged().filter((round) => voidsOf(round).length === 0).length;
  }

  /** Looked at anew with each round: a better one may show that an earlier one was slow. A smoke has nothing to void. */
  private judged(): Measurement[][] {
    return this.options.isSmoke ? this.finished.map(withoutVoid) : withVoids(this.finished);
  }

  private closeRound(): void {
    if (this.round.length > 0) this.finished.push(this.round);
    this.round = [];
  }

  record(measurement: Measurement): Measurement {
    this.round.push(measurement);
    const { part, figures, cpu } = measurement;
    const shown = Object.entries(figures).map(([name, value]) => figureText(name, value));
    const used =
      cpu === undefined
        ? []
        : [`CPU of server ${shortText(cpu.server)} µs, of database ${shortText(cpu.database)} µs`];
    this.live.tell(`round ${this.finished.length + 1}, ${part}: ${[...shown, ...used].join(', ')}`);
    return measurement;
  }

  async play(wanted: PlayOptions): Promise<Measurement> {
    this.signal.throwIfAborted();
    this.say(wanted.activity);
    const { target = this.engine } = wanted;
    const { options, signal } = this;
    const onLine = (line: GeneratorLine) => this.live.heard(line);
    const { measurement, faults } = await playOn(wanted, {
      target,
      options,
      signal,
      onLine,
    });
    // What was under way is not lost, and not counted either.
    if (signal.aborted) return { ...measurement, void: 'interrupted' };
    if (measurement.play?.isBottleneck === true)
      this.miss(`${measurement.part}: the generator was so busy that the rate may be its own limit`);
    for (const fault of faults) {
      // What a peer loses is its own affair, but a rate that it bought with loss is none.
      if (target === this.engine) this.fault(`${measurement.part}: ${fault}`);
      else this.miss(`${measurement.part}, to be taken with care: ${fault}`);
    }
    return measurement;
  }

  say(activity: string): void {
    this.live.activity(activity);
  }

  fault(why: string): void {
    if (!this.faults.has(why)) this.live.tell(`FAULT: ${why}`);
    this.faults.add(why);
  }

  miss(why: string): void {
    if (!this.missing.has(why)) this.live.tell(`missing: ${why}`);
    this.missing.add(why);
  }

  /** Stops all; what was recorded outside rounds, or in one that was cut, is a round, too. */
  async end(): Promise<{ rounds: Measurement[][]; faults: string[]; missing: string[] }> {
    this.closeRound();
    this.isEnding = true;
    this.say('stops what it started');
    for (const why of await this.pool.end()) this.fault(why);
    this.live.end();
    return { rounds: this.judged(), faults: [...this.faults], missing: [...this.missing] };
  }
}

function withoutVoid(round: readonly Measurement[]): Measurement[] {
  return round.map(({ void: _why, ...measurement }) => measurement);
}
