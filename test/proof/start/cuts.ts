/** A first start that is killed somewhere, and the start after it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Clone, type CloneOptions, makeClone } from './clone.js';
import { killAll, killNow, processesOf, serverOf } from './processes.js';
import { freePort, npmStart, type Run } from './running.js';

/** What a first start does, in order, and how one sees that it is done. */
export const phases = ['install', 'build', 'initdb', 'migrate'] as const;
export type Phase = (typeof phases)[number];

const doneFiles: Readonly<Record<Exclude<Phase, 'migrate'>, string>> = {
  install: 'node_modules/.package-lock.json',
  build: 'build/.sources',
  initdb: 'data/postgres',
};

export function phaseOf(clone: Clone): Phase {
  for (const phase of ['install', 'build', 'initdb'] as const) {
    if (!existsSync(join(clone.path, doneFiles[phase]))) return phase;
  }
  return 'migrate';
}

export type Spans = Map<Phase, { from: number; to: number }>;

/** Milliseconds after the command at which each phase of a first start begins and ends, which nobody disturbs. */
export async function measurePhases(
  clone: Clone,
  run: Pick<Run, 'ready'>,
): Promise<{ ms: number; spans: Spans }> {
  const spans: Spans = new Map();
  const begun = performance.now();
  let isReady = false;
  const ready = run.ready().finally(() => {
    isReady = true;
  });
  for (let from = 0; !isReady; await Promise.race([sleep(5), ready])) {
    const to = performance.now() - begun;
    const phase = phaseOf(clone);
    from = spans.get(phase)?.from ?? to;
    spans.set(phase, { from, to });
  }
  return { ms: await ready, spans };
}

/** npm itself needs a moment before it runs node. */
async function untilServer(clone: Clone): Promise<number> {
  for (;;) {
    const server = serverOf(clone.path);
    if (server !== undefined) return server;
    await sleep(5);
  }
}

export type Victim = 'node alone' | 'everything';

export interface CutPoint {
  readonly phase: Phase;
  /** How long after the phase began. */
  readonly afterMs: number;
  readonly victim: Victim;
}

/**
 * Starts a fresh clone, kills it, starts it again and waits until it serves.
 *
 * @returns in which phase it was killed
 */
export async function cut(
  point: CutPoint,
  packed: Pick<CloneOptions, 'withPackages' | 'withBuild'>,
): Promise<Phase> {
  const clone = makeClone(packed);
  try {
    const first = npmStart(clone, { args: ['--port', String(await freePort())] });
    while (phases.indexOf(phaseOf(clone)) < phases.indexOf(point.phase)) await sleep(5);
    await sleep(point.afterMs);
    const phase = phaseOf(clone);
    await kill(clone, point.victim);
    await first.ended;
    // At once: what a killed launcher had started may still be at work.
    const second = npmStart(clone, { args: ['--port', String(await freePort())] });
    await second.ready();
    const code = await second.end();
    if (code !== 0) throw new Error(`exit code ${code} after a cut in ${phase}:\n${second.output()}`);
    return phase;
  } finally {
    await clone.remove();
  }
}

async function kill(clone: Clone, victim: Victim): Promise<void> {
  if (victim === 'everything') {
    for (const { pid } of processesOf(clone.path)) killNow(pid);
    await killAll(clone.path);
  } else {
    killNow(await untilServer(clone));
  }
}
