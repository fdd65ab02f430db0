/** Runs what was asked for, tells what came of it, and answers the exit code. */
import { UserError } from '#src/errors.js';
import type { Result, Target } from '../contract.js';
import { peers } from '../peers/index.js';
import { countText } from '../report/numbers.js';
import { terminalReport } from '../report/terminal.js';
import { scenarios } from '../scenarios/index.js';
import type { Codec } from '../targets/nubo.js';
import { Interrupt } from './interrupt.js';
import { Pool } from './pool.js';
import { saveResult } from './results.js';
import type { BenchOptions, Scenario } from './scenario.js';
import { runScenario } from './scenario-run.js';

export interface BenchRequest {
  readonly isSmoke: boolean;
  readonly codec: Codec;
  /** The folder of the results' folders. */
  readonly home: string;
  readonly rounds?: number;
  readonly seconds?: number;
  readonly members?: readonly number[];
  /** All, none, or those of these names. */
  readonly peers: boolean | readonly string[];
}

const smokeSeconds = 0.5;
const faultyCode = 1;

/** @throws UserError when it can't be done as it was asked for; nothing was started then */
export async function runOne(scenario: Scenario, request: BenchRequest): Promise<number> {
  requirePossible(scenario, optionsOf(scenario, request));
  const interrupt = new Interrupt();
  try {
    return (await runAndSave(scenario, request, interrupt)) ? 0 : faultyCode;
  } finally {
    interrupt.end();
  }
}

/** Every scenario, one after another, with one nubo for all that need none of their own. */
export async function runAll(request: BenchRequest): Promise<number> {
  const interrupt = new Interrupt();
  const shared = new Pool();
  const faulty: string[] = [];
  const begun = performance.now();
  try {
    for (const scenario of scenarios) {
      if (interrupt.signal.aborted) break;
      if (!(await runAndSave(scenario, request, interrupt, shared))) faulty.push(scenario.name);
    }
  } finally {
    faulty.push(...(await shared.end()));
    interrupt.end();
  }
  const seconds = Math.round((performance.now() - begun) / 1000);
  const verdict = faulty.length === 0 ? 'all well' : `faults: ${faulty.join(', ')}`;
  process.stdout.write(`\n${scenarios.length} scenarios in ${seconds} s, ${verdict}\n`);
  return faulty.length === 0 && !interrupt.signal.aborted ? 0 : faultyCode;
}

/** @returns whether it is free of faults and complete */
async function runAndSave(
  scenario: Scenario,
  request: BenchRequest,
  { signal }: Interrupt,
  shared?: Pool,
): Promise<boolean> {
  const { isSmoke } = request;
  const options = optionsOf(scenario, request);
  const wanted = isSmoke ? [] : peersOf(request.peers);
  const run = { options, signal, peers: wanted, ...(shared === undefined ? {} : { shared }) };
  const result = await runScenario(scenario, run);
  const folder = await saveResult(request.home, result, { pictures: !isSmoke && !signal.aborted });
  const isColoured = process.stdout.isTTY && process.stdout.hasColors();
  const text = isSmoke ? smokeText(result) : `\n${terminalReport(result, { isColoured })}\n`;
  process.stdout.write(`${text}\nThe result is in ${folder}\n`);
  return result.faults?.length === 0 && !result.isPartial;
}

function optionsOf(
  scenario: Scenario,
  { isSmoke, codec, rounds, seconds, members }: BenchRequest,
): BenchOptions {
  return {
    ...{ isSmoke, codec },
    ...(members === undefined ? {} : { members }),
    rounds: rounds ?? (isSmoke ? 1 : scenario.rounds),
    seconds: seconds ?? (isSmoke ? smokeSeconds : scenario.playSeconds),
  };
}

function requirePossible({ name, secondsMax }: Scenario, { rounds, seconds }: BenchOptions): void {
  if (secondsMax === undefined || rounds * seconds <= secondsMax) return;
  throw new UserError(
    `The tokens of ${name} last a day: give --rounds and --seconds of together at most ${secondsMax} s.`,
  );
}

/** Its figures mean nothing: what counts is that there are some, and that nothing is wrong. */
function smokeText({ scenario, faults = [], rounds, isPartial }: Result): string {
  const count = countText(rounds.flat().length, 'measurement');
  const wrong = [...(isPartial ? ['it did not end'] : []), ...faults];
  return `${scenario}: ${wrong.length === 0 ? 'ok' : 'FAULTY'}, ${[count, ...wrong].join('; ')}`;
}

function peersOf(wanted: BenchRequest['peers']): readonly Target[] {
  if (typeof wanted === 'boolean') return wanted ? peers : [];
  return wanted.map((name) => {
    const found = peers.find((peer) => peer.name.toLowerCase() === name.trim().toLowerCase());
    if (found !== undefined) return found;
    throw new UserError(`There is no peer ${name}. There are: ${peers.map((peer) => peer.name).join(', ')}.`);
  });
}
