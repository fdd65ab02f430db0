/**
 * Whatever is killed, and when: what was acked is there once, in one gapless order, and every retry gets its
 * original answer (P1 to P5).
 */
import { openSql } from '#src/storage/postgres/sql.js';
import { type KillRound, killRound } from '#test/faults/kill-round.js';
import { checkRun, type Violation } from '#test/support/checker.js';
import { Load } from '#test/support/load.js';
import { dataFolder, startServer, type TestServer } from '#test/support/server.js';
import { readLog } from '#test/support/stored-log.js';
import type { Proof, ProofOptions, ProofResult } from './proof.js';

const rounds = { short: 3, full: 20 };
const shape = { rooms: 12, senders: 48, outstanding: 6, listeners: 1 };
/** What makes a kill worth counting. */
const demands = { ackedPerSecond: 2_000, inFlight: 100, youngestAckMs: 50 };
/** Rounds that must have killed between a claim and its acks. */
const claimedRoundsMin = { short: 0, full: 5 };
const env = { NUBO_SHARDS: '2' };

async function run({ short, log }: ProofOptions): Promise<ProofResult> {
  const folder = dataFolder('kill');
  let server = await startServer({ data: folder.path, env });
  const load = await Load.prepare(server, shape);
  const played: KillRound[] = [];
  try {
    await load.connect(server.address);
    for (let round = 0; round < (short ? rounds.short : rounds.full); round += 1) {
      const victim = round % 2 === 0 ? 'nubo' : 'everything';
      const loadMs = 1_300 + Math.random() * 400;
      const result = await killRound(server, load, {
        ...{ data: folder.path, env, victim, loadMs, repeats: 500 },
        ackedPerSecondMin: demands.ackedPerSecond,
      });
      server = result.server;
      played.push(result.round);
      log(describe(result.round));
    }
    const violations = await check(server, load);
    for (const { rule, message } of violations.slice(0, 10)) log(`${rule}: ${message}`);
    return judge(played, load, violations, short);
  } finally {
    load.close();
    server.kill('everything');
    await server.ended;
    await folder.remove();
  }
}

async function check(server: TestServer, load: Load): Promise<Violation[]> {
  const sql = openSql(server.runtime.postgresUrl, { max: 1, statementMs: 0 });
  try {
    const stored = await readLog(sql, load.rooms);
    return checkRun(load.record(stored.map(({ event }) => event)));
  } finally {
    await sql.end();
  }
}

function describe(round: KillRound): string {
  return (
    `killed ${round.victim}: ${round.ackedPerSecond} acked in the second before, ${round.inFlight} in flight, ` +
    `youngest ack ${round.youngestAckMs.toFixed(1)} ms old, ${round.committedUnacked} committed and never acked ` +
    `in ${round.batchesUnacked} batches, serving again after ${Math.round(round.restartMs)} ms`
  );
}

function judge(
  played: readonly KillRound[],
  load: Load,
  violations: readonly Violation[],
  short: boolean,
): ProofResult {
  const { book } = load;
  const median = medianOf(played.map(({ youngestAckMs }) => youngestAckMs));
  const claimed = played.filter(({ batchesUnacked }) => batchesUnacked > 0).length;
  const refused = [...book.sent.values()].filter((operation) => operation.refused !== undefined).length;
  const weakest = {
    ackedPerSecond: Math.min(...played.map((round) => round.ackedPerSecond)),
    inFlight: Math.min(...played.map((round) => round.inFlight)),
  };
  const passed =
    violations.length === 0 &&
    book.changed === 0 &&
    refused === 0 &&
    median <= demands.youngestAckMs &&
    weakest.ackedPerSecond >= demands.ackedPerSecond &&
    weakest.inFlight >= demands.inFlight &&
    claimed >= (short ? claimedRoundsMin.short : claimedRoundsMin.full);
  return {
    passed,
    trials: {
      kills: played.length,
      'kills of nubo alone': played.filter(({ victim }) => victim === 'nubo').length,
      'messages acked': book.acks.length,
      'lost, duplicated, swapped or missing': violations.length,
      'acked again with the same answer': book.repeated - book.changed,
      'acked again with another answer': book.changed,
      'rounds with a batch committed and not acked': claimed,
      'fewest acked in the second before': weakest.ackedPerSecond,
      'fewest in flight': weakest.inFlight,
      'median age of the youngest ack, ms': Math.round(median * 10) / 10,
      'longest until serving again, ms': Math.round(Math.max(...played.map(({ restartMs }) => restartMs))),
    },
    details: { rounds: played },
  };
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export const proof: Proof = { item: 'kill', command: 'npm run proof -- kill', run };
