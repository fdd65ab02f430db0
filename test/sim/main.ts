/**
 * `npm run sim -- --seed N [--trace] [--operations N] [--plant NAME]` replays one seed identically;
 * `npm run sim -- --count N [--from N]` runs many. Exit code 1: something was found.
 */
import { parseArgs } from 'node:util';
import { runHere, runSeeds, type Seeds } from './campaign.js';
import { type Plant, plants } from './plants.js';
import { simulate } from './run.js';

const { values } = parseArgs({
  options: {
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    operations: { type: 'string' },
    plant: { type: 'string' },
    count: { type: 'string' },
    from: { type: 'string', default: '1' },
    /** Of this program's own: seeds to run for the process that started this one. */
    share: { type: 'string' },
  },
});

const print = (line: string): void => void process.stdout.write(`${line}\n`);
const operations = values.operations === undefined ? {} : { operations: Number(values.operations) };

if (values.share !== undefined) process.send?.(await runHere(JSON.parse(values.share) as Seeds));
else if (values.seed !== undefined) await replay(Number(values.seed));
else await runMany(Number(values.from), Number(values.count ?? 20));

async function replay(seed: number): Promise<void> {
  const plant = plants.find((name) => name === values.plant) satisfies Plant | undefined;
  if (values.plant !== undefined && plant === undefined)
    throw new Error(`--plant is one of: ${plants.join(', ')}`);
  const result = await simulate(seed, { ...operations, plant, ...(values.trace ? { onTrace: print } : {}) });
  for (const { rule, message } of result.violations) print(`${rule}: ${message}`);
  print(JSON.stringify(result.totals.asRecord()));
  print(`seed ${seed}: ${result.violations.length} violations, trace ${result.traceHash}`);
  if (result.violations.length > 0) process.exitCode = 1;
}

async function runMany(first: number, count: number): Promise<void> {
  const report = await runSeeds({ first, count, ...operations }, print);
  print(JSON.stringify(report.totals));
  print(`${count} seeds, ${report.findings.length} with violations`);
  if (report.findings.length > 0) process.exitCode = 1;
}
