/** Targets that run, each in a folder of its own, and their end. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RunningTarget } from '../contract.js';

/** A target, as far as a pool knows it. */
interface Startable<Running extends RunningTarget> {
  readonly name: string;
  start(folder: string): Promise<Running>;
}

export class Pool {
  private readonly home = mkdtempSync(join(tmpdir(), 'nubo-bench-'));
  /** Retried: a database whose server was killed a moment ago still writes its last. */
  private readonly remove = () =>
    rmSync(this.home, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  private readonly kept = new Map<string, Promise<RunningTarget>>();
  private readonly started: Promise<RunningTarget>[] = [];
  private folders = 0;

  constructor() {
    // Nobody waits for the end of what is left after a second Ctrl-C.
    process.on('exit', this.remove);
  }

  /** The same running target whenever the same one is asked for. */
  keep<Running extends RunningTarget>(target: Startable<Running>): Promise<Running> {
    const found = this.kept.get(target.name);
    if (found !== undefined) return found as Promise<Running>;
    const running = this.start(target);
    this.kept.set(target.name, running);
    return running;
  }

  start<Running extends RunningTarget>(target: Startable<Running>): Promise<Running> {
    const running = target.start(this.folder(target.name));
    this.started.push(running);
    // What never ran need not be stopped, and whoever asked for it hears why.
    running.catch(() => this.started.splice(this.started.indexOf(running), 1));
    return running;
  }

  /** Stops all; answers what went wrong while stopping. */
  async end(): Promise<string[]> {
    const ends = await Promise.allSettled(this.started.map(async (running) => (await running).stop()));
    this.remove();
    process.off('exit', this.remove);
    return ends.flatMap((end) => (end.status === 'rejected' ? [messageOf(end.reason)] : []));
  }

  private folder(name: string): string {
    this.folders += 1;
    const path = join(this.home, `${this.folders}-${name.replace(/\W+/g, '-')}`);
    // Servers that run as another user must get through to their own files.
    mkdirSync(path, { mode: 0o755 });
    return path;
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
