/** `nubo replay FILE`: real WebSocket clients send a transcript, and Postgres is asked whether all of it arrived. */
import { writeFileSync } from 'node:fs';
import { Command, InvalidArgumentError } from 'commander';
import { UserError } from '#src/errors.js';
import { messageOf } from '#src/storage/postgres/sql.js';
import { readEnvironment } from './environment.js';
import { ReplayFailure } from './replay/failure.js';
import { reportOf } from './replay/report.js';
import type { ReplayResult } from './replay/result.js';
import { replay } from './replay/run.js';
import { findTarget, type TargetOptions } from './replay/target.js';
import { readTranscript, type TranscriptBounds } from './replay/transcript.js';

interface ReplayOptions extends TargetOptions, TranscriptBounds {
  readonly json?: string;
}

const help = `
FILE holds one JSON object a line, and may be compressed with gzip:
  {"at": …, "room": …, "kind": "message" or "action", "nick": …, "text": …}
  {"at": …, "kind": "rename", "nick": …, "to": …}                    (skipped)

Every nick becomes a user with a WebSocket of their own, every room a channel with one listener more. In a room the
next line is sent after the ack of the line before. Users and rooms are new in every run, so a transcript can be
replayed to the same server again.

Example:
  node cli/nubo.mjs replay samples/ubuntu-irc.ndjson.gz`;

export function replayCommand(): Command {
  return new Command('replay')
    .description('Send a transcript through real clients, then check what was stored.')
    .argument('<file>', 'the transcript')
    .option('--url <url>', 'the server (default: the one that runs on the data folder)')
    .option('--operator-key <key>', "the server's operator key (NUBO_OPERATOR_KEY)")
    .option('--postgres-url <url>', "the server's database, for the check (NUBO_POSTGRES_URL)")
    .option('--data <folder>', 'the data folder of the running server (NUBO_DATA)')
    .option('--rooms <count>', 'only the first rooms of the file', positive)
    .option('--limit <count>', 'only the first messages of these rooms', positive)
    .option('--json <file>', 'write all figures to a file as well')
    .addHelpText('after', help)
    .action(run);
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('A count from 1 is needed.');
  return value;
}

async function run(file: string, options: ReplayOptions): Promise<void> {
  const target = findTarget(options, readEnvironment());
  const transcript = readTranscript(file, options);
  let result: ReplayResult;
  try {
    result = await replay(file, transcript, target);
  } catch (error) {
    if (!(error instanceof ReplayFailure)) throw error;
    process.stderr.write(`\nnubo: ${error.message}\n`);
    process.exitCode = 1;
    return;
  }
  process.stdout.write(reportOf(result));
  if (options.json !== undefined) writeResult(options.json, result);
  if (!result.passed) process.exitCode = 1;
}

function writeResult(path: string, result: ReplayResult): void {
  try {
    writeFileSync(path, `${JSON.stringify(result, null, 2)}\n`);
  } catch (error) {
    throw new UserError(`The figures cannot be written to ${path}: ${messageOf(error)}`);
  }
}
