/**
 * What uWebSockets.js delivers when nothing else is to be done: frames made ahead, published to one topic, read by
 * sockets that only count. The denominator of fan-out.
 */
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Measurement } from '../contract.js';
import { type Child, withProcesses } from './processes.js';
import type { Pace, PublishClientChild, ReadReport } from './publish-client-child.js';
import type { PublishServerChild } from './publish-server-child.js';

export interface RawPublishOptions {
  readonly subscribers: number;
  /** Of one message in a frame: the engine's bytes of a frame divided by the messages in it. */
  readonly bytes: number;
  /** Messages published in one turn of the event loop: the engine's mean of events in a frame. */
  readonly perTurn: number;
  /** One frame holds all messages of a turn (the default, as the engine does it), or each has its own. */
  readonly gathering?: 'one frame' | 'a frame each';
  /**
   * Absent: free-running, the server publishes as fast as it is read. Else paced by round trips: one sender keeps so
   * many messages unanswered, and each `perTurn` of them are published and acked together.
   */
  readonly outstanding?: number;
  /** Of reading that counts. */
  readonly seconds: number;
  readonly warmUpSeconds?: number;
  readonly signal?: AbortSignal;
}

/** What may be under way when the server runs free: enough that neither side waits, and little enough for the buffers. */
const bytesUnderWay = 8 * 1024 * 1024;
const drainMs = 10_000;
const turnsUnderWay = { min: 2, max: 256 } as const;

/**
 * Figures: `deliveriesPerSecond` (messages × subscribers), `sendsPerSecond` (turns × subscribers: about as many system
 * calls), `serverCores` and `clientCores` (1: it had no time left). CPU µs are per delivery.
 *
 * @throws RangeError when a turn could never be filled
 */
export async function rawPublish(options: RawPublishOptions): Promise<Measurement> {
  const { subscribers, bytes, seconds, outstanding, gathering = 'one frame', signal } = options;
  const perTurn = Math.max(1, Math.round(options.perTurn));
  const { warmUpSeconds = Math.min(1, seconds / 2) } = options;
  if (outstanding !== undefined && outstanding < perTurn) {
    throw new RangeError(`${outstanding} outstanding messages never make a turn of ${perTurn}.`);
  }
  const frames = gathering === 'one frame' ? 1 : perTurn;
  const frameBytes = Math.round((bytes * perTurn) / frames);
  const turnBytes = frames * (headBytes(frameBytes) + frameBytes);
  const pace: Pace =
    outstanding === undefined
      ? { kind: 'free', turns: freeTurns(turnBytes * subscribers) }
      : { kind: 'paced', outstanding, messagesPerTurn: perTurn, messageBytes: Math.round(bytes) };
  return withProcesses(async (processes) => {
    const server = processes.start<PublishServerChild>('publish-server-child');
    const client = processes.start<PublishClientChild>('publish-client-child');
    const port = await server.call('listen', { frameBytes, framesPerTurn: frames, messagesPerTurn: perTurn });
    await client.call('open', { port, serverPid: server.pid, subscribers, turnBytes, pace });
    await client.call('read', warmUpSeconds);
    const report = await client.call('read', seconds);
    await client.call('stop', undefined);
    const lacking = await missing(server, client, subscribers);
    await client.call('close', undefined);
    return {
      ...measurementOf(options, perTurn, report),
      ...(lacking === 0 ? {} : { void: `${lacking} sends did not arrive` }),
    };
  }, signal);
}

/** Sends that have not arrived when nothing is under way any more. */
async function missing(
  server: Child<PublishServerChild>,
  client: Child<PublishClientChild>,
  subscribers: number,
): Promise<number> {
  const endsAt = performance.now() + drainMs;
  let last = -1;
  for (;;) {
    const arrived = await client.call('arrivals', undefined);
    const { turns } = await server.call('counts', undefined);
    const lacking = turns * subscribers - arrived;
    // Twice the same: what the server had room for has been published, too.
    const isStill = turns === last;
    if ((isStill && lacking === 0) || performance.now() > endsAt) return lacking;
    last = turns;
    await sleep(20);
  }
}

function measurementOf(options: RawPublishOptions, perTurn: number, report: ReadReport): Measurement {
  const { subscribers, bytes, outstanding, gathering = 'one frame' } = options;
  const { arrivals, seconds, server, client, reads } = report;
  const deliveries = arrivals * perTurn;
  const micros = (cpuSeconds: number) => (cpuSeconds / deliveries) * 1e6;
  const pace = outstanding === undefined ? 'free-running' : `${outstanding} outstanding`;
  return {
    ...{ part: outstanding === undefined ? 'raw publish' : 'raw publish, paced', kind: 'limit', ack: 'none' },
    label: `raw uWebSockets.js publish to ${subscribers}, ${perTurn} × ${Math.round(bytes)} bytes a turn in ${gathering === 'one frame' ? 'one frame' : 'frames of their own'}, ${pace}`,
    figures: {
      ...{ deliveriesPerSecond: deliveries / seconds, sendsPerSecond: arrivals / seconds },
      ...{ readsPerSecond: reads / seconds, clientCores: client / seconds },
      ...(Number.isNaN(server) ? {} : { serverCores: server / seconds }),
    },
    ...(Number.isNaN(server)
      ? {}
      : { cpu: { server: micros(server), database: 0, generator: micros(client) } }),
  };
}

/** Of a frame from a server. */
function headBytes(payload: number): number {
  return payload < 126 ? 2 : payload < 0x10000 ? 4 : 10;
}

function freeTurns(bytes: number): number {
  return Math.min(turnsUnderWay.max, Math.max(turnsUnderWay.min, Math.round(bytesUnderWay / bytes)));
}
