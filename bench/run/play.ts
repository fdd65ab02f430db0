/** One play of the generator against a running target, as a measurement: with CPU, counters and a verdict. */
import type { Crowd, GeneratorLine, Measurement, Play, RunningTarget, Target } from '../contract.js';
import { playCrowd } from '../generator/play.js';
import { cpuOfEach } from './cpu-each.js';
import type { BenchOptions, PlayOptions } from './scenario.js';
import { type Counters, countersBetween, faultsOf, limitFaultsOf } from './verdict.js';

/** Enough for caches, compilers and buffers to settle. */
const warmUpSeconds = 2;
const smokeWarmUpSeconds = 0.3;
const drainSeconds = 15;
/** Fewer than a server's queue of new connections holds. */
const connectAtOnce = 100;

export interface Playing {
  readonly target: Target;
  readonly options: BenchOptions;
  readonly signal: AbortSignal;
  readonly onLine: (line: GeneratorLine) => void;
}

export interface Played {
  readonly measurement: Measurement;
  readonly faults: readonly string[];
}

export async function playOn(wanted: PlayOptions, playing: Playing): Promise<Played> {
  const { running } = wanted;
  const { target } = playing;
  const before = await running.counters();
  const window = new Window(running);
  const play = await generate(crowdOf(wanted, playing), playing.signal, (line) => {
    if (line.kind === 'phase' && line.phase === 'measure') window.open();
    if (line.kind === 'phase' && line.phase === 'drain') window.close();
    playing.onLine(line);
  });
  const { cpu, counters } = await window.read();
  const counted = countersBetween(before, await running.counters());
  const isEngine = target.name === 'nubo';
  const units = wanted.cpuPer === 'delivered' ? play.delivered : play.acked;
  const measurement: Measurement = {
    part: wanted.part ?? target.name,
    kind: isEngine ? 'engine' : 'peer',
    label: wanted.label ?? target.label,
    ack: target.ack,
    figures: { ...figuresOf(play), ...workOf(counters, play) },
    ...cpuOfEach({ ...cpu, generator: play.cpuSeconds }, units),
    play,
    ...(isEngine ? shedBy(wanted, play) : {}),
  };
  const limitFaults = isEngine ? limitFaultsOf(play.checks, counted) : [];
  const allows = [...(wanted.allows ?? []), ...(isOpen(wanted) ? (['refused'] as const) : [])];
  return { measurement, faults: [...faultsOf(play.checks, allows), ...limitFaults] };
}

/**
 * An open loop asks for a fixed rate, whatever else the machine has to do. To refuse what is too much is right; but the
 * latencies are then those of the lucky ones, so they do not count.
 */
function shedBy(wanted: PlayOptions, { checks: { refused, sent } }: Play): Pick<Measurement, 'void'> {
  return isOpen(wanted) && refused > 0 ? { void: `${refused} of ${sent} messages were refused` } : {};
}

function isOpen({ crowd }: PlayOptions): boolean {
  return crowd.pace.loop === 'open';
}

function crowdOf({ crowd, running }: PlayOptions, { target, options }: Playing): Crowd {
  return {
    ...{ adapter: target.adapter, address: running.address, texts: 'transcript' },
    ...{ warmUpSeconds: options.isSmoke ? smokeWarmUpSeconds : warmUpSeconds, seconds: options.seconds },
    ...{ drainSeconds, connectAtOnce: target.connectAtOnce ?? connectAtOnce },
    ...crowd,
  };
}

/** Interrupted, it answers what there is; before anything was sent it rejects. */
async function generate(
  crowd: Crowd,
  signal: AbortSignal,
  onLine: (line: GeneratorLine) => void,
): Promise<Play> {
  const played = playCrowd(crowd, onLine);
  signal.addEventListener('abort', played.stop);
  try {
    await played.ready;
    played.go();
    return await played.done;
  } finally {
    signal.removeEventListener('abort', played.stop);
  }
}

/** The measured time, as the target's processes and counters saw it. */
class Window {
  private readonly running: RunningTarget;
  private from: Reading | undefined;
  private to: Reading | undefined;

  constructor(running: RunningTarget) {
    this.running = running;
  }

  open(): void {
    this.from = this.take();
  }

  close(): void {
    this.to = this.take();
  }

  async read(): Promise<{ cpu: { server: number; database: number }; counters: Counters }> {
    const { from, to } = this;
    if (from === undefined || to === undefined)
      throw new Error('The generator did not say when it measured.');
    return {
      cpu: { server: to.cpu.server - from.cpu.server, database: to.cpu.database - from.cpu.database },
      counters: countersBetween(await from.counters, await to.counters),
    };
  }

  private take(): Reading {
    const counters = this.running.counters();
    // Looked at later: until then a failure is nobody's.
    counters.catch(() => {});
    return { cpu: this.running.cpu(), counters };
  }
}

interface Reading {
  readonly cpu: { readonly server: number; readonly database: number };
  readonly counters: Promise<Counters>;
}

function figuresOf(play: Play): Record<string, number> {
  const { measuredSeconds, acked, delivered, ack, delivery, cpuSeconds } = play;
  return {
    ackedPerSecond: acked / measuredSeconds,
    ...(delivered === 0 ? {} : { deliveriesPerSecond: delivered / measuredSeconds }),
    ...(ack === undefined ? {} : { ackP50: ack.p50, ackP99: ack.p99 }),
    ...(delivery === undefined ? {} : { deliveryP50: delivery.p50, deliveryP99: delivery.p99 }),
    generatorCores: cpuSeconds / measuredSeconds,
  };
}

/** How the work was gathered: rows a batch, and for each event frame its messages and the bytes of each. */
function workOf(
  { batches = 0, rows = 0, topicFrames = 0, topicBytes = 0 }: Counters,
  play: Play,
): Record<string, number> {
  return {
    ...(batches === 0 ? {} : { meanBatch: rows / batches }),
    ...(topicFrames === 0 || rows === 0 || play.acked === 0
      ? {}
      : { messagesPerFrame: rows / topicFrames, bytesPerFrame: topicBytes / topicFrames }),
  };
}
