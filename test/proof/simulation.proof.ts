/**
 * The promises of SPEC.md under a virtual clock, in many seeded lives of a server whose threads die and whose stores
 * fail; and engine faults that are planted to see them found.
 */
import { type CampaignReport, findPlant, mergeReports, runSeeds } from '#test/sim/campaign.js';
import { plants } from '#test/sim/plants.js';
import { simulate } from '#test/sim/run.js';
import type { Proof, ProofOptions, ProofResult } from './proof.js';

/** The short form goes on, in steps, while something that must happen has not. */
const seeds = { short: 125, full: 2_000 };
const shortSeedsMax = 500;
/** Each planted fault must be found within so many seeds. */
const plantSeedsMax = 500;
/** Seeds that are run twice, to see that nothing but the seed decides. */
const replayed = [1, 2, 3, 4, 5];

/** What must have happened in sum, or the run has proved nothing. */
const required = [
  ...['kills', 'actorCrashes', 'writerCrashes', 'shardKills', 'frontKills', 'serverKills', 'rivals'],
  ...['unknowns', 'lateCommits', 'terminated', 'storeRetries', 'renumberings', 'badRows', 'blocked'],
  ...['duplicatesAnswered', 'unchanged', 'conflicts', 'refusals', 'rateLimited', 'unavailable', 'retries'],
  ...['gapsTold', 'droppedFrames', 'resumes', 'pages', 'batches', 'passivations', 'hasty'],
  ...['outages', 'tierHits', 'tierMisses', 'tierFailures', 'messagesFollowed'],
  ...['mirrorSteps', 'mirrorRepairs', 'mirrorRefills', 'mirrorsLost', 'snapshotsUsed', 'snapshotsUnusable'],
];

export const proof: Proof = {
  item: 'simulation',
  command: 'npm run proof -- simulation',
  async run({ short, log }: ProofOptions): Promise<ProofResult> {
    const report = short ? await runUntilBusy(log) : await runSeeds({ first: 1, count: seeds.full }, log);
    const idle = idleIn(report);
    for (const name of idle) log(`nothing of this happened: ${name}`);
    const { least } = report;
    const isBusy = idle.length === 0 && least.kills >= 3 && least.unknowns >= 1 && least.conversations >= 3;
    if (!isBusy) log(`the least of any seed: ${JSON.stringify(least)}`);
    const differing = await countDifferingReplays(log);
    const found = await findPlants(log);
    const missed = found.filter(({ seed }) => seed === undefined).length;
    return {
      trials: {
        ...report.totals,
        seedsWithViolations: report.findings.length,
        replayed: replayed.length,
        differing,
        planted: plants.length,
        plantsFound: plants.length - missed,
      },
      passed: report.findings.length === 0 && isBusy && differing === 0 && missed === 0,
      details: { least, plants: found, findings: report.findings.slice(0, 20) },
    };
  },
};

/** What must have happened and did not. */
function idleIn({ totals }: CampaignReport): string[] {
  return required.filter((name) => !((totals[name] ?? 0) > 0));
}

async function runUntilBusy(log: (line: string) => void): Promise<CampaignReport> {
  const reports: CampaignReport[] = [];
  for (let first = 1; first <= shortSeedsMax; first += seeds.short) {
    reports.push(await runSeeds({ first, count: seeds.short }, log));
    if (idleIn(mergeReports(reports)).length === 0) break;
  }
  return mergeReports(reports);
}

async function countDifferingReplays(log: (line: string) => void): Promise<number> {
  let differing = 0;
  for (const seed of replayed) {
    const [one, other] = [await simulate(seed), await simulate(seed)];
    if (one.traceHash === other.traceHash) continue;
    differing += 1;
    log(`seed ${seed} is not the same twice: ${one.traceHash}, ${other.traceHash}`);
  }
  return differing;
}

async function findPlants(log: (line: string) => void) {
  const found: Array<{ plant: string; seed: number | undefined }> = [];
  for (const plant of plants) {
    const seed = await findPlant(plant, plantSeedsMax);
    if (seed === undefined) log(`the planted fault was not found within ${plantSeedsMax} seeds: ${plant}`);
    found.push({ plant, seed });
  }
  return found;
}
