/**
 * Input that is wrong, hostile or merely odd gets its documented answer, and a neighbour who writes and reads all
 * the while notices nothing (W2, W5, W6, W15, W16, L4, L5, L8, H3, R1, R6).
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { uuidv7 } from 'uuidv7';
import { openSql } from '#src/storage/postgres/sql.js';
import { type Case, type Outcome, open, runCases, type Scene } from '#test/faults/bad-cases.js';
import { badFrameCases, hugeFrame, largestFrame, truncatedCases } from '#test/faults/bad-frames.js';
import { badHttpCases, hiddenMessage } from '#test/faults/bad-http.js';
import { badIdCases } from '#test/faults/bad-ids.js';
import { badOperationCases } from '#test/faults/bad-operations.js';
import { badTokenCases, logInAfterwards, logInHerd, neverAuthenticates } from '#test/faults/bad-tokens.js';
import { fuzzBodies } from '#test/faults/fuzzed-bodies.js';
import { sendHalfDuplicates } from '#test/faults/half-duplicates.js';
import { slowReaderCases } from '#test/faults/slow-readers.js';
import { checkRun } from '#test/support/checker.js';
import { Load } from '#test/support/load.js';
import { makePeople, type Person } from '#test/support/operator.js';
import { dataFolder, startServer, type TestServer } from '#test/support/server.js';
import { readLog } from '#test/support/stored-log.js';
import type { Proof, ProofOptions, ProofResult } from './proof.js';

const counts = {
  short: { bodies: 2_000, batches: 2 },
  full: { bodies: 100_000, batches: 20 },
};
/** Somebody who chats beside all this. */
const neighbourShape = { rooms: 2, senders: 4, outstanding: 2, listeners: 2, thinkMs: 20, name: 'neighbour' };
const neighbourSilentMsMax = 3_000;

async function run(options: ProofOptions): Promise<ProofResult> {
  const { short, log } = options;
  const plan = short ? counts.short : counts.full;
  const folder = dataFolder('bad-input');
  const secret = randomBytes(32).toString('base64');
  const server = await startServer({ data: folder.path, env: { NUBO_SECRET: secret, NUBO_SHARDS: '2' } });
  const trials: Record<string, number> = {};
  const wrong: string[] = [];
  try {
    const neighbour = await Load.prepare(server, neighbourShape);
    await neighbour.connect(server.address);
    neighbour.begin();
    const begunAt = performance.now();
    const scene = await makeScene(server, { secret, short, log });
    // Two that only take time.
    const silent = Promise.all(Array.from({ length: short ? 1 : 5 }, () => neverAuthenticates(scene)));
    const groups = groupsOf(short);
    for (const [name, { cases, atOnce }] of Object.entries(groups)) {
      note(name, await runCases(scene, cases, atOnce), { trials, wrong, log });
    }
    const herd = await logInHerd(scene);
    note('log-ins at once', { tried: 100, wrong: herd.wrong }, { trials, wrong, log });
    log(`log-ins: ${JSON.stringify(herd.answers)}`);
    note('log-ins afterwards', await runCases(scene, [logInAfterwards]), { trials, wrong, log });
    const fuzz = await fuzzBodies(scene, plan.bodies);
    note('fuzzed bodies', { tried: fuzz.bodies, wrong: fuzz.different }, { trials, wrong, log });
    trials['fuzzed bytes'] = fuzz.bytes;
    trials['bodies compared'] = fuzz.compared;
    const faults = (await silent).filter((fault) => fault !== undefined);
    note('sockets that never authenticate', { tried: short ? 1 : 5, wrong: faults }, { trials, wrong, log });
    await checkNeighbour({ server, neighbour, begunAt }, { trials, wrong, log });
    note('faults in the server’s log', { tried: 0, wrong: faultsIn(server) }, { trials, wrong, log });
  } finally {
    server.kill('everything');
    await server.ended;
    await folder.remove();
  }
  const halves = dataFolder('half-duplicates');
  try {
    const half = await sendHalfDuplicates(join(halves.path), plan.batches);
    note(
      'batches of 1,000 with half duplicates',
      { tried: half.batches, wrong: half.wrong },
      { trials, wrong, log },
    );
    trials['transactions of one at most'] = half.transactionsMax;
  } finally {
    await halves.remove();
  }
  for (const fault of wrong.slice(0, 40)) log(fault.slice(0, 600));
  trials['wrong answers'] = wrong.length;
  return { trials, passed: wrong.length === 0, details: { wrong: wrong.slice(0, 40) } };
}

/** Those that look at a room or a counter before and after run one after another. */
function groupsOf(short: boolean): Record<string, { cases: Case[]; atOnce: number }> {
  return {
    'bad frames': { cases: badFrameCases(), atOnce: 8 },
    'truncated frames': { cases: truncatedCases(short), atOnce: 8 },
    'frames at the limit and far beyond': { cases: [largestFrame, hugeFrame], atOnce: 1 },
    'bad operations': { cases: badOperationCases(), atOnce: 1 },
    'bad ids and strangers': { cases: badIdCases(), atOnce: 1 },
    'bad tokens': { cases: badTokenCases(), atOnce: 8 },
    'bad HTTP requests': { cases: [...badHttpCases(), hiddenMessage], atOnce: 8 },
    'slow readers': { cases: slowReaderCases(short), atOnce: 1 },
  };
}

interface Notes {
  readonly trials: Record<string, number>;
  readonly wrong: string[];
  readonly log: (line: string) => void;
}

function note(name: string, outcome: Outcome, { trials, wrong, log }: Notes): void {
  if (outcome.tried > 0) trials[name] = outcome.tried;
  wrong.push(...outcome.wrong.map((fault) => `${name}: ${fault}`));
  log(`${name}: ${outcome.tried} tried, ${outcome.wrong.length} wrong`);
}

async function makeScene(server: TestServer, rest: Pick<Scene, 'secret' | 'short' | 'log'>): Promise<Scene> {
  const [alice, bob, carol] = (await makePeople(server, ['alice', 'bob', 'carol'])) as [
    Person,
    Person,
    Person,
  ];
  const room = uuidv7();
  const socket = await open({ server }, alice);
  await socket.do({ op: 'create', id: room, type: 'group', members: [bob.user] });
  socket.close();
  return { server, alice, bob, carol, room, ...rest };
}

/** It lost no connection, was refused nothing, waited for nothing, and everything it saw is right. */
async function checkNeighbour(
  { server, neighbour, begunAt }: { server: TestServer; neighbour: Load; begunAt: number },
  notes: Notes,
): Promise<void> {
  neighbour.pause();
  await neighbour.settled();
  const { book } = neighbour;
  const wrong: string[] = [];
  const silentMs = book.longestSilence(new Set(neighbour.rooms), begunAt, book.acks.at(-1)?.at ?? begunAt);
  notes.trials['neighbour’s longest wait for an ack, ms'] = Math.round(silentMs);
  if (silentMs > neighbourSilentMsMax) wrong.push(`no ack for ${Math.round(silentMs)} ms`);
  const lost = neighbour.listeners.filter(({ losses }) => losses > 0).length;
  if (lost > 0) wrong.push(`${lost} connections were lost`);
  for (const { refused } of book.sent.values())
    if (refused !== undefined) wrong.push(`was refused: ${refused}`);
  const sql = openSql(server.runtime.postgresUrl, { max: 1 });
  const stored = await readLog(sql, neighbour.rooms);
  await sql.end();
  const violations = checkRun(neighbour.record(stored.map(({ event }) => event)));
  wrong.push(...violations.map(({ rule, message }) => `${rule} ${message}`));
  neighbour.close();
  note('messages of the neighbour', { tried: book.acks.length, wrong }, notes);
}

/** Nothing of all this is a fault of the server, so its log has none. */
function faultsIn(server: TestServer): string[] {
  return server
    .output()
    .split('\n')
    .filter((line) => /"level":"(error|fatal)"/.test(line));
}

export const proof: Proof = { item: 'bad-input', command: 'npm run proof -- bad-input', run };
