/** What all running peers have in common: CPU and memory by /proc, and an end that leaves nothing behind. */
import type { Address, Populated, Population, RunningTarget } from '../contract.js';
import type { ServerChild } from '../targets/child.js';
import { cpuSecondsOfTree, memoryBytesOfTree } from '../targets/processes.js';
import type { PeerPostgres } from './postgres.js';

export interface PeerParts {
  readonly version: string;
  readonly address: Address;
  readonly child: ServerChild;
  /** When the peer keeps messages in one. */
  readonly database?: PeerPostgres;
  populate(population: Population): Promise<Populated>;
}

/** The figures of a peer: its process with all below it, and its database's. */
export function runningPeer({ version, address, child, database, populate }: PeerParts): RunningTarget {
  const both = (read: (pid: number) => number) => ({
    server: read(child.pid),
    database: database === undefined ? 0 : read(database.pid),
  });
  return {
    ...{ version, address, populate },
    cpu: () => both(cpuSecondsOfTree),
    memory: () => both(memoryBytesOfTree),
    counters: async () => ({}),
    async stop() {
      await child.stop();
      await database?.stop();
    },
  };
}

/** Starts what `start` starts on a database of its own, which ends when that fails. */
export async function withDatabase<Value>(
  database: PeerPostgres,
  start: () => Promise<Value>,
): Promise<Value> {
  try {
    return await start();
  } catch (error) {
    await database.stop();
    throw error;
  }
}
