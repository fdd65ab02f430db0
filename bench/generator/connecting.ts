/** Everybody connects, so many at a time. */
import type { Client } from './client.js';
import { Latencies } from './latencies.js';

export interface Connected {
  readonly perSecond: number;
  /** Of each, from the TCP connect to being ready. */
  readonly latencies: Latencies;
}

interface Connecting {
  readonly atOnce: number;
  /** Registers who is told when a client is ready, or will never be. */
  onSettled(hear: (client: Client, failure: string | undefined) => void): void;
}

/** When nobody became ready for so long, nobody will. */
const patienceMs = 30_000;

/** @throws Error with the reason when one of them cannot connect */
export function connectAll(
  clients: readonly Client[],
  { atOnce, onSettled }: Connecting,
): Promise<Connected> {
  const latencies = new Latencies();
  const startedAt = performance.now();
  const begun = new Map<Client, number>();
  let next = 0;
  return new Promise((resolve, reject) => {
    let patience: NodeJS.Timeout | undefined;
    const wait = () => {
      clearTimeout(patience);
      patience = setTimeout(() => {
        const [oldest] = begun.keys();
        const ready = next - begun.size;
        reject(
          new Error(
            `Nobody became ready for ${patienceMs / 1000} s: ${ready} of ${clients.length} are, and client ${oldest?.index} has waited longest.`,
          ),
        );
      }, patienceMs);
    };
    const open = () => {
      const client = clients[next++] as Client;
      begun.set(client, performance.now());
      client.open();
    };
    onSettled((client, failure) => {
      const since = begun.get(client);
      if (since === undefined) return;
      begun.delete(client);
      if (failure !== undefined) {
        clearTimeout(patience);
        reject(new Error(`Client ${client.index} could not connect: ${failure}${hintFor(failure)}`));
        return;
      }
      wait();
      const now = performance.now();
      latencies.record(now - since);
      if (next < clients.length) open();
      else if (begun.size === 0) {
        clearTimeout(patience);
        resolve({ perSecond: clients.length / ((now - startedAt) / 1000), latencies });
      }
    });
    if (clients.length === 0) return resolve({ perSecond: 0, latencies });
    wait();
    while (next < Math.min(Math.max(1, atOnce), clients.length)) open();
  });
}

function hintFor(failure: string): string {
  return failure.includes('EMFILE')
    ? '. A process may open only so many files: play a smaller crowd, or raise the limit (ulimit -n).'
    : '';
}
