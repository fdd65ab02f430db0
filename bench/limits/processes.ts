/** The processes of one limit: started together, ended together. */
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '#src/project-root.js';
import type { Answer, Call, Handlers } from './child.js';

export interface Child<Functions extends Handlers> {
  readonly pid: number;
  /** Rejects with what the function threw, or when the process ends before it has answered. */
  call<Name extends keyof Functions & string>(
    name: Name,
    argument: Parameters<Functions[Name]>[0],
  ): Promise<Awaited<ReturnType<Functions[Name]>>>;
}

export interface Processes {
  /** @param program a file of this folder, without its ending, that calls `answerCalls` */
  start<Functions extends Handlers>(program: string): Child<Functions>;
}

/** Of the last lines a process wrote before it ended. */
const outputCharsMax = 4_000;

/**
 * Runs `work` with processes that end when it ends.
 *
 * @throws Error when a process ends before its time; the reason of `signal` when that is aborted
 */
export async function withProcesses<Result>(
  work: (processes: Processes) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  const children: ChildProcess[] = [];
  const end = () => {
    for (const child of children) child.kill('SIGKILL');
  };
  signal?.throwIfAborted();
  signal?.addEventListener('abort', end);
  process.once('exit', end);
  try {
    return await work({
      start(program) {
        const child = new ForkedChild(program);
        children.push(child.process);
        return child;
      },
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', end);
    process.off('exit', end);
    end();
  }
}

class ForkedChild {
  readonly process: ChildProcess;
  readonly pid: number;
  private readonly program: string;
  private readonly waiting = new Map<number, { resolve(result: never): void; reject(error: Error): void }>();
  private calls = 0;
  private output = '';

  constructor(program: string) {
    this.program = program;
    // The built file: a test that runs from the sources has no other program to start.
    this.process = fork(join(projectRoot, 'build/bench/limits', `${program}.js`), {
      ...{
        execArgv: ['--expose-gc'],
        serialization: 'advanced',
        stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
      },
    });
    this.pid = this.process.pid ?? 0;
    this.process.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      this.output = (this.output + chunk).slice(-outputCharsMax);
    });
    this.process.on('message', (message) => this.onAnswer(message as Answer));
    this.process.on('error', (error) => this.onEnd(error.message));
    this.process.on('close', (code, signal) => this.onEnd(`ended with ${signal ?? code}\n${this.output}`));
  }

  call(name: string, argument: unknown): Promise<never> {
    this.calls += 1;
    const call: Call = { call: this.calls, name, argument };
    return new Promise((resolve, reject) => {
      this.waiting.set(call.call, { resolve, reject });
      this.process.send(call, (error) => {
        if (error !== null) this.onEnd(error.message);
      });
    });
  }

  private onAnswer(answer: Answer): void {
    const waiting = this.waiting.get(answer.call);
    this.waiting.delete(answer.call);
    if ('error' in answer) waiting?.reject(new Error(`${this.program}: ${answer.error}`));
    else waiting?.resolve(answer.result as never);
  }

  private onEnd(why: string): void {
    for (const { reject } of this.waiting.values()) reject(new Error(`${this.program} ${why.trim()}`));
    this.waiting.clear();
  }
}
