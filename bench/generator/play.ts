/** Plays a crowd in a process of its own. */
import { fork } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '#src/project-root.js';
import type { Crowd, GeneratorLine, Play } from '../contract.js';
import type { Order } from './main.js';

export interface PlayedCrowd {
  /** Resolved when everybody is connected and subscribed. Rejected when somebody cannot. */
  readonly ready: Promise<void>;
  /** Lets it begin. */
  go(): void;
  /** Rejected when it fails; after `stop` it resolves to what there is. */
  readonly done: Promise<Play>;
  /** Ends the sending, and the play a second later. Before `go`: ends the process, and `done` is rejected. */
  stop(): void;
}

export interface PlayCrowdOptions {
  /** For the generator's Node, e.g. `--cpu-prof`. */
  readonly nodeArguments?: readonly string[];
}

/** Young objects of a second of load fit: they are gone before anybody looks. */
const semiSpace = '--max-semi-space-size=32';

/**
 * Forks the generator. `onLine` is given its lines as they come: the measured time begins with the line of the phase
 * `measure` and ends with that of `drain`, so who counts the CPU of others reads it at those two.
 */
export function playCrowd(
  crowd: Crowd,
  onLine: (line: GeneratorLine) => void,
  { nodeArguments = [] }: PlayCrowdOptions = {},
): PlayedCrowd {
  const child = fork(join(projectRoot, 'build/bench/generator/main.js'), {
    execArgv: [semiSpace, ...nodeArguments],
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const tell = (order: Order) => {
    if (child.connected) child.send(order);
  };
  let hasBegun = false;
  const ready = deferred<void>();
  const done = deferred<Play>();
  const fail = (why: string) => {
    const error = new Error(why);
    ready.reject(error);
    done.reject(error);
  };
  // Whoever waits for one of them hears of it; the other must not end the process.
  ready.promise.catch(() => {});
  done.promise.catch(() => {});
  child.on('message', (message) => {
    const line = message as GeneratorLine;
    onLine(line);
    if (line.kind === 'phase' && line.phase === 'ready') ready.resolve();
    else if (line.kind === 'done') done.resolve(line.play);
    else if (line.kind === 'failed') fail(line.why);
  });
  child.on('error', (error) => fail(`The load generator could not be started: ${error.message}`));
  child.on('exit', (code, signal) => fail(`The load generator ended with ${signal ?? code}.`));
  const end = () => child.kill('SIGKILL');
  process.on('exit', end);
  child.on('exit', () => process.off('exit', end));
  tell({ kind: 'crowd', crowd });
  return {
    ready: ready.promise,
    done: done.promise,
    go() {
      hasBegun = true;
      tell({ kind: 'go' });
    },
    stop() {
      if (hasBegun) tell({ kind: 'stop' });
      else child.kill('SIGKILL');
    },
  };
}

interface Deferred<Value> {
  readonly promise: Promise<Value>;
  resolve(value: Value): void;
  reject(error: Error): void;
}

function deferred<Value>(): Deferred<Value> {
  let settle: Pick<Deferred<Value>, 'resolve' | 'reject'> | undefined;
  const promise = new Promise<Value>((resolve, reject) => {
    settle = { resolve, reject };
  });
  return { promise, ...(settle as unknown as Pick<Deferred<Value>, 'resolve' | 'reject'>) };
}
