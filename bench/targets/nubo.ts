/** nubo as the bench starts it: the built server in a process of its own, everything on that a user has on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '#src/project-root.js';
import { readRuntime } from '#src/runtime-file.js';
import type { Address, Populated, Population, RunningTarget, Target } from '../contract.js';
import { type ServerChild, startServerChild } from './child.js';
import { found } from './founder.js';
import { readCounters, threadsIn } from './metrics.js';
import { makePeople } from './operator.js';
import { cpuSecondsOf, cpuSecondsOfTree, memoryBytesOf, memoryBytesOfTree } from './processes.js';

export type Codec = 'msgpack' | 'json';

export interface RunningNubo extends RunningTarget {
  /** `http://127.0.0.1:<port>`, for REST. */
  readonly url: string;
  readonly operatorKey: string;
  /** For limits that need the same Postgres. */
  readonly postgresUrl: string;
  /** The server's process and, when it runs here, the postmaster's. */
  readonly pid: number;
  readonly postgresPid: number | undefined;
  /** Ends the server and starts it again on the same data: ports and process ids change. */
  restart(): Promise<void>;
  /** The text of /metrics. @throws Error when it is refused */
  metrics(): Promise<string>;
}

export interface NuboTarget extends Target {
  start(folder: string): Promise<RunningNubo>;
}

export interface NuboOptions {
  readonly codec: Codec;
  /** By the names of the environment variables. */
  readonly settings?: Readonly<Record<string, string>>;
}

export function nuboTarget({ codec, settings = {} }: NuboOptions): NuboTarget {
  return {
    name: 'nubo',
    label: `nubo, ${codec}, acked when committed and fsynced`,
    ack: 'committed and fsynced',
    adapter: 'nubo',
    missing: () => undefined,
    async start(folder) {
      const server = new NuboServer(join(folder, 'data'), codec, settings);
      await server.begin();
      return server;
    },
  };
}

/** Each waits two seconds for all threads. */
const readingsMax = 10;

/** Names of people begin with it, so that a second population of one server is one of other people. */
let populations = 0;

class NuboServer implements RunningNubo {
  readonly version: string;
  address: Address = { host: '127.0.0.1', port: 0 };
  url = '';
  operatorKey = '';
  postgresUrl = '';
  pid = 0;
  postgresPid: number | undefined;
  private readonly data: string;
  private readonly codec: Codec;
  private readonly settings: Readonly<Record<string, string>>;
  private child: ServerChild | undefined;
  /** That have answered /metrics since it started. */
  private readonly threads = new Set<string>();

  constructor(data: string, codec: Codec, settings: Readonly<Record<string, string>>) {
    this.data = data;
    this.codec = codec;
    this.settings = settings;
    const { version } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8')) as {
      version: string;
    };
    this.version = version;
  }

  async begin(): Promise<void> {
    this.child = startServerChild({
      program: process.execPath,
      args: [join(projectRoot, 'build/cli/main.js'), 'start', '--port', '0', '--data', this.data],
      environment: { NUBO_LOG_LEVEL: 'warn', ...this.settings },
      folder: projectRoot,
    });
    this.threads.clear();
    await this.child.line(/^ {2}REST\s+http:\S+/m);
    const { port, pid, operatorKey = '', postgresUrl, postgresPid } = readRuntime(this.data);
    this.address = { host: '127.0.0.1', port, options: { codec: this.codec } };
    this.url = `http://127.0.0.1:${port}`;
    Object.assign(this, { pid, operatorKey, postgresUrl, postgresPid });
  }

  async populate({ users, rooms, membersOf }: Population): Promise<Populated> {
    populations += 1;
    const name = `bench/${process.pid}/${Date.now()}/${populations}`;
    const [founder, ...people] = await makePeople(this, name, users + 1);
    if (founder === undefined) throw new Error('The operator API made nobody.');
    const members = Array.from({ length: rooms }, (_, room) =>
      membersOf(room).map((index) => people[index]?.user ?? ''),
    );
    const socketUrl = `${this.url.replace('http', 'ws')}/ws`;
    return { users: people, rooms: await found(socketUrl, founder, members) };
  }

  cpu() {
    return { server: cpuSecondsOf(this.pid), database: treeOr(cpuSecondsOfTree, this.postgresPid) };
  }

  memory() {
    return { server: memoryBytesOf(this.pid), database: treeOr(memoryBytesOfTree, this.postgresPid) };
  }

  /**
   * Of all threads: one that was too busy to answer /metrics is left out there, and with it what it counted, so it is
   * asked again.
   *
   * @throws Error when a thread does not answer for long
   */
  async counters() {
    for (let attempt = 1; ; attempt += 1) {
      const text = await this.metrics();
      const there = threadsIn(text);
      const silent = [...this.threads].filter((thread) => !there.includes(thread));
      for (const thread of there) this.threads.add(thread);
      if (silent.length === 0) return readCounters(text);
      if (attempt === readingsMax)
        throw new Error(`${silent.join(', ')} of nubo did not answer /metrics ${attempt} times`);
    }
  }

  async metrics(): Promise<string> {
    const headers = { authorization: `Bearer ${this.operatorKey}` };
    const response = await fetch(`${this.url}/metrics`, { headers });
    if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
    return response.text();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.begin();
  }

  async stop(): Promise<void> {
    const { child } = this;
    this.child = undefined;
    const code = await child?.stop();
    if (code !== undefined && code !== 0)
      throw new Error(`nubo ended with ${code}:\n${child?.output().trim()}`);
  }
}

function treeOr(read: (pid: number) => number, pid: number | undefined): number {
  return pid === undefined ? Number.NaN : read(pid);
}
