/**
 * A server of a test's own, in a folder of its own on 127.0.0.1: killed, frozen and started again when the test says
 * so, and gone with whoever started it, however that one ends.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { temporaryFolder } from './children.js';
import { serverPort } from './server-port.js';

/** What a test can do to a server. */
export interface ServerControl {
  /** SIGKILL; resolved when it is gone. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay and nobody answers. */
  freeze(): void;
  /** SIGCONT. */
  thaw(): void;
  /** Killed if it runs, then started on the same port, empty. Resolved when it answers. */
  restart(): Promise<void>;
  /** Ends it for good and removes its folder. */
  stop(): Promise<void>;
}

export interface ServerPlan {
  readonly name: string;
  /** Program and arguments. */
  command(place: { readonly folder: string; readonly port: number }): readonly string[];
  /** Rejected as long as it does not answer. */
  ready(port: number): Promise<void>;
}

const folderName = 'server-';
const startMsMax = 20_000;
const startAttempts = 3;
const outputMax = 4_000;

export class ServerProcess implements ServerControl {
  readonly port: number;
  private readonly plan: ServerPlan;
  private readonly folder: ReturnType<typeof temporaryFolder>;
  private child: ChildProcess | undefined;
  private readonly onExit = () => {
    this.child?.kill('SIGKILL');
    this.folder.remove();
  };

  private constructor(plan: ServerPlan, port: number) {
    this.plan = plan;
    this.port = port;
    removeLeftovers();
    this.folder = temporaryFolder(`${folderName}${process.pid}-${plan.name}`);
    process.once('exit', this.onExit);
  }

  /** @throws Error with what the server has printed, when it does not answer */
  static async start(plan: ServerPlan): Promise<ServerProcess> {
    for (let attempt = 1; ; attempt += 1) {
      const server = new ServerProcess(plan, await serverPort());
      try {
        await server.launch();
        return server;
      } catch (error) {
        await server.stop();
        // Somebody may have taken the port since it was looked at.
        if (attempt === startAttempts) throw error;
      }
    }
  }

  /** undefined while it does not run. */
  get pid(): number | undefined {
    return this.isRunning() ? this.child?.pid : undefined;
  }

  async kill(): Promise<void> {
    if (!this.isRunning() || this.child === undefined) return;
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  freeze(): void {
    this.child?.kill('SIGSTOP');
  }

  thaw(): void {
    this.child?.kill('SIGCONT');
  }

  async restart(): Promise<void> {
    await this.kill();
    await this.launch();
  }

  async stop(): Promise<void> {
    await this.kill();
    process.removeListener('exit', this.onExit);
    this.folder.remove();
  }

  private isRunning(): boolean {
    return this.child?.pid !== undefined && this.child.exitCode === null && this.child.signalCode === null;
  }

  private async launch(): Promise<void> {
    const words = [...boundToParent(), ...this.plan.command({ folder: this.folder.path, port: this.port })];
    const [program = '', ...args] = words;
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], cwd: this.folder.path });
    this.child = child;
    let output = '';
    const keep = (text: string) => {
      output = (output + text).slice(-outputMax);
    };
    child.once('error', (error) => keep(error.message));
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', keep);
    const deadline = performance.now() + startMsMax;
    for (;;) {
      try {
        await this.plan.ready(this.port);
        // On a port that was taken meanwhile somebody else answers.
        if (this.isRunning()) return;
      } catch {
        // Not yet.
      }
      if (!this.isRunning() || performance.now() > deadline)
        throw new Error(`${this.plan.name} did not start on port ${this.port}: ${output}`);
      await sleep(10);
    }
  }
}

/** Folders of processes that were killed: their servers ended with them. */
function removeLeftovers(): void {
  for (const name of readdirSync(tmpdir())) {
    const pid = new RegExp(`^nubo-${folderName}(\\d+)-`).exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Somebody else's, who may not be told anything.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

let prefix: readonly string[] | undefined;

/** The kernel ends it when the process that started it is gone; elsewhere than on Linux the hook on exit has to do. */
function boundToParent(): readonly string[] {
  prefix ??=
    spawnSync('setpriv', ['--pdeathsig', 'KILL', 'true'], { stdio: 'ignore' }).status === 0
      ? ['setpriv', '--pdeathsig', 'KILL']
      : [];
  return prefix;
}
