/**
 * A real transcript goes through nubo: each line on its author's own socket, all of it stored once, in its order and
 * byte for byte, and heard by a listener in each room. The file is the one that NUBO_REPLAY_FILE names; without it,
 * and in the short form, the sample.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { projectRoot } from '#src/project-root.js';
import { startChild } from '#test/support/children.js';
import { dataFolder, startServer } from '#test/support/server.js';
import type { Proof, ProofOptions, ProofResult } from './proof.js';

const sample = join(projectRoot, 'samples/ubuntu-irc.ndjson.gz');
/** The short form takes less than all of the sample. */
const shortMessages = 2_000;
const deliverySecondsMax = 60;

/** What the proof reads of the figures; all of them are kept. */
const resultSchema = z.looseObject({
  file: z.string(),
  sha256: z.string(),
  lines: z.number(),
  messages: z.number(),
  people: z.number(),
  rooms: z.number(),
  joins: z.number(),
  passed: z.boolean(),
  claims: z.array(z.object({ name: z.string(), found: z.number(), expected: z.number() })),
  figures: z.looseObject({ deliverySeconds: z.number(), ackedPerSecond: z.number() }),
});
type Result = z.output<typeof resultSchema>;

interface Replayed {
  readonly code: number;
  readonly output: string;
  readonly result: Result;
}

async function replayTo(data: string, file: string, options: readonly string[]): Promise<Replayed> {
  const json = join(data, 'replay.json');
  const child = startChild(
    process.execPath,
    [join(projectRoot, 'build/cli/main.js'), 'replay', file, '--data', data, '--json', json, ...options],
    { cwd: projectRoot, env: { PATH: process.env.PATH } },
  );
  const code = await child.ended;
  let text: string;
  try {
    text = readFileSync(json, 'utf8');
  } catch {
    throw new Error(`the replay ended with ${code} and without figures:\n${child.output()}`);
  }
  return { code, output: child.output(), result: resultSchema.parse(JSON.parse(text)) };
}

async function run({ short, log }: ProofOptions): Promise<ProofResult> {
  const named = process.env.NUBO_REPLAY_FILE;
  const file = short || named === undefined || named === '' ? sample : named;
  const folder = dataFolder('replay');
  const server = await startServer({ data: folder.path });
  try {
    const first = await replayTo(folder.path, file, short ? ['--limit', String(shortMessages)] : []);
    for (const line of first.output.split('\n')) log(line);
    // The same again: other people in other rooms of the same server.
    const second = await replayTo(folder.path, file, ['--rooms', '1', '--limit', '200']);
    const { result } = first;
    const { messages, people, rooms, joins } = result;
    const isInTime = result.figures.deliverySeconds <= deliverySecondsMax;
    log(`${result.sha256}, ${result.lines} lines; in time: ${isInTime}`);
    const counts = Object.fromEntries(result.claims.map(({ name, found }) => [name, found]));
    return {
      trials: {
        messages,
        people,
        rooms,
        joins,
        ...counts,
        'messages of a second replay': second.result.messages,
      },
      passed: first.code === 0 && result.passed && second.code === 0 && second.result.passed && isInTime,
      // The name alone: where the file lies is nobody's business.
      details: { ...result, file: file.split('/').at(-1), isSample: file === sample },
    };
  } finally {
    await server.stop();
    await folder.remove();
  }
}

export const proof: Proof = { item: 'replay', command: 'npm run proof -- replay', run };
