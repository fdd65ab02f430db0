/** `npm run bench`: lists scenarios, runs one or all, compares results. */
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { UserError } from '#src/errors.js';
import { peers } from './peers/index.js';
import { installPeers } from './peers/install.js';
import { peerList } from './peers/list.js';
import { compareResults } from './report/compare.js';
import { messageOf } from './run/pool.js';
import { resultsHome } from './run/results.js';
import { type BenchRequest, runAll, runOne } from './run/run-scenarios.js';
import { scenarios } from './scenarios/index.js';

const wrongUseCode = 2;

interface Flags {
  readonly rounds?: number;
  readonly seconds?: number;
  readonly members?: readonly number[];
  /** False by --no-peers, absent when nothing is said. */
  readonly peers?: false | string;
  readonly smoke?: true;
  readonly codec: 'msgpack' | 'json';
  readonly results?: string;
}

function positive(text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new InvalidArgumentError('It must be a number above 0.');
  return value;
}

function wholePositive(text: string): number {
  if (!Number.isInteger(positive(text))) throw new InvalidArgumentError('It must be a whole number.');
  return Number(text);
}

function wholePositives(text: string): number[] {
  return text.split(',').map(wholePositive);
}

function createProgram(): Command {
  const program = new Command('npm run bench --')
    .description('Load tests. Without arguments: what there is.')
    .argument('[scenario]', 'the one to run')
    .option('--rounds <n>', 'rounds; a verdict takes five', wholePositive)
    .option('--seconds <n>', 'measured in each play', positive)
    .option('--members <n,n>', 'of the rooms, for presence', wholePositives)
    .option('--peers <names>', 'only these, comma-separated')
    .option('--no-peers', 'nubo and the limits alone')
    .option('--smoke', 'everything once, small and short: does it work?')
    .addOption(
      new Option('--codec <name>', 'of the connections to nubo')
        .choices(['msgpack', 'json'])
        .default('msgpack'),
    )
    .option('--results <folder>', 'where results go (default: bench/results in the clone)')
    .showHelpAfterError('Add --help for what is possible.')
    .exitOverride()
    .action(async (name: string | undefined, flags: Flags) => {
      process.exitCode = await perform(name, flags);
    });
  program
    .command('compare')
    .description('better, same or worse (exit code 1)? Folders of results, several with commas between')
    .argument('<before>')
    .argument('<after>')
    .action((before: string, after: string) => {
      const isColoured = process.stdout.isTTY && process.stdout.hasColors();
      const { text, isWorse } = compareResults(before.split(','), after.split(','), { isColoured });
      process.stdout.write(`${text}\n`);
      process.exitCode = isWorse ? 1 : 0;
    });
  program
    .command('peers')
    .description('the servers that nubo is measured against, and whether they are here')
    .addArgument(new Argument('[action]', 'get those that a registry carries').choices(['install']))
    .action((action: 'install' | undefined) => {
      const lacking = action === undefined ? [] : installPeers();
      process.stdout.write(peerList(peers));
      for (const what of lacking) process.stderr.write(`bench: ${what}\n`);
      process.exitCode = lacking.length === 0 ? 0 : 1;
    });
  return program;
}

async function perform(name: string | undefined, flags: Flags): Promise<number> {
  const request: BenchRequest = {
    ...{ isSmoke: flags.smoke === true, codec: flags.codec, home: flags.results ?? resultsHome },
    peers: typeof flags.peers === 'string' ? flags.peers.split(',') : (flags.peers ?? true),
    ...(flags.rounds === undefined ? {} : { rounds: flags.rounds }),
    ...(flags.seconds === undefined ? {} : { seconds: flags.seconds }),
    ...(flags.members === undefined ? {} : { members: flags.members }),
  };
  if (name === undefined) {
    if (request.isSmoke) return runAll(request);
    list();
    return 0;
  }
  const scenario = scenarios.find((candidate) => candidate.name === name);
  if (scenario === undefined) {
    const known = scenarios.map((candidate) => candidate.name).join(', ');
    throw new UserError(`There is no scenario ${name}. There are: ${known}.`);
  }
  return runOne(scenario, request);
}

function list(): void {
  const width = Math.max(...scenarios.map(({ name }) => name.length));
  const lines = scenarios.map(({ name, says, seconds }) => {
    const minutes = Math.max(1, Math.round(seconds / 60));
    return `  ${name.padEnd(width)}  ${says} (about ${minutes} min)`;
  });
  process.stdout.write(
    `Scenarios, to be run with: npm run bench -- NAME\n${lines.join('\n')}\n\n` +
      'npm run bench -- --smoke           runs all of them briefly\n' +
      'npm run bench -- compare A B       compares the results in two folders\n' +
      'npm run bench -- peers [install]   lists (installs) the servers that nubo is measured against\n',
  );
}

try {
  await createProgram().parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : wrongUseCode;
  else {
    const text =
      error instanceof UserError ? error.message : error instanceof Error ? error.stack : messageOf(error);
    process.stderr.write(`bench: ${text}\n`);
    process.exitCode = error instanceof UserError ? wrongUseCode : 1;
  }
}
