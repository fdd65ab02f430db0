/**
 * The least time an ack can take: over a loopback WebSocket to a thread, from it to another one, a row and its claim
 * committed there, and all the way back; one in flight. The denominator of ack latency.
 */
import type { Crowd, Measurement } from '../contract.js';
import type { FloorClientChild, TripReport } from './floor-client-child.js';
import type { Trip } from './floor-protocol.js';
import type { FloorServerChild } from './floor-server-child.js';
import { type Child, withProcesses } from './processes.js';
import { countRows, type DatabaseServer, withScratchDatabase } from './scratch-database.js';

export interface LatencyFloorOptions {
  readonly database: DatabaseServer;
  readonly texts: Crowd['texts'];
  /** In all; the shorter trips and the choice between COPY and INSERT take two fifths of it. */
  readonly seconds: number;
  readonly signal?: AbortSignal;
}

/** Of the seconds: each short trip, each try of a way to commit, and the measured trip. */
const shares = { short: 0.1, tried: 0.1, floor: 0.6 } as const;

/**
 * Figures in milliseconds: `p50Milliseconds` and `p99Milliseconds` of the whole; `socketP50Milliseconds` of the way over
 * the WebSocket alone and `threadP50Milliseconds` with the other thread, which both are parts of it. CPU µs an ack.
 *
 * @throws UserError when the server gives no scratch database
 */
export async function latencyFloor(options: LatencyFloorOptions): Promise<Measurement> {
  const { database, texts, seconds, signal } = options;
  return withScratchDatabase(database, (url) =>
    withProcesses(async (processes) => {
      const server = processes.start<FloorServerChild>('floor-server-child');
      const client = processes.start<FloorClientChild>('floor-client-child');
      const { port, backendPid } = await server.call('listen', { url, texts });
      const place = { serverPid: server.pid, backendPid, postmaster: database.pid };
      await client.call('open', { port, texts, ...place });
      const socket = await client.call('run', { trip: 'socket', seconds: seconds * shares.short });
      const thread = await client.call('run', { trip: 'thread', seconds: seconds * shares.short });
      const tried = await tryCommits(client, seconds);
      const floor = await client.call('run', { trip: tried.faster, seconds: seconds * shares.floor });
      const written = tried.count + floor.count;
      const stored = await countRows(url);
      if (stored !== written) throw new Error(`${written} rows were committed, and ${stored} are there`);
      return measurementOf({ trip: tried.faster, socket, thread, floor });
    }, signal),
  );
}

/** Which way has the lower median; by turns, so that a slow moment of the disk does not decide. */
async function tryCommits(
  client: Child<FloorClientChild>,
  seconds: number,
): Promise<{ readonly faster: 'copy' | 'insert'; readonly count: number }> {
  const medians = { copy: Number.POSITIVE_INFINITY, insert: Number.POSITIVE_INFINITY };
  let total = 0;
  for (const trip of ['copy', 'insert', 'copy', 'insert'] as const) {
    const { p50, count } = await client.call('run', { trip, seconds: (seconds * shares.tried) / 2 });
    medians[trip] = Math.min(medians[trip], p50);
    total += count;
  }
  return { faster: medians.copy <= medians.insert ? 'copy' : 'insert', count: total };
}

function measurementOf(found: {
  readonly trip: Trip;
  readonly socket: TripReport;
  readonly thread: TripReport;
  readonly floor: TripReport;
}): Measurement {
  const { trip, socket, thread, floor } = found;
  const micros = (cpuSeconds: number) => (cpuSeconds / floor.count) * 1e6;
  const cpu = {
    server: micros(floor.server),
    database: micros(floor.database),
    generator: micros(floor.client),
  };
  return {
    ...{ part: 'latency floor', kind: 'limit', ack: 'committed and fsynced' },
    label: `WebSocket, thread and one-row ${trip === 'copy' ? 'COPY' : 'prepared INSERT'} with its claim, one in flight`,
    figures: {
      ...{ p50Milliseconds: floor.p50, p99Milliseconds: floor.p99 },
      ...{ socketP50Milliseconds: socket.p50, threadP50Milliseconds: thread.p50 },
    },
    ...(Object.values(cpu).some(Number.isNaN) ? {} : { cpu }),
  };
}
