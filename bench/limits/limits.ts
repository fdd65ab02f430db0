/** All limits by name, each at sizes that can be compared between machines and days. */
import type { Measurement } from '../contract.js';
import { bareConnections } from './bare-connections.js';
import { latencyFloor } from './latency-floor.js';
import { rawCopyLadder } from './raw-copy.js';
import { rawPublish } from './raw-publish.js';
import type { DatabaseServer } from './scratch-database.js';

export interface LimitRun {
  readonly database: DatabaseServer;
  /** Of each measurement. */
  readonly seconds: number;
  /** Small, and over in about two seconds: shows that it works, its figures mean nothing. */
  readonly isSmoke: boolean;
  readonly signal?: AbortSignal;
}

export interface Limit {
  readonly name: string;
  /** One line for a list. */
  readonly says: string;
  measure(run: LimitRun): Promise<Measurement[]>;
}

const smokeSeconds = 0.1;

export const limits: readonly Limit[] = [
  {
    name: 'copy',
    says: 'Rows a second that Postgres takes by binary COPY, at batches of 100, 800 and 1,000',
    measure: ({ database, ...run }) =>
      rawCopyLadder({ ...{ database, texts: 'transcript' }, seconds: secondsOf(run), ...signalOf(run) }),
  },
  {
    name: 'publish',
    says: 'Deliveries a second of uWebSockets.js alone, free-running and paced by round trips',
    measure: (run) => measurePublish(run),
  },
  {
    name: 'connections',
    says: 'Memory of an idle connection of uWebSockets.js alone, and upgrades a second',
    async measure(run) {
      const connections = run.isSmoke ? 500 : 15_000;
      return [await bareConnections({ connections, topics: 3, ...signalOf(run) })];
    },
  },
  {
    name: 'floor',
    says: 'The least time of an ack: WebSocket, thread and a one-row commit, one in flight',
    async measure({ database, ...run }) {
      const seconds = run.isSmoke ? 6 * smokeSeconds : run.seconds;
      return [await latencyFloor({ database, texts: 'transcript', seconds, ...signalOf(run) })];
    },
  },
];

/** Of about the engine's events in msgpack with texts of the transcript. */
const eventBytes = 190;

/** As the figures of fan-out have it: a thousand subscribers; one message a turn, and as many as 64 outstanding give. */
async function measurePublish(run: Omit<LimitRun, 'database'>): Promise<Measurement[]> {
  const subscribers = run.isSmoke ? 50 : 1_000;
  const common = { subscribers, bytes: eventBytes, seconds: secondsOf(run), ...signalOf(run) };
  const shapes = [
    { perTurn: 1 },
    { perTurn: 32 },
    { perTurn: 1, outstanding: 1 },
    { perTurn: 32, outstanding: 64 },
  ];
  const measurements: Measurement[] = [];
  for (const shape of run.isSmoke ? shapes.slice(-2) : shapes) {
    const measurement = await rawPublish({ ...common, ...shape });
    measurements.push({ ...measurement, part: `${measurement.part}, ${shape.perTurn} a turn` });
  }
  return measurements;
}

function secondsOf({ isSmoke, seconds }: Pick<LimitRun, 'isSmoke' | 'seconds'>): number {
  return isSmoke ? smokeSeconds : seconds;
}

function signalOf({ signal }: Pick<LimitRun, 'signal'>): Pick<LimitRun, 'signal'> {
  return signal === undefined ? {} : { signal };
}
