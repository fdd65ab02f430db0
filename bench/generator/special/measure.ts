/** From what a play reports to what a measurement says. */
import type { CpuEach, Measurement, Percentiles } from '../../contract.js';
import { cpuOfEach } from '../../run/cpu-each.js';
import { given } from '../../run/given.js';
import type { BenchContext } from '../../run/scenario.js';
import { faultsOf } from '../../run/verdict.js';
import type { RunningNubo } from '../../targets/nubo.js';
import { type Played, type PlayTaskOptions, playTask, type Window } from './play-task.js';
import type { HeardReport, Task } from './tasks.js';

/** Plays a task against nubo, with its progress on the live line. */
export function playOn<Kind extends Task['kind']>(
  bench: BenchContext,
  running: RunningNubo,
  task: Extract<Task, { kind: Kind }>,
  onEdge?: PlayTaskOptions['onEdge'],
): Promise<Played<Kind>> {
  return playTask<Kind>(task, {
    ...{ running, signal: bench.signal },
    onProgress: ({ text }) => bench.say(text),
    ...(onEdge === undefined ? {} : { onEdge }),
  });
}

/** CPU microseconds of each unit of a window's work. Absent when nothing was done, or the server's cannot be seen. */
export function cpuEach(window: Window | undefined, units: number): { readonly cpu?: CpuEach } {
  return window === undefined ? {} : cpuOfEach(window, units);
}

/** The parts of a core that were busy in a window. */
export function coresOf(window: Window | undefined): Record<string, number> {
  if (window === undefined) return {};
  const cores = (seconds: number) => seconds / window.seconds;
  return given({ serverCores: cores(window.server), generatorCores: cores(window.generator) });
}

/** `connectP50`, `connectP99`, `connectMax` of `connect`; in milliseconds. Nothing when nothing was timed. */
export function spread(name: string, times: Percentiles | undefined): Record<string, number> {
  return given({ [`${name}P50`]: times?.p50, [`${name}P99`]: times?.p99, [`${name}Max`]: times?.max });
}

/** What the checker of a play has against it becomes faults of the run. */
export function judge(
  bench: BenchContext,
  what: string,
  { checks }: HeardReport,
  allows: Parameters<typeof faultsOf>[1] = [],
): void {
  for (const fault of faultsOf(checks, allows)) bench.fault(`${what}: ${fault}`);
}

/** What all measurements of nubo itself share. */
export function ofNubo(
  { codec }: { readonly codec: string },
  part = 'nubo',
): Pick<Measurement, 'part' | 'kind' | 'label' | 'ack'> {
  return {
    ...{ part, kind: 'engine', ack: 'committed and fsynced' },
    label: `nubo, ${codec}, acked when committed and fsynced`,
  };
}

/** The slope of points by least squares, y for each x; 0 when there are not two. */
export function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const count = points.length;
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / count;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / count;
  const above = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const below = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return below === 0 ? 0 : above / below;
}
