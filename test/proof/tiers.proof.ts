/**
 * Redis and Mongo may die, freeze and come back empty under load: nothing acked is lost, nothing wrong is read, senders
 * do not notice, the server's memory stays where it was, and the mirrors are equal to Postgres soon after.
 */
import { medianOf } from '#bench/report/statistics.js';
import { lateCommits } from '#test/faults/late-commits.js';
import { type DrillResult, Drills } from '#test/faults/tier-drills.js';
import {
  differencesIn,
  type Outage,
  type OutagePlan,
  type OutageResult,
  playCalm,
  playOutage,
} from '#test/faults/tier-outage.js';
import { startTiered } from '#test/faults/tiered-server.js';
import { metricOf, readMetrics } from '#test/support/metrics-text.js';
import { mongoHere } from '#test/support/mongo-server.js';
import { redisHere } from '#test/support/redis-server.js';
import { dataFolder, startServer } from '#test/support/server.js';
import type { Proof, ProofOptions, ProofResult } from './proof.js';

interface Plan extends OutagePlan {
  readonly outages: readonly Outage[];
  /** Of each drill. */
  readonly tries: number;
  readonly cuts: number;
  /** So little that what is sent does not fit. */
  readonly redisLimitMb: number;
}

const plans: Readonly<Record<'short' | 'full', Plan>> = {
  short: {
    ...{ perSecond: 500, warmUpSeconds: 1, windowSeconds: 1, baselineWindows: 1, afterSeconds: 1 },
    ...{ levelSecondsMax: 30, tries: 5, cuts: 5, redisLimitMb: 2 },
    outages: [
      { tier: 'redis', how: 'killed', seconds: 2 },
      { tier: 'redis', how: 'frozen', seconds: 2 },
      { tier: 'mongo', how: 'killed', seconds: 2 },
      { tier: 'mongo', how: 'frozen', seconds: 3 },
    ],
  },
  full: {
    ...{ perSecond: 5_000, warmUpSeconds: 5, windowSeconds: 5, baselineWindows: 5, afterSeconds: 5 },
    ...{ levelSecondsMax: 180, tries: 100, cuts: 25, redisLimitMb: 24 },
    outages: [
      { tier: 'redis', how: 'killed', seconds: 20 },
      { tier: 'redis', how: 'frozen', seconds: 30 },
      { tier: 'mongo', how: 'killed', seconds: 60 },
      { tier: 'mongo', how: 'frozen', seconds: 30 },
    ],
  },
};

/** What is held to. A p99 is told beside it: on a machine that does other things, it would prove nothing by itself. */
const reach = { levelSeconds: 15, memoryMb: 100, lateCommitsPerCuts: 0.1 };

async function run({ short, log }: ProofOptions): Promise<ProofResult> {
  const [redis, mongo] = await Promise.all([redisHere(), mongoHere()]);
  if (redis === undefined || mongo === undefined) {
    log('skipped: Redis and Mongo are needed, see above');
    return { passed: short, trials: { 'skipped for want of a server': 1 } };
  }
  log(`Redis ${redis.version}, ${mongo.name}${mongo.survivesRestart ? '' : ', which comes back empty'}`);
  const plan = short ? plans.short : plans.full;
  // A figure to compare with, which nothing is held to.
  const without = short ? undefined : (await calm(plan)).p99;
  if (without !== undefined) log(`without mirrors: p99 ${without.toFixed(1)} ms`);
  const outages = await playOutages(plan, { short, log });
  const pressure = await playPressure(plan, short);
  log(
    `while Redis evicts: p99 ${pressure.p99.toFixed(1)} ms, without ${pressure.calmP99?.toFixed(1) ?? 'not measured'}; ${pressure.evicted} evicted`,
  );
  const drills = await playDrills(plan, log);
  const servers = { redis: redis.version, mongo: mongo.name, mongoSurvivesRestart: mongo.survivesRestart };
  return judge({ outages, drills, pressure, without, servers }, short);
}

/** Each outage on servers of its own; in the short form one after another on the same. */
async function playOutages(plan: Plan, { short, log }: ProofOptions): Promise<OutageResult[]> {
  const results: OutageResult[] = [];
  for (const group of short ? [plan.outages] : plan.outages.map((outage) => [outage])) {
    const tiered = await startTiered('outages');
    try {
      for (const outage of group) {
        const result = await playOutage(tiered, outage, plan, log);
        results.push(result);
        log(describe(result));
        for (const { rule, message } of result.violations.slice(0, 5)) log(`${rule}: ${message}`);
        for (const detail of [...result.mongo.details, ...result.redis.details]) log(detail);
      }
    } finally {
      await tiered.end();
    }
  }
  return results;
}

interface Pressure {
  /** Milliseconds, the median over windows: while elements are evicted, and with room for all of them. */
  readonly p99: number;
  /** Not in the short form. */
  readonly calmP99: number | undefined;
  readonly evicted: number;
}

/** Long enough to evict several times. */
const pressureWindowsMin = 2;

/** The same load on a Redis with room, and on one that is full all the time. */
async function playPressure(plan: Plan, short: boolean): Promise<Pressure> {
  const play = async (env: Record<string, string>) => {
    const tiered = await startTiered('pressure', env);
    try {
      const baselineWindows = Math.max(pressureWindowsMin, plan.baselineWindows);
      const { p99 } = await playCalm(tiered.server, { ...plan, baselineWindows });
      const evicted = metricOf(await readMetrics(tiered.server), 'nubo_memory_evicted_elements_total', {
        tier: 'redis',
      });
      return { p99, evicted: evicted ?? 0 };
    } finally {
      await tiered.end();
    }
  };
  const calmed = short ? undefined : await play({});
  const full = await play({ NUBO_REDIS_LIMIT_MB: String(plan.redisLimitMb) });
  return { p99: full.p99, calmP99: calmed?.p99, evicted: full.evicted };
}

async function calm(plan: OutagePlan): ReturnType<typeof playCalm> {
  const folder = dataFolder('calm');
  const server = await startServer({ data: folder.path });
  try {
    return await playCalm(server, plan);
  } finally {
    server.kill('everything');
    await server.ended;
    await folder.remove();
  }
}

async function playDrills({ tries, cuts }: Plan, log: ProofOptions['log']): Promise<DrillResult[]> {
  const tiered = await startTiered('drills');
  const results: DrillResult[] = [];
  try {
    const drills = await Drills.prepare(tiered);
    results.push(await drills.foreignBytes(tries));
    results.push(await drills.wrongType(tries));
    results.push(await drills.poison(Math.ceil(tries / 5)));
    results.push(await drills.frozenPostThenGet(tries));
    drills.close();
  } finally {
    await tiered.end();
  }
  results.push(await lateCommits({ cuts, least: Math.ceil(cuts * reach.lateCommitsPerCuts) }, log));
  for (const result of results) log(JSON.stringify(result));
  return results;
}

function describe(result: OutageResult): string {
  const { outage, memoryMb, levelSeconds } = result;
  const ratio = result.outageP99 / result.baselineP99;
  return (
    `${outage.tier} ${outage.how} for ${outage.seconds} s: p99 ${result.baselineP99.toFixed(1)} ms before, ` +
    `${result.outageP99.toFixed(1)} during (${ratio.toFixed(2)}), ${result.afterP99.toFixed(1)} after; ` +
    `${result.acked} acked, ${result.violations.length} violations, ${result.refused} refused; ` +
    `${result.wrongPages} of ${result.pages} pages wrong, the slowest ${Math.round(result.slowestPageMs)} ms; ` +
    `level after ${levelSeconds?.toFixed(1) ?? 'never'} s, ${differencesIn(result)} differences ` +
    `(${result.mongo.compared} rows, ${result.redis.compared} elements); ` +
    `memory ${memoryMb.before} → ${memoryMb.after} MB, at most ${memoryMb.most}; ` +
    `backlog at most ${result.backlogItemsMost} events, ${result.backlogMbMost} MB; ` +
    `generator late by ${Math.round(result.generatorLateMs)} ms at most`
  );
}

interface Seen {
  readonly outages: readonly OutageResult[];
  readonly drills: readonly DrillResult[];
  readonly pressure: Pressure;
  readonly without: number | undefined;
  readonly servers: { readonly mongoSurvivesRestart: boolean };
}

function judge({ outages, drills, pressure, without, servers }: Seen, short: boolean): ProofResult {
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
  const most = (values: readonly number[]) => Math.max(...values);
  const rounded = (value: number) => Math.round(value * 100) / 100;
  const violations = sum(outages.map((outage) => outage.violations.length));
  const wrongPages = sum(outages.map((outage) => outage.wrongPages));
  const refused = sum(outages.map((outage) => outage.refused));
  const differences = sum(outages.map(differencesIn));
  const ratios = outages.map(({ outageP99, baselineP99 }) => outageP99 / baselineP99);
  // One that comes back empty has a whole log to be filled with, which is no outage that was healed.
  const healed = outages.filter(
    ({ outage }) => servers.mongoSurvivesRestart || outage.tier !== 'mongo' || outage.how !== 'killed',
  );
  const level = healed.map(({ levelSeconds = Number.POSITIVE_INFINITY }) => levelSeconds);
  const growth = outages.map(({ memoryMb }) => memoryMb.most - memoryMb.before);
  const isWell = (drill: DrillResult) => drill.wrong === 0 && drill.counted >= (drill.least ?? drill.tries);
  const figures = most(growth) <= reach.memoryMb && most(level) <= reach.levelSeconds;
  const passed =
    violations + wrongPages + refused + differences === 0 &&
    outages.every(({ acked, pages }) => acked > 0 && pages > 0) &&
    drills.every(isWell) &&
    pressure.evicted > 0 &&
    (short || figures);
  return {
    passed,
    trials: {
      outages: outages.length,
      'messages acked': sum(outages.map(({ acked }) => acked)),
      'lost, duplicated, swapped or missing': violations,
      'messages refused': refused,
      'pages read': sum(outages.map(({ pages }) => pages)),
      'pages wrong': wrongPages,
      'differences of mirrors from Postgres': differences,
      'rows and elements compared': sum(outages.map(({ mongo, redis }) => mongo.compared + redis.compared)),
      ...(without === undefined ? {} : { 'p99 without mirrors, ms': rounded(without) }),
      'p99 with both, median, ms': rounded(medianOf(outages.map(({ baselineP99 }) => baselineP99))),
      'p99 in an outage ÷ before it, worst': rounded(most(ratios)),
      ...(pressure.calmP99 === undefined
        ? {}
        : { 'p99 while Redis evicts ÷ without': rounded(pressure.p99 / pressure.calmP99) }),
      'evicted meanwhile': pressure.evicted,
      'longest until level, s': rounded(most(level)),
      'growth of memory in an outage, most, MB': most(growth),
      'events waiting for mirrors, most': most(outages.map(({ backlogItemsMost }) => backlogItemsMost)),
      ...Object.fromEntries(
        drills.flatMap(({ name, tries, wrong, counted }) => [
          [`${name}: tries`, tries],
          [`${name}: wrong`, wrong],
          [`${name}: counted`, counted],
        ]),
      ),
    },
    details: { servers, reach, outages, drills },
  };
}

export const proof: Proof = { item: 'tiers', command: 'npm run proof -- tiers', run };
