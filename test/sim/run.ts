/** One simulated life of a server: people act, threads die, the stores fail; then all heals, and everything is checked. */
import type { Violation } from '#test/support/checker.js';
import { Draws } from '#test/support/sim-random.js';
import { planHaste } from './haste.js';
import { planKills, strike } from './kills.js';
import { planOutages } from './outages.js';
import type { Plant } from './plants.js';
import type { Totals } from './totals.js';
import { World } from './world.js';

export interface SimulationOptions {
  /** Operations that clients begin, retries not counted. */
  readonly operations?: number;
  readonly plant?: Plant | undefined;
  readonly follows?: boolean | undefined;
  readonly onTrace?: (line: string) => void;
}

export interface SimulationResult {
  readonly seed: number;
  readonly violations: Violation[];
  readonly totals: Totals;
  /** Equal for equal runs: over every event of the world and every frame that a client got. */
  readonly traceHash: string;
  readonly conversations: number;
}

const operationsDefault = 1000;
/** About how long an operation takes to be thought of. */
const operationMs = 8;
/** Events of the world; a run that needs more will not end. */
const stepsMax = 400_000;
const killsMin = 3;
/** Longer than a conversation stays in memory without a word. */
const idleMs = 75_000;
/** In every so many lives people are silent for a while, and what they come back to had left memory. */
const livesPerSilence = 3;
/** How much of what they do is done before it. */
const beforeSilence = 0.4;
const hour = 60 * 60 * 1000;
const year = 365 * 24 * hour;

export async function simulate(seed: number, options: SimulationOptions = {}): Promise<SimulationResult> {
  const operations = options.operations ?? operationsDefault;
  const world = new World({ seed, plant: options.plant, follows: options.follows, onTrace: options.onTrace });
  const random = new Draws(seed, 60);
  const run = new Run(world);
  const early = seed % livesPerSilence === 0 ? Math.floor(operations * beforeSilence) : 0;
  if (early > 0) {
    await run.act(early, random);
    await run.idle();
  }
  const lastingMs = (operations - early) * operationMs;
  planKills(world, random, lastingMs);
  planOutages(world, new Draws(seed, 62), lastingMs);
  planHaste(world, new Draws(seed, 61), lastingMs);
  await run.act(operations - early, random);
  await run.strikeEnough(random);
  world.heal();
  let isQuiet = await run.settle();
  await run.level();
  world.checkMirrors();
  // Now: what comes later closes sockets, and clients that come back learn everything anew.
  const violations = new Map(world.check(isQuiet).map((violation) => [violation.message, violation]));
  // Long after, the answers must be the same (P2): from actors that were away, and past the window of ids.
  for (const pause of ['idle', hour, year] as const) {
    if (pause === 'idle') await run.idle();
    else world.leap(pause);
    world.workload.readAll();
    for (const durable of world.sender.acked.slice(-20)) world.sender.repeat(durable);
    for (let count = 0; count < 20 && world.sender.acked.length > 0; count += 1) {
      world.sender.repeat(random.pick(world.sender.acked));
    }
    isQuiet = (await run.settle()) && isQuiet;
  }
  for (const violation of world.check(isQuiet)) violations.set(violation.message, violation);
  world.countAll();
  world.totals.seeds = 1;
  return {
    seed,
    violations: [...violations.values()],
    totals: world.totals,
    traceHash: world.simulation.traceHash(),
    conversations: new Set(world.database.allEvents().map(({ conv }) => conv)).size,
  };
}

class Run {
  private readonly world: World;
  private steps = 0;

  constructor(world: World) {
    this.world = world;
  }

  /** Lets people act until so many operations were begun. */
  async act(operations: number, random: Draws): Promise<void> {
    const { world } = this;
    let begun = 0;
    const next = (): void => {
      // Mostly one by one, now and then in bursts that fill batches and buckets.
      const burst = random.chance(0.05) ? random.between(5, 25) : 1;
      for (let count = 0; count < burst && begun < operations; count += 1) {
        begun += 1;
        world.workload.act();
      }
      if (begun < operations) world.after(random.next() * operationMs * 2 * burst, next);
    };
    world.after(200, next);
    while (begun < operations && this.hasSteps) {
      // Each run has an outcome that is unknown: when chance has not brought one, the next batch does.
      world.isUnlucky = begun > 0.7 * operations && world.counts.unknowns === 0;
      await this.step();
    }
    world.totals.operations += begun;
  }

  /** Crashes that were planned for an actor or a writer may have found nobody at work. */
  async strikeEnough(random: Draws): Promise<void> {
    const { world } = this;
    while (world.totals.kills < killsMin && this.hasSteps) {
      strike(world, random, 'shard');
      await this.pass(300);
    }
  }

  /** Nobody says anything until the actors have gone (A7). */
  async idle(): Promise<void> {
    const { server, totals } = this.world;
    const before = server.conversationCount;
    await this.pass(idleMs);
    totals.passivations += before - server.conversationCount;
  }

  /** Lets things happen until nobody waits for anything. false: that never came. */
  async settle(): Promise<boolean> {
    const { world } = this;
    const begunAt = world.simulation.now();
    // A moment without anything under way is not the end: what is on its way to a client must arrive, and sockets
    // that a jump of the clock has outlived are closed within two sweeps.
    let quietSince: number | undefined;
    while (this.hasSteps && world.simulation.now() - begunAt < 120_000) {
      await this.step();
      if (!world.isQuiet) quietSince = undefined;
      else if (quietSince === undefined) quietSince = world.simulation.now();
      else if (world.simulation.now() - quietSince > 6000) return true;
    }
    world.blame('quiet', `the run did not come to rest: ${describe(world)}`);
    return false;
  }

  /** Lets mirrors catch up: within fifteen seconds of healing (T2). */
  async level(): Promise<void> {
    const end = this.world.simulation.now() + 15_000;
    while (!this.world.areMirrorsLevel && this.world.simulation.now() < end && this.hasSteps)
      await this.step();
  }

  private async pass(milliseconds: number): Promise<void> {
    const { simulation } = this.world;
    const end = simulation.now() + milliseconds;
    while (simulation.now() < end && this.hasSteps) await this.step();
  }

  private get hasSteps(): boolean {
    return this.steps < stepsMax;
  }

  private async step(): Promise<void> {
    this.steps += 1;
    await this.world.step();
  }
}

function describe(world: World): string {
  const waiting = world.devices.map(
    (device) =>
      `${device.name} ${device.state} waits for ${device.waitingCount}, ${device.subscriptions.describe()}`,
  );
  return `whole: ${world.server.isWhole}, open: ${world.sender.openCount}; ${waiting.join('; ')}`;
}
