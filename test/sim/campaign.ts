/** Many seeds, on all cores where the compiled files are at hand. */
import { fork } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { Violation } from '#test/support/checker.js';
import type { Plant } from './plants.js';
import { simulate } from './run.js';
import { Totals } from './totals.js';

export interface Finding {
  readonly seed: number;
  readonly violations: Violation[];
}

export interface CampaignReport {
  readonly totals: Record<string, number>;
  readonly findings: Finding[];
  /** The least that any seed had of it: every single run must have done something. */
  readonly least: { readonly kills: number; readonly unknowns: number; readonly conversations: number };
}

export interface Seeds {
  readonly first: number;
  readonly count: number;
  /** Of every so many seeds one is taken. */
  readonly step?: number;
  readonly operations?: number;
}

/** Violations that are kept of one seed: the first ones say most. */
const violationsKept = 5;

/** Runs the seeds in this process, one after the other. */
export async function runHere(seeds: Seeds, log?: (line: string) => void): Promise<CampaignReport> {
  const { first, count, step = 1, operations } = seeds;
  const totals = new Totals();
  const findings: Finding[] = [];
  const least = { kills: Infinity, unknowns: Infinity, conversations: Infinity };
  for (let seed = first; seed < first + count * step; seed += step) {
    const result = await simulate(seed, operations === undefined ? {} : { operations });
    totals.add(result.totals);
    least.kills = Math.min(least.kills, result.totals.kills);
    least.unknowns = Math.min(least.unknowns, result.totals.unknowns);
    least.conversations = Math.min(least.conversations, result.conversations);
    if (result.violations.length === 0) continue;
    findings.push({ seed, violations: result.violations.slice(0, violationsKept) });
    log?.(`seed ${seed}: ${result.violations[0]?.rule} ${result.violations[0]?.message}`);
  }
  return { totals: totals.asRecord(), findings, least };
}

/** Runs the seeds on all cores when this is compiled, or the compiled files are as new as the sources. */
export async function runSeeds(seeds: Seeds, log?: (line: string) => void): Promise<CampaignReport> {
  const program = await compiledProgram();
  if (program === undefined) return runHere(seeds, log);
  const processes = Math.min(availableParallelism(), seeds.count);
  const shares = Array.from({ length: processes }, (_, index): Seeds => {
    const count = Math.ceil((seeds.count - index) / processes);
    return { ...seeds, first: seeds.first + index, count, step: processes };
  });
  const reports = await Promise.all(shares.map((share) => runElsewhere(program, share)));
  for (const { seed, violations } of reports.flatMap(({ findings }) => findings)) {
    log?.(`seed ${seed}: ${violations[0]?.rule} ${violations[0]?.message}`);
  }
  return mergeReports(reports);
}

/** The first seed that finds the fault; undefined: none did. */
export async function findPlant(plant: Plant, seedsMax: number): Promise<number | undefined> {
  for (let seed = 1; seed <= seedsMax; seed += 1) {
    const { violations } = await simulate(seed, { plant });
    if (violations.length > 0) return seed;
  }
  return undefined;
}

function runElsewhere(program: string, share: Seeds): Promise<CampaignReport> {
  return new Promise((resolve, reject) => {
    const child = fork(program, ['--share', JSON.stringify(share)], { execArgv: [] });
    let report: CampaignReport | undefined;
    child.on('message', (message) => {
      report = message as CampaignReport;
    });
    child.on('error', reject);
    child.on('exit', (code) => {
      if (report === undefined) reject(new Error(`a process of the simulation ended with ${code}`));
      else resolve(report);
    });
  });
}

export function mergeReports(reports: readonly CampaignReport[]): CampaignReport {
  const totals: Record<string, number> = {};
  for (const report of reports) {
    for (const [name, count] of Object.entries(report.totals)) totals[name] = (totals[name] ?? 0) + count;
  }
  const lowest = (name: keyof CampaignReport['least']): number =>
    Math.min(...reports.map(({ least }) => least[name]));
  return {
    totals,
    findings: reports.flatMap(({ findings }) => findings).sort((one, other) => one.seed - other.seed),
    least: { kills: lowest('kills'), unknowns: lowest('unknowns'), conversations: lowest('conversations') },
  };
}

/** This program compiled, if that is the outcome of the sources as they are. */
async function compiledProgram(): Promise<string | undefined> {
  const here = fileURLToPath(import.meta.url);
  if (here.endsWith('.js')) return join(here, '../main.js');
  const root = join(here, '../../..');
  const launcher = pathToFileURL(join(root, 'cli/launch/build.mjs')).href;
  const { isBuilt } = (await import(launcher)) as { isBuilt(root: string): boolean };
  return isBuilt(root) ? join(root, 'build/test/sim/main.js') : undefined;
}
