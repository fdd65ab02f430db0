/** A server whose threads fail on command. */
import { createPlacement } from '#src/threads/placement.js';
import { startServer, type TestServer } from '#test/support/server.js';
import type { Fault, FromThreads } from './fault-channel.js';

export interface FaultyServer extends TestServer {
  /** Resolves when the thread has taken it. */
  plant(fault: Fault): Promise<void>;
  /** When (Unix ms) a conversation threw at this message, and when its successor took it. */
  crashOf(message: string): Promise<{ threwAt: number; tookAt: number }>;
  /** Everything the threads have reported so far. */
  reports(): Promise<FromThreads[]>;
  /** The thread that owns a conversation. */
  shardOf(conv: string): number;
  /** How many threads have died so far. @throws Error when the whole process has */
  deaths(): number;
  /** Resolves when every thread serves. */
  ready(): Promise<void>;
}

export async function startFaultyServer(options: {
  data: string;
  shards: number;
  env?: Readonly<Record<string, string>>;
}): Promise<FaultyServer> {
  const { data, shards } = options;
  const server = await startServer({
    data,
    env: { NUBO_FRONTS: '1', ...options.env, NUBO_SHARDS: String(shards) },
    isFaulty: true,
  });
  let hasEnded = false;
  void server.ended.then(() => {
    hasEnded = true;
  });
  const port = await server.line((line) => /^faults at (\d+)/.exec(line)?.[1]);
  const control = `http://127.0.0.1:${port}`;
  const reports = async () => (await (await fetch(control)).json()) as FromThreads[];
  const placement = createPlacement({ shards: Array.from({ length: shards }, (_, index) => index) });
  return {
    ...server,
    async plant(fault) {
      const response = await fetch(control, { method: 'POST', body: JSON.stringify(fault) });
      await response.text();
    },
    async crashOf(message) {
      const all = await reports();
      const timeOf = (kind: 'threw' | 'took') => {
        const report = all.find((each) => each.kind === kind && each.message === message);
        return report !== undefined && 'at' in report ? report.at : Number.NaN;
      };
      return { threwAt: timeOf('threw'), tookAt: timeOf('took') };
    },
    reports,
    shardOf: (conv) => placement.shardOf(conv),
    deaths() {
      if (hasEnded) throw new Error(`the process has ended:\n${server.output()}`);
      return server.output().split('a thread died and is started again').length - 1;
    },
    ready: () => untilReady(server.address),
  };
}

const readyMsMax = 20_000;
const pollMs = 20;

async function untilReady(address: string): Promise<void> {
  const until = performance.now() + readyMsMax;
  for (;;) {
    // While a front is being started again nobody listens.
    const status = await fetch(`${address}/readyz`).then(
      (response) => response.status,
      () => 0,
    );
    if (status === 200) return;
    if (performance.now() > until) throw new Error(`not ready after ${readyMsMax} ms: ${status}`);
    await new Promise((resolve) => setTimeout(resolve, pollMs));
  }
}
