/** A replay from its first user to its last figure. */
import type { Sql } from 'postgres';
import { uuidv7 } from 'uuidv7';
import { UserError } from '#src/errors.js';
import { messageOf, openSql } from '#src/storage/postgres/sql.js';
import { beginStep } from '../progress.js';
import { Alarm } from './alarm.js';
import { type CastTimes, dismissCast, gatherCast, nicksOf } from './cast.js';
import { addFindings, checkRoom, type Findings, noFindings } from './check.js';
import type { Connection } from './connection.js';
import { type CpuSample, cpuBetween, findPostmaster, type Processes, sampleCpu } from './cpu.js';
import { checkOpenFiles } from './open-files.js';
import { inParallel } from './parallel.js';
import type { Retries } from './persist.js';
import { eventsOf, measureRawCopy } from './raw-copy.js';
import { claimsOf, type Figures, holds, type ReplayResult } from './result.js';
import { type Sending, sendTranscript } from './send.js';
import { joinRooms, openRooms, type Stage } from './stage.js';
import { readBatches, readRoom } from './stored.js';
import type { Target } from './target.js';
import type { Room, Transcript } from './transcript.js';

/** Rooms read from the database at once. */
const readsMax = 3;
/** Fresh partitions have no statistics, and every read here has its index. */
const plannerSettings = { enable_seqscan: 'off', jit: 'off' };

/** Rejects with UserError or ReplayFailure when it cannot be brought to its end. */
export async function replay(file: string, transcript: Transcript, target: Target): Promise<ReplayResult> {
  const { rooms, sha256, lineCount, renames } = transcript;
  const people = nicksOf(rooms).length;
  checkOpenFiles(people + rooms.length, target.serverPid);
  const sql = openSql(target.postgresUrl, { max: readsMax, name: 'nubo replay', settings: plannerSettings });
  try {
    const postgres = await findPostmaster(sql).catch((error: unknown) => {
      throw new UserError(`The database cannot be reached, and the check needs it: ${messageOf(error)}`);
    });
    const connections: Connection[] = [];
    const processes = { server: target.serverPid, postgres };
    const played = await play({ rooms, target, processes, connections }).finally(() => {
      for (const connection of connections) connection.cut();
    });
    const { stages, joins, sending } = played;
    const { findings, seconds } = await checkStages(sql, stages);
    const raw = await measureRaw(sql, stages, target);
    const messages = rooms.reduce((sum, room) => sum + room.lines.length, 0);
    const acked = stages.reduce((sum, { sent }) => sum + sent.length, 0);
    const claims = claimsOf(findings, { messages, acked, rooms: rooms.length, joins });
    return {
      ...{ file, sha256, lines: lineCount, renamesSkipped: renames },
      ...{ messages, people, rooms: rooms.length, joins, claims, passed: claims.every(holds) },
      figures: { ...figuresOf(played), ...timesOf(sending, acked), ...raw, checkSeconds: seconds },
    };
  } finally {
    await sql.end({ timeout: 5 });
  }
}

interface Played {
  readonly stages: Stage[];
  readonly joins: number;
  readonly sending: Sending;
  readonly times: CastTimes & { readonly roomsSeconds: number; readonly joinsSeconds: number };
  readonly cpuOfSending: CpuSample;
  readonly cpuOfAll: CpuSample;
  readonly retries: Retries;
  readonly clientMemoryMb: number;
}

interface Play {
  readonly rooms: readonly Room[];
  readonly target: Target;
  readonly processes: Processes;
  /** Where every connection enters itself. */
  readonly connections: Connection[];
}

/** Everything that goes through the server. */
async function play({ rooms, target, processes, connections }: Play): Promise<Played> {
  const alarm = new Alarm();
  const retries: Retries = new Map();
  const cpuAtFirst = sampleCpu(processes);
  const operator = { url: target.url, key: target.operatorKey };
  const { cast, times } = await alarm.orRaised(
    gatherCast({ run: uuidv7(), rooms, operator, socketUrl: target.socketUrl, alarm, connections }),
  );
  const roomsAt = performance.now();
  const stages = await alarm.orRaised(openRooms(rooms, cast, retries));
  const roomsSeconds = (performance.now() - roomsAt) / 1000;
  const { joins, seconds: joinsSeconds } = await alarm.orRaised(joinRooms(stages, retries));
  const cpuBefore = sampleCpu(processes);
  const sending = await sendTranscript(stages, retries, alarm);
  const cpuAfter = sampleCpu(processes);
  const clientMemoryMb = process.memoryUsage.rss() / 2 ** 20;
  await dismissCast(cast);
  return {
    ...{ stages, joins, sending, retries, clientMemoryMb },
    times: { ...times, roomsSeconds, joinsSeconds },
    cpuOfSending: cpuBetween(cpuBefore, cpuAfter),
    cpuOfAll: cpuBetween(cpuAtFirst, cpuAfter),
  };
}

async function checkStages(
  sql: Sql,
  stages: readonly Stage[],
): Promise<{ findings: Findings; seconds: number }> {
  const findings = noFindings();
  const step = beginStep('rooms checked', stages.length);
  await inParallel(readsMax, stages, async ({ conv, listener, listenerUser, authors, sent }) => {
    const stored = await readRoom(sql, conv);
    const users = [...authors.values()].map(({ user }) => user);
    addFindings(
      findings,
      checkRoom({ listener: listenerUser, authors: users, sent, stored, seen: listener.seen }),
    );
    step.add();
  });
  return { findings, seconds: step.end() };
}

async function measureRaw(
  sql: Sql,
  stages: readonly Stage[],
  { postgresUrl }: Target,
): Promise<Pick<Figures, 'batches' | 'meanBatch' | 'rawCopyPerSecond'>> {
  const events = eventsOf(stages);
  const batches = await readBatches(
    sql,
    stages.map(({ conv }) => conv),
  );
  const meanBatch = events.length / Math.max(1, batches);
  const step = beginStep('raw COPY', events.length);
  const batchSize = Math.max(1, Math.round(meanBatch));
  const rawCopyPerSecond = await measureRawCopy({ postgresUrl, sql, events, batchSize, step });
  step.end();
  return { batches, meanBatch, rawCopyPerSecond };
}

function figuresOf({ times, cpuOfSending, cpuOfAll, retries, clientMemoryMb, stages }: Played) {
  const gapsTold = stages.reduce((sum, { listener }) => sum + listener.gaps, 0);
  return { ...times, cpuOfSending, cpuOfAll, clientMemoryMb, retries: Object.fromEntries(retries), gapsTold };
}

function timesOf({ ackSeconds, deliverySeconds, latency }: Sending, acked: number) {
  return {
    ...{ ackSeconds, deliverySeconds, ackedPerSecond: acked / ackSeconds },
    ackP50Ms: latency.percentile(50) / 1e6,
    ackP99Ms: latency.percentile(99) / 1e6,
    ackMaxMs: latency.max / 1e6,
  };
}
