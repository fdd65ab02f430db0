/**
 * `npm run proof [-- item … | --check | --short]`: runs proofs at full count and keeps their results, or says
 * which results are missing or stale.
 */
import { Command } from 'commander';
import { discoverProofs } from './discover.js';
import type { Proof } from './proof.js';
import { faultOf, writeRecord } from './record.js';
import { readTree } from './tree.js';

async function check(proofs: readonly Proof[]): Promise<boolean> {
  const tree = readTree();
  const faults = proofs.map(({ item }) => faultOf(item, tree.hash)).filter((fault) => fault !== undefined);
  if (!tree.isClean) faults.push('the work tree has changes that are not committed');
  for (const fault of faults) console.log(fault);
  console.log(`${proofs.length} proofs, ${faults.length} faults`);
  return faults.length === 0;
}

async function runOne(proof: Proof, short: boolean): Promise<boolean> {
  const before = readTree();
  console.log(`\n${proof.item}${short ? ' (short form)' : ''}`);
  const begun = performance.now();
  const { trials, passed, details } = await proof.run({ short, log: (line) => console.log(`  ${line}`) });
  const seconds = Math.round((performance.now() - begun) / 100) / 10;
  console.log(`  ${passed ? 'passed' : 'FAILED'} after ${seconds} s: ${JSON.stringify(trials)}`);
  if (short) return passed;
  const after = readTree();
  if (!before.isClean || !after.isClean || before.hash !== after.hash) {
    console.log('  not written: the work tree has changes that are not committed');
    return passed;
  }
  const record = { item: proof.item, command: proof.command, passed, trials, details, seconds };
  writeRecord({ ...record, node: process.version, finishedAt: new Date().toISOString(), tree: after.hash });
  console.log(`  written: proof/${proof.item}.json`);
  return passed;
}

async function runAll(proofs: readonly Proof[], short: boolean): Promise<boolean> {
  const failed: string[] = [];
  for (const proof of proofs) {
    const passed = await runOne(proof, short).catch((error: unknown) => {
      console.log(`  FAILED: ${error instanceof Error ? error.stack : String(error)}`);
      return false;
    });
    if (!passed) failed.push(proof.item);
  }
  console.log(
    `\n${proofs.length - failed.length} proofs passed, ${failed.length} failed${failed.map((item) => ` ${item}`).join('')}`,
  );
  return failed.length === 0;
}

const proofs = await discoverProofs();
const program = new Command('npm run proof --')
  .description(`Run proofs at full count: ${proofs.map(({ item }) => item).join(', ')}.`)
  .argument('[items...]', 'only these')
  .option('--check', 'only say which results are missing or stale; exit code 1 if any')
  .option('--short', 'the form that npm test runs; nothing is written')
  .action(async (items: string[], options: { check?: boolean; short?: boolean }) => {
    const unknown = items.find((name) => !proofs.some(({ item }) => item === name));
    if (unknown !== undefined) program.error(`There is no proof "${unknown}".`, { exitCode: 2 });
    const chosen = items.length === 0 ? proofs : proofs.filter(({ item }) => items.includes(item));
    const isWell = options.check ? await check(chosen) : await runAll(chosen, options.short ?? false);
    // A database that proofs share is up as long as this process.
    process.exit(isWell ? 0 : 1);
  });
await program.parseAsync();
