/** Plays a task in a process of its own, and counts CPU in the windows that it names. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { RunningTarget } from '../../contract.js';
import type { FromChild, Reports, Task, ToChild } from './tasks.js';

/** CPU seconds in a window, and how long it was. */
export interface Window {
  readonly seconds: number;
  readonly server: number;
  readonly database: number;
  readonly generator: number;
}

export interface Played<Kind extends Task['kind']> {
  readonly report: Reports[Kind];
  readonly windows: ReadonlyMap<string, Window>;
}

export interface PlayTaskOptions {
  /** Whose CPU is counted. */
  readonly running: Pick<RunningTarget, 'cpu'>;
  readonly signal: AbortSignal;
  readonly onProgress?: (line: Extract<FromChild, { kind: 'progress' }>) => void;
  /** A window has begun or ended; the child waits until this resolves. */
  readonly onEdge?: (window: string, isBegin: boolean) => Promise<void> | void;
}

interface Reading {
  readonly at: number;
  readonly server: number;
  readonly database: number;
  readonly generator: number;
}

/** Beyond the times that a task names, whatever it is about: people are connected, rooms filled, what is due awaited. */
const silenceSecondsMax = 120;

/** A play that says nothing for so long hangs. */
function patienceMs(task: Task): number {
  const named = Object.entries(task).filter(([name, value]) => /seconds$/i.test(name) && value > 0);
  return (silenceSecondsMax + named.reduce((sum, [, seconds]) => sum + Number(seconds), 0)) * 1000;
}

/**
 * A soak that `signal` aborts reports what there is; every other play is ended by it.
 *
 * @throws Error when the play fails, its process ends early or hangs, or `signal` is aborted
 */
export async function playTask<Kind extends Task['kind']>(
  task: Extract<Task, { kind: Kind }>,
  { running, signal, onProgress, onEdge }: PlayTaskOptions,
): Promise<Played<Kind>> {
  signal.throwIfAborted();
  const child = fork(fileURLToPath(new URL('./child.js', import.meta.url)), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  const open = new Map<string, Reading>();
  const windows = new Map<string, Window>();
  const tell = (message: ToChild) => {
    if (child.connected) child.send(message);
  };

  async function onEdgeOf({
    window,
    isBegin,
    cpuSeconds,
  }: Extract<FromChild, { kind: 'edge' }>): Promise<void> {
    // Read on the inner side of what the bench itself does there.
    if (isBegin) await onEdge?.(window, true);
    const now = { at: performance.now(), ...running.cpu(), generator: cpuSeconds };
    const from = open.get(window);
    if (isBegin) open.set(window, now);
    else if (from !== undefined) windows.set(window, windowBetween(from, now));
    if (!isBegin) await onEdge?.(window, false);
  }

  const stop = () => {
    if (task.kind === 'soak') tell({ kind: 'stop' });
    else child.kill('SIGKILL');
  };
  let patience: NodeJS.Timeout | undefined;
  signal.addEventListener('abort', stop, { once: true });
  try {
    const report = await new Promise<Reports[Task['kind']]>((resolve, reject) => {
      patience = setTimeout(
        () => reject(new Error(`The ${task.kind} play has said nothing for a long time: it hangs.`)),
        patienceMs(task),
      );
      child.on('message', (message: FromChild) => {
        patience?.refresh();
        if (message.kind === 'done') resolve(message.report);
        else if (message.kind === 'failed') reject(new Error(`The ${task.kind} play failed: ${message.why}`));
        else if (message.kind === 'progress') onProgress?.(message);
        else onEdgeOf(message).then(() => tell({ kind: 'go' }), reject);
      });
      child.on('error', reject);
      child.once('exit', (code, signalName) =>
        reject(
          signal.aborted
            ? signal.reason
            : new Error(`The ${task.kind} play ended early (${code ?? signalName}).`),
        ),
      );
      tell({ kind: 'begin', task });
    });
    return { report: report as Reports[Kind], windows };
  } finally {
    clearTimeout(patience);
    signal.removeEventListener('abort', stop);
    child.kill('SIGKILL');
  }
}

function windowBetween(from: Reading, to: Reading): Window {
  return {
    seconds: (to.at - from.at) / 1000,
    server: to.server - from.server,
    database: to.database - from.database,
    generator: to.generator - from.generator,
  };
}
