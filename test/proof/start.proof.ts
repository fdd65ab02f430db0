/**
 * `npm start` is all that a person needs: it works from a fresh clone, for root and for others, in odd
 * environments and places, twice in a row and after a first run that was killed anywhere.
 */
import { join } from 'node:path';
import type { Proof, ProofOptions, ProofResult } from './proof.js';
import { type Clone, type CloneOptions, makeClone } from './start/clone.js';
import { type CutPoint, cut, measurePhases, type Phase, phases, type Spans } from './start/cuts.js';
import { checkRefusals } from './start/refusals.js';
import { freePort, npmStart } from './start/running.js';

const secondStartMsMax = 3_000;
const firstStartMsMax = 90_000;
const cutsPerPhase = 5;
const isRoot = process.getuid?.() === 0;
/** `daemon` on Debian. */
const ordinaryUser = isRoot ? 1 : undefined;

class Trials {
  readonly counts: Record<string, number> = {};
  add(name: string, count = 1): void {
    this.counts[name] = (this.counts[name] ?? 0) + count;
  }
}

/** An environment in which something may go wrong, and who starts in it where. */
interface Case {
  readonly name: string;
  readonly clone: Omit<CloneOptions, 'withPackages'>;
  readonly env: Readonly<Record<string, string>>;
}

const asUser = ordinaryUser === undefined ? {} : { owner: ordinaryUser };

const cases: readonly Case[] = [
  { name: 'whoever runs this, deep down, no locale', clone: { depth: 8 }, env: { NODE_ENV: 'production' } },
  {
    name: 'an ordinary user, an odd locale',
    clone: asUser,
    env: { LC_ALL: 'tlh_QO.UTF-8', LANG: 'x', TZ: 'Mars' },
  },
  {
    name: 'an ordinary user, production',
    clone: { ...asUser, depth: 2 },
    env: { NODE_ENV: 'production', LANG: 'C' },
  },
  {
    name: 'whoever runs this, strange npm settings',
    clone: {},
    env: { npm_config_omit: 'dev', PGDATA: '/nowhere' },
  },
];

interface Started {
  /** From the command to the moment when it served. */
  readonly ms: number;
  readonly spans: Spans;
}

async function timed(
  clone: Clone,
  env: Case['env'],
  extra: (port: number) => Promise<void> = async () => {},
): Promise<Started> {
  const port = await freePort();
  const run = npmStart(clone, { env: { ...env, PORT: String(port) } });
  const started = await measurePhases(clone, run);
  await extra(port);
  const code = await run.end();
  if (code !== 0) throw new Error(`exit code ${code} after SIGTERM:\n${run.output()}`);
  return started;
}

/** @returns the phases of its first start */
async function tryCase(situation: Case, trials: Trials, options: ProofOptions): Promise<Spans> {
  const clone = makeClone({ ...situation.clone, withPackages: options.short });
  try {
    const first = await timed(clone, situation.env, async (port) => {
      if (!options.short || situation === cases[0])
        trials.add('refused starts', await checkRefusals(clone, port));
    });
    let second = await timed(clone, situation.env);
    // Other tests run beside the short form: one start of three is not held up by them.
    for (let more = 0; options.short && more < 2 && second.ms > secondStartMsMax; more += 1)
      second = await timed(clone, situation.env);
    options.log(
      `${situation.name}: first start ${Math.round(first.ms)} ms, second ${Math.round(second.ms)} ms`,
    );
    if (first.ms > firstStartMsMax || second.ms > secondStartMsMax) throw new Error('too slow');
    trials.add('starts', 2);
    trials.add('environments');
    trials.counts['slowest second start, ms'] = Math.max(
      trials.counts['slowest second start, ms'] ?? 0,
      Math.round(second.ms),
    );
    return first.spans;
  } finally {
    await clone.remove();
  }
}

/** Two starts of a clone that is not built yet, at the same moment, each with its own port and data. */
async function tryTwoAtOnce(trials: Trials, withPackages: boolean): Promise<void> {
  const clone = makeClone({ withPackages });
  try {
    const runs = await Promise.all(
      ['one', 'other'].map(async (name) => {
        const port = String(await freePort());
        return npmStart(clone, { args: ['--port', port, '--data', join(clone.path, `data-${name}`)] });
      }),
    );
    await Promise.all(runs.map((run) => run.ready()));
    const codes = await Promise.all(runs.map((run) => run.end()));
    if (codes.some((code) => code !== 0)) throw new Error(`exit codes ${codes.join(', ')}`);
    trials.add('starts at once', runs.length);
  } finally {
    await clone.remove();
  }
}

/** When to kill: spread over each phase, by turns node alone and everything. */
function planCuts(spans: Spans, { short, log }: ProofOptions): CutPoint[] {
  const count = short ? 1 : cutsPerPhase;
  return phases.flatMap((phase) => {
    const span = spans.get(phase);
    if (span === undefined) return [];
    log(`${phase}: ${Math.round(span.from)} to ${Math.round(span.to)} ms`);
    return Array.from({ length: count }, (_, index) => ({
      phase,
      afterMs: ((span.to - span.from) * (index + 0.5)) / count,
      victim: (index + phases.indexOf(phase)) % 2 === 0 ? ('node alone' as const) : ('everything' as const),
    }));
  });
}

async function run(options: ProofOptions): Promise<ProofResult> {
  const trials = new Trials();
  const { short, log } = options;
  const seen: Partial<Record<Phase, number>> = {};
  const [first, ...others] = short ? cases.slice(0, 2) : cases;
  if (first === undefined) throw new Error('there are no cases');
  for (const point of planCuts(await tryCase(first, trials, options), options)) {
    // What comes before the phase need not happen each time in the short form.
    const phase = await cut(point, {
      withPackages: short,
      withBuild: short && !['install', 'build'].includes(point.phase),
    });
    log(
      `killed (${point.victim}) ${Math.round(point.afterMs)} ms into ${point.phase}, during ${phase}; started again`,
    );
    seen[phase] = (seen[phase] ?? 0) + 1;
    trials.add(`kills, ${point.victim}`);
  }
  for (const situation of others) await tryCase(situation, trials, options);
  await tryTwoAtOnce(trials, short);
  const passed = Object.keys(seen).length >= (short ? 1 : phases.length);
  return { trials: trials.counts, passed, details: { killedDuring: seen, asRoot: isRoot } };
}

export const proof: Proof = { item: 'start', command: 'npm run proof -- start', run };
