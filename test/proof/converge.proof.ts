/**
 * A device that was away shows, byte for byte, what one that never left shows: in random histories under a virtual
 * clock that leaps by hours and days while threads die and stores fail, and over real sockets after 1 s, after as many
 * changes as an hour brings (500) and as thirty days bring (20,000), of every kind; the latter also with Redis and Mongo.
 * Faults of a server are planted to see that they would be found.
 */
import { logEvents } from '#src/wire/events.js';
import { type AbsencePlan, type AbsenceResult, AbsenceStage } from '#test/converge/absence.js';
import { type LifeResult, live } from '#test/converge/life.js';
import { plants } from '#test/converge/plants.js';
import { startTiered } from '#test/faults/tiered-server.js';
import { metricOf, readMetrics } from '#test/support/metrics-text.js';
import { mongoHere } from '#test/support/mongo-server.js';
import { redisHere } from '#test/support/redis-server.js';
import { dataFolder, startServer, type TestServer } from '#test/support/server.js';
import type { Proof, ProofOptions, ProofResult } from './proof.js';

interface Plan {
  readonly lives: number;
  readonly alone: readonly AbsencePlan[];
  readonly tiered: readonly AbsencePlan[];
  /** Every kind of event must have come. */
  readonly isOfEveryKind: boolean;
}

const plans: Readonly<Record<'short' | 'full', Plan>> = {
  short: {
    lives: 25,
    alone: [
      { name: '1 s', seconds: 1, changes: 10 },
      { name: 'beyond a backlog', seconds: 0, changes: 700 },
    ],
    tiered: [{ name: 'with Redis and Mongo', seconds: 0, changes: 200 }],
    isOfEveryKind: false,
  },
  full: {
    lives: 1_000,
    alone: [
      { name: '1 s', seconds: 1, changes: 20 },
      { name: '1 h', seconds: 5, changes: 500 },
      { name: '30 days', seconds: 5, changes: 20_000 },
    ],
    tiered: [
      { name: '1 h, with Redis and Mongo', seconds: 5, changes: 500 },
      { name: '30 days, with Redis and Mongo', seconds: 5, changes: 20_000 },
    ],
    isOfEveryKind: true,
  },
};

const plantSeedsMax = 20;

async function run({ short, log }: ProofOptions): Promise<ProofResult> {
  const plan = short ? plans.short : plans.full;
  const lives = await playLives(plan.lives, log);
  const missed = await findPlants(log);
  const absences = [...(await playAlone(plan, log)), ...(await playTiered(plan, log))];
  return judge(plan, { lives, missed, absences });
}

async function playLives(count: number, log: ProofOptions['log']): Promise<LifeResult[]> {
  const lives: LifeResult[] = [];
  for (let seed = 1; seed <= count; seed += 1) {
    const result = await live(seed);
    lives.push(result);
    for (const violation of result.violations.slice(0, 3)) log(`life ${seed}: ${violation.slice(0, 1_000)}`);
  }
  return lives;
}

/** Those that no life has found. */
async function findPlants(log: ProofOptions['log']): Promise<string[]> {
  const missed: string[] = [];
  for (const plant of plants) {
    let found: number | undefined;
    for (let seed = 1; seed <= plantSeedsMax && found === undefined; seed += 1) {
      const { violations } = await live(seed, { plant });
      if (violations.some((violation) => violation.includes('differs'))) found = seed;
    }
    log(`planted: ${plant}: found by seed ${found ?? 'none'}`);
    if (found === undefined) missed.push(plant);
  }
  return missed;
}

async function playAlone({ alone }: Plan, log: ProofOptions['log']): Promise<AbsenceResult[]> {
  const folder = dataFolder('converge');
  const server = await startServer({ data: folder.path });
  try {
    return await playOn(server, alone, log);
  } finally {
    server.kill('everything');
    await server.ended;
    await folder.remove();
  }
}

async function playTiered({ tiered }: Plan, log: ProofOptions['log']): Promise<AbsenceResult[]> {
  const here = await Promise.all([redisHere(), mongoHere()]);
  if (here.includes(undefined)) {
    log('without Redis and Mongo: they are not here');
    return [];
  }
  const stage = await startTiered('converge');
  try {
    const results = await playOn(stage.server, tiered, log);
    const metrics = await readMetrics(stage.server);
    const hits = metricOf(metrics, 'nubo_tier_reads_total', { result: 'hit' });
    log(`pages that came from a tier: ${hits ?? 0}`);
    return results;
  } finally {
    await stage.end();
  }
}

async function playOn(
  server: TestServer,
  plans: readonly AbsencePlan[],
  log: ProofOptions['log'],
): Promise<AbsenceResult[]> {
  const stage = await AbsenceStage.prepare(server);
  const results: AbsenceResult[] = [];
  for (const [index, plan] of plans.entries()) {
    const result = await stage.play(plan, index + 1);
    results.push(result);
    const { name, events, messages, kinds, refused, returns } = result;
    log(`${name}: ${events} events of ${kinds.size} kinds, ${messages} messages, ${refused} refused`);
    for (const { way, seconds, bytes, differs } of returns)
      log(
        `  ${way}: ${seconds.toFixed(2)} s, ${bytes} bytes${differs === undefined ? '' : `, differs: ${differs}`}`,
      );
  }
  return results;
}

interface Seen {
  readonly lives: readonly LifeResult[];
  readonly missed: readonly string[];
  readonly absences: readonly AbsenceResult[];
}

function judge({ isOfEveryKind }: Plan, { lives, missed, absences }: Seen): ProofResult {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const returns = absences.flatMap((absence) => absence.returns);
  const differing =
    lives.filter(({ violations }) => violations.length > 0).length +
    returns.filter(({ differs }) => differs !== undefined).length;
  const kinds = new Set([...lives, ...absences].flatMap((each) => [...each.kinds]));
  const unseen = Object.keys(logEvents).filter((name) => !kinds.has(name));
  const [beganAnew, pulled] = [
    sum(lives.map((life) => life.beganAnew)),
    sum(lives.map((life) => life.pulled)),
  ];
  const isBusy = beganAnew > 0 && pulled > 0 && returns.length > 0;
  return {
    passed: differing === 0 && missed.length === 0 && isBusy && (!isOfEveryKind || unseen.length === 0),
    trials: {
      'random histories': lives.length,
      'events in them': sum(lives.map(({ events }) => events)),
      'devices compared': sum(lives.map(({ comparisons }) => comparisons)) + returns.length,
      'bytes compared': sum(lives.map(({ bytes }) => bytes)) + sum(returns.map(({ bytes }) => bytes)),
      'began anew': beganAnew,
      'pulled what was missing': pulled,
      'absences over sockets': absences.length,
      'events in the longest': Math.max(...absences.map(({ events }) => events)),
      'slowest return, s': Math.round(Math.max(...returns.map(({ seconds }) => seconds)) * 100) / 100,
      'kinds of events': kinds.size,
      'planted faults found': plants.length - missed.length,
      'planted faults missed': missed.length,
      'histories and devices that differ': differing,
    },
    details: {
      unseen,
      missed,
      absences: absences.map((absence) => ({ ...absence, kinds: [...absence.kinds] })),
      findings: lives.filter(({ violations }) => violations.length > 0).slice(0, 10),
    },
  };
}

export const proof: Proof = { item: 'converge', command: 'npm run proof -- converge', run };
