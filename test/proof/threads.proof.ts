/**
 * Actors and threads that die under load: they come back alone, the process stays, nothing acked is lost, and who
 * keeps a socket learns of what was committed and not published (A4, A5, A10, P6).
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { restartLimits } from '#actors/supervisor/policy.js';
import { openSql } from '#src/storage/postgres/sql.js';
import { type FaultyServer, startFaultyServer } from '#test/faults/faulty-server.js';
import {
  crashConversation,
  dieAfterCommit,
  killThread,
  leaveRoom,
  makeRoom,
  poisonConversation,
  type Room,
} from '#test/faults/thread-trials.js';
import { checkRun, type Violation } from '#test/support/checker.js';
import { Load } from '#test/support/load.js';
import { dataFolder } from '#test/support/server.js';
import { readLog } from '#test/support/stored-log.js';
import type { Proof, ProofOptions, ProofResult } from './proof.js';

const shape = { rooms: 8, senders: 16, outstanding: 4, listeners: 1, isTenacious: true, thinkMs: 10 };
const shards = 2;
/** Per kind of death. */
const counts = {
  short: { crashes: 5, poisons: 1, silences: 2, throws: 1, heaps: 1, fronts: 1 },
  full: { crashes: 100, poisons: 20, silences: 20, throws: 10, heaps: 6, fronts: 10 },
};
/** A larger one than a conversation remembers: it can only be told as a gap, and pulled. */
const manyUnheard = 200;
/** At most, while none was told as a gap. */
const silencesMore = 4;
/** An actor that crashes more often within ten seconds rests (A6). */
const crashesPerRoom = 5;
const marginMs = 3_000;
const backMsMax = 100;
const neighboursSilentMsMax = 1_500;

class Tally {
  readonly counts: Record<string, number> = {};
  readonly worst: Record<string, number> = {};
  add(name: string, count = 1): void {
    this.counts[name] = (this.counts[name] ?? 0) + count;
  }
  note(name: string, value: number): void {
    this.worst[name] = Math.round(Math.max(this.worst[name] ?? 0, value) * 10) / 10;
  }
}

/** A thread that dies more than five times in 30 s ends the process: that is not what is tried here. */
class Pacer {
  private readonly deaths = new Map<string, number[]>();

  /** Resolves when the thread may be killed. */
  async mayDie(thread: string): Promise<void> {
    const { restartsMax, windowMs } = restartLimits;
    const deaths = this.deaths.get(thread) ?? [];
    this.deaths.set(thread, deaths);
    const oldest = deaths.at(-(restartsMax - 1));
    const waitMs = oldest === undefined ? 0 : oldest + windowMs + marginMs - performance.now();
    if (waitMs > 0) await sleep(waitMs);
    deaths.push(performance.now());
  }
}

async function run({ short, log }: ProofOptions): Promise<ProofResult> {
  const folder = dataFolder('threads');
  const server = await startFaultyServer({ data: folder.path, shards });
  const load = await Load.prepare(server, {
    ...shape,
    roomFits: (conv, index) => server.shardOf(conv) === index % shards,
  });
  const tally = new Tally();
  const pacer = new Pacer();
  const rooms: Room[] = [];
  try {
    await load.connect(server.address);
    load.begin();
    const plan = short ? counts.short : counts.full;
    for (let shard = 0; shard < shards; shard += 1)
      rooms.push(await makeRoom(server, { shard, name: `room ${shard}` }));
    await actors({ server, load, tally, pacer, log }, plan);
    await threads({ server, load, rooms, tally, pacer, log }, plan);
    for (const room of rooms) leaveRoom(room);
    rooms.length = 0;
    await fronts({ server, load, rooms, tally, pacer, log }, plan);
    load.pause();
    await load.settled();
    const violations = await check(server, load);
    for (const { rule, message } of violations.slice(0, 10)) log(`${rule}: ${message}`);
    return judge({ server, load, tally, violations });
  } finally {
    for (const room of rooms) leaveRoom(room);
    load.close();
    server.kill('everything');
    await server.ended;
    await folder.remove();
  }
}

interface Scene {
  readonly server: FaultyServer;
  readonly load: Load;
  readonly rooms: readonly Room[];
  readonly tally: Tally;
  readonly pacer: Pacer;
  readonly log: (line: string) => void;
}

type Plan = (typeof counts)['short'];

async function actors({ server, load, tally, log }: Omit<Scene, 'rooms'>, plan: Plan): Promise<void> {
  for (let trial = 0; trial < plan.crashes; trial += crashesPerRoom) {
    const room = await makeRoom(server, { shard: (trial / crashesPerRoom) % shards, name: `crash ${trial}` });
    for (let crash = 0; crash < crashesPerRoom; crash += 1) {
      const { backMs, answeredMs, neighboursSilentMs } = await crashConversation(server, room, load);
      tally.add('conversations that threw');
      if (!(backMs <= backMsMax)) tally.add('conversations that were back too late');
      tally.note('slowest conversation to be back, ms', backMs);
      tally.note('slowest answer to a message that threw, ms', answeredMs);
      tally.note('neighbours of a conversation silent, ms', neighboursSilentMs);
    }
    leaveRoom(room);
  }
  for (let trial = 0; trial < plan.poisons; trial += 1) {
    const room = await makeRoom(server, { shard: trial % shards, name: `poison ${trial}` });
    const answer = await poisonConversation(server, room);
    tally.add('poisonous messages set aside');
    if (answer.code !== 'internal' || answer.stored === false) tally.add('wrong answers to poison');
    leaveRoom(room);
  }
  log(`conversations: ${JSON.stringify(tally)}`);
}

async function threads({ server, load, rooms, tally, pacer, log }: Scene, plan: Plan): Promise<void> {
  let gapsTold = 0;
  for (let trial = 0; trial < plan.silences + silencesMore; trial += 1) {
    // A busy machine hears of most of many before the death, and then of no gap: once more.
    const isMore = trial >= plan.silences;
    if (isMore && gapsTold > 0) break;
    const count = isMore || trial % 4 === 1 ? manyUnheard : 1;
    await pacer.mayDie(`shard ${trial % shards}`);
    const { unheard, heardMs, gaps } = await dieAfterCommit(server, roomAt(rooms, trial), count);
    gapsTold += gaps > 0 ? 1 : 0;
    tally.add('deaths between commit and publish, then silence');
    tally.add('messages committed and unheard', unheard);
    tally.add('of these deaths told as a gap', gaps > 0 ? 1 : 0);
    tally.note('committed and unheard until heard, ms', heardMs);
  }
  log(`silence: ${JSON.stringify(tally)}`);
  const kinds = [
    ...Array.from({ length: plan.throws }, () => 'shard throws' as const),
    ...Array.from({ length: plan.heaps }, () => 'shard exhausts its heap' as const),
  ];
  for (const [trial, kind] of kinds.entries()) {
    await pacer.mayDie(`shard ${trial % shards}`);
    const death = await killThread(server, load, { kind, shard: trial % shards });
    tally.add(kind === 'shard throws' ? 'shards killed by throw' : 'shards killed by heap exhaustion');
    tally.note('slowest shard, ms', death.backMs);
    tally.note('other shards silent, ms', death.neighboursSilentMs);
  }
  log(`shards: ${JSON.stringify(tally)}`);
}

async function fronts({ server, load, tally, pacer, log }: Scene, plan: Plan): Promise<void> {
  // Until here nobody lost a socket; a front takes its sockets along.
  tally.add(
    'sockets lost when shards died',
    load.listeners.reduce((sum, { losses }) => sum + losses, 0),
  );
  for (let trial = 0; trial < plan.fronts; trial += 1) {
    await pacer.mayDie('front 0');
    const { backMs } = await killThread(server, load, { kind: 'front throws', front: 0 });
    tally.add('fronts killed by throw');
    tally.note('slowest front, ms', backMs);
  }
  log(`fronts: ${JSON.stringify(tally)}`);
}

function roomAt(rooms: readonly Room[], trial: number): Room {
  const room = rooms[trial % rooms.length];
  if (room === undefined) throw new Error('there are no rooms');
  return room;
}

async function check(server: FaultyServer, load: Load): Promise<Violation[]> {
  const sql = openSql(server.runtime.postgresUrl, { max: 1, statementMs: 0 });
  try {
    const stored = await readLog(sql, load.rooms);
    return checkRun(load.record(stored.map(({ event }) => event)));
  } finally {
    await sql.end();
  }
}

function judge(end: {
  server: FaultyServer;
  load: Load;
  tally: Tally;
  violations: readonly Violation[];
}): ProofResult {
  const { server, load, tally, violations } = end;
  const { book } = load;
  const planted = ['deaths between commit and publish, then silence', 'shards killed by throw']
    .concat(['shards killed by heap exhaustion', 'fronts killed by throw'])
    .reduce((sum, name) => sum + (tally.counts[name] ?? 0), 0);
  const refused = [...book.sent.values()].filter((operation) => operation.refused !== undefined).length;
  const wrong = [
    'conversations that were back too late',
    'wrong answers to poison',
    'sockets lost when shards died',
  ];
  const passed =
    violations.length === 0 &&
    refused === 0 &&
    book.changed === 0 &&
    server.deaths() === planted &&
    (tally.counts['of these deaths told as a gap'] ?? 0) > 0 &&
    wrong.every((name) => (tally.counts[name] ?? 0) === 0) &&
    (tally.worst['neighbours of a conversation silent, ms'] ?? 0) <= neighboursSilentMsMax &&
    (tally.worst['other shards silent, ms'] ?? 0) <= neighboursSilentMsMax;
  return {
    passed,
    trials: {
      ...tally.counts,
      'messages acked': book.acks.length,
      'threads that died': server.deaths(),
      'of these planted': planted,
      'lost, duplicated, swapped or missing': violations.length,
      ...tally.worst,
    },
  };
}

export const proof: Proof = { item: 'threads', command: 'npm run proof -- threads', run };
