/** The threads of main: starting, linking, starting again, stopping. */
import { MessageChannel, Worker } from 'node:worker_threads';
import { decideRestart } from '#actors/supervisor/policy.js';
import type { Log } from '#src/log.js';
import type { ThreadSettings, ToMain, ToThread } from './control.js';

type Role = ThreadSettings['role'];

interface Thread {
  readonly role: Role;
  readonly index: number;
  worker: Worker;
  deaths: readonly number[];
  isUp: boolean;
}

export interface ThreadsOptions {
  /** The compiled file of each role. */
  readonly files: Readonly<Record<Role, URL>>;
  readonly counts: Readonly<Record<Role, number>>;
  settings(role: Role, index: number): ThreadSettings;
  /** Resolves when a thread that died may be started again; to false when it never may. */
  mayStart(role: Role): Promise<boolean>;
  readonly log: Log;
  onMessage(message: ToMain, thread: { role: Role; index: number }): void;
  /** A thread died more often than the policy allows: the process must end. */
  onGiveUp(message: string): void;
}

/** Beyond this a shard is started again rather than left to slow down the machine. */
const heapMegabytesMax = 2048;

export class Threads {
  private readonly options: ThreadsOptions;
  private readonly threads: Thread[] = [];
  private isStopping = false;

  constructor(options: ThreadsOptions) {
    this.options = options;
  }

  /** Starts all threads, links every front with every shard, and lets the fronts listen. */
  async start(): Promise<void> {
    for (const role of ['shard', 'front'] as const) {
      for (let index = 0; index < this.options.counts[role]; index += 1) {
        this.threads.push({ role, index, worker: this.spawn(role, index), deaths: [], isUp: false });
      }
    }
    await Promise.all(this.threads.map((thread) => this.started(thread)));
    for (const front of this.of('front')) for (const shard of this.of('shard')) this.link(front, shard);
    await Promise.all(this.of('front').map((front) => this.listening(front)));
  }

  tell(role: Role, message: ToThread): void {
    for (const thread of this.of(role)) if (thread.isUp) thread.worker.postMessage(message);
  }

  tellOne(role: Role, index: number, message: ToThread): void {
    const thread = this.of(role)[index];
    if (thread?.isUp) thread.worker.postMessage(message);
  }

  /** Tells all threads of a role and resolves when each that is up has given the answer, or has ended. */
  async all(role: Role, message: ToThread, answer: ToMain['kind']): Promise<void> {
    const answers = this.of(role)
      .filter((thread) => thread.isUp)
      .map((thread) => this.until(thread, (heard) => heard.kind === answer));
    this.tell(role, message);
    await Promise.all(answers);
  }

  /** Threads that can answer now. */
  get up(): ReadonlyArray<{ role: Role; index: number }> {
    return this.threads.filter((thread) => thread.isUp);
  }

  /** Tells all to stop and waits until they have; never `terminate()`, which aborts a process with open sockets. */
  async stop(): Promise<void> {
    this.isStopping = true;
    const ends = this.threads.filter((thread) => thread.isUp).map((thread) => this.ended(thread));
    this.tell('front', { kind: 'stop' });
    this.tell('shard', { kind: 'stop' });
    await Promise.all(ends);
  }

  /** From now on a thread that ends is left alone. */
  expectEnds(): void {
    this.isStopping = true;
  }

  private of(role: Role): Thread[] {
    return this.threads.filter((thread) => thread.role === role);
  }

  private spawn(role: Role, index: number): Worker {
    const worker = new Worker(this.options.files[role], {
      workerData: this.options.settings(role, index),
      name: `${role}-${index}`,
      // A front that exhausts its heap aborts the process whatever the limit: it keeps Node's own.
      ...(role === 'shard' ? { resourceLimits: { maxOldGenerationSizeMb: heapMegabytesMax } } : {}),
    });
    worker.on('message', (message: ToMain) => this.onMessage(role, index, worker, message));
    worker.on('error', (error) => this.options.log.error({ err: error }, `${role} ${index} failed`));
    worker.once('exit', (code) => this.onExit(role, index, worker, code));
    return worker;
  }

  private find(role: Role, index: number, worker: Worker): Thread | undefined {
    return this.threads.find(
      (thread) => thread.role === role && thread.index === index && thread.worker === worker,
    );
  }

  private onMessage(role: Role, index: number, worker: Worker, message: ToMain): void {
    if (message.kind === 'started') {
      const thread = this.find(role, index, worker);
      if (thread !== undefined) thread.isUp = true;
    }
    this.options.onMessage(message, { role, index });
  }

  private onExit(role: Role, index: number, worker: Worker, code: number): void {
    const thread = this.find(role, index, worker);
    if (thread === undefined) return;
    thread.isUp = false;
    if (this.isStopping) return;
    const decision = decideRestart(thread.deaths, Date.now());
    if (decision.kind === 'give up') {
      this.options.onGiveUp(`${role} ${index} died too often, the last time with code ${code}`);
      return;
    }
    thread.deaths = decision.deaths;
    this.options.log.warn({ role, index, code }, 'a thread died and is started again');
    const others = role === 'front' ? 'shard' : 'front';
    this.tell(others, { kind: 'peer gone', index });
    this.replace(thread, others).catch((error) => this.options.onGiveUp(String(error)));
  }

  private async replace(thread: Thread, others: Role): Promise<void> {
    if (!(await this.options.mayStart(thread.role)) || this.isStopping) return;
    thread.worker = this.spawn(thread.role, thread.index);
    await this.started(thread);
    if (!thread.isUp) return;
    for (const other of this.of(others)) {
      if (!other.isUp) continue;
      if (thread.role === 'front') this.link(thread, other);
      else this.link(other, thread);
    }
    if (thread.role === 'front') await this.listening(thread);
  }

  private link(front: Thread, shard: Thread): void {
    const { port1, port2 } = new MessageChannel();
    front.worker.postMessage({ kind: 'link', index: shard.index, port: port1 } satisfies ToThread, [port1]);
    shard.worker.postMessage({ kind: 'link', index: front.index, port: port2 } satisfies ToThread, [port2]);
  }

  private started(thread: Thread): Promise<void> {
    return this.until(thread, (message) => message.kind === 'started');
  }

  private async listening(front: Thread): Promise<void> {
    const heard = this.until(front, (message) => {
      if (message.kind !== 'listening') return false;
      if (!message.isListening) throw new Error(`front ${front.index} could not listen`);
      return true;
    });
    front.worker.postMessage({ kind: 'listen' } satisfies ToThread);
    await heard;
  }

  /** Resolves when the thread has said what is waited for; a thread that ends first leaves it to its replacement. */
  private until(thread: Thread, isHeard: (message: ToMain) => boolean): Promise<void> {
    const { worker } = thread;
    return new Promise((resolve, reject) => {
      const onMessage = (message: ToMain) => {
        try {
          if (!isHeard(message)) return;
          finish(resolve);
        } catch (error) {
          finish(() => reject(error));
        }
      };
      const onExit = () => finish(resolve);
      const finish = (end: () => void) => {
        worker.off('message', onMessage);
        worker.off('exit', onExit);
        end();
      };
      worker.on('message', onMessage);
      worker.once('exit', onExit);
    });
  }

  private ended(thread: Thread): Promise<void> {
    return new Promise((resolve) => thread.worker.once('exit', () => resolve()));
  }
}
