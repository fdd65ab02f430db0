/**
 * What a connection costs uWebSockets.js alone: memory while it is idle in some topics, and the upgrades it makes a
 * second. The denominators of idle memory and of connecting.
 */
import type { Measurement } from '../contract.js';
import type { ConnectionsClientChild, ConnectReport } from './connections-client-child.js';
import type { ConnectionsServerChild } from './connections-server-child.js';
import { withProcesses } from './processes.js';

export interface BareConnectionsOptions {
  readonly connections: number;
  /** That each subscribes to. */
  readonly topics: number;
  /** Different topics in all; as many as connections when absent, up to a thousand. */
  readonly rooms?: number;
  /** Connections opened at a time, once those that were opened one after another are there. */
  readonly connectAtOnce?: number;
  readonly signal?: AbortSignal;
}

/** A client's address has some 28,000 ports towards one port, and finding a free one is slow when half are taken. */
const connectionsPerPort = 5_000;
/**
 * A tenth is opened first, and counts for nothing: until then neither side's code is compiled. Another tenth is opened one
 * after another. Memory is looked at from there on, when buffers have grown and what the starting process freed is used.
 */
const share = 0.1;
const shareMax = 1_500;

/**
 * Figures: `bytesPerConnection` (anonymous memory of the server's process without empty heap; the kernel's buffers
 * are not in it), `upgradesPerSecond` (`connectAtOnce` at a time), `upgradesPerSecondOneByOne`, `millisecondsOneByOne`. CPU
 * µs a connection, opened `connectAtOnce` at a time.
 *
 * @throws RangeError with fewer than ten connections
 */
export async function bareConnections(options: BareConnectionsOptions): Promise<Measurement> {
  const { connections, topics, connectAtOnce = 100, signal } = options;
  const { rooms = Math.min(1_000, connections) } = options;
  if (connections < 10) throw new RangeError('At least ten connections are needed for a difference.');
  const first = Math.min(shareMax, Math.round(connections * share));
  const rest = connections - 2 * first;
  return withProcesses(async (processes) => {
    const server = processes.start<ConnectionsServerChild>('connections-server-child');
    const client = processes.start<ConnectionsClientChild>('connections-client-child');
    const ports = await server.call('listen', {
      topics,
      rooms,
      ports: Math.ceil(connections / connectionsPerPort),
    });
    const place = { ports, connectionsPerPort, serverPid: server.pid };
    await client.call('connect', { ...place, count: first, atOnce: connectAtOnce });
    const oneByOne = await client.call('connect', { ...place, count: first, atOnce: 1 });
    const before = await server.call('look', undefined);
    const atOnce = await client.call('connect', { ...place, count: rest, atOnce: connectAtOnce });
    const { open, bytes: after } = await server.call('look', undefined);
    if (open !== connections) throw new Error(`${open} of ${connections} connections are open`);
    const bytes = (after - before.bytes) / rest;
    await client.call('close', undefined);
    return measurementOf({ options, connectAtOnce, first, rest, oneByOne, atOnce, bytes });
  }, signal);
}

function measurementOf(found: {
  readonly options: BareConnectionsOptions;
  readonly connectAtOnce: number;
  readonly first: number;
  readonly rest: number;
  readonly oneByOne: ConnectReport;
  readonly atOnce: ConnectReport;
  readonly bytes: number;
}): Measurement {
  const { options, connectAtOnce, first, rest, oneByOne, atOnce, bytes } = found;
  const micros = (cpuSeconds: number) => (cpuSeconds / rest) * 1e6;
  return {
    ...{ part: 'bare connections', kind: 'limit' },
    label: `bare uWebSockets.js, ${options.connections} connections in ${options.topics} topics each, ${connectAtOnce} opened at a time`,
    figures: {
      ...(Number.isNaN(bytes) ? {} : { bytesPerConnection: bytes }),
      upgradesPerSecond: rest / atOnce.seconds,
      upgradesPerSecondOneByOne: first / oneByOne.seconds,
      millisecondsOneByOne: (oneByOne.seconds / first) * 1000,
    },
    ...(Number.isNaN(atOnce.server)
      ? {}
      : { cpu: { server: micros(atOnce.server), database: 0, generator: micros(atOnce.client) } }),
  };
}
