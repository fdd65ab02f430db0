/** Starts that have to be refused in one sentence, beside a nubo that goes on serving. */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { join } from 'node:path';
import type { Clone } from './clone.js';
import { npmStart, type RunOptions } from './running.js';

async function refusal(clone: Clone, options: RunOptions): Promise<string> {
  const run = npmStart(clone, options);
  const code = await run.ended;
  const sentences = run
    .output()
    .split('\n')
    .filter((line) => line.startsWith('nubo: '));
  if (code !== 1 || sentences.length !== 1 || /\n\s+at /.test(run.output())) {
    throw new Error(`not refused in one sentence, exit code ${code}:\n${run.output()}`);
  }
  return sentences[0] ?? '';
}

function expectMatch(sentence: string, pattern: RegExp): void {
  if (!pattern.test(sentence)) throw new Error(`"${sentence}" does not match ${pattern}`);
}

/**
 * @param port which a nubo of this clone serves now
 * @returns how many refusals were seen
 */
export async function checkRefusals(clone: Clone, port: number): Promise<number> {
  const elsewhere = join(clone.path, 'data-of-another');
  const taken = new RegExp(`Port ${port} on 127.0.0.1 is taken: choose another one`);
  expectMatch(await refusal(clone, { env: { PORT: String(port), NUBO_DATA: elsewhere } }), taken);
  expectMatch(
    await refusal(clone, { args: ['--port', '0'] }),
    /The data folder .*\/data is in use by another nubo/,
  );

  const stranger = createServer().listen(0, '127.0.0.1');
  await once(stranger, 'listening');
  const address = stranger.address();
  const strangersPort = address === null || typeof address === 'string' ? 0 : address.port;
  const sentence = await refusal(clone, { args: ['--port', String(strangersPort), '--data', elsewhere] });
  expectMatch(sentence, new RegExp(`Port ${strangersPort} on 127.0.0.1 is taken`));
  stranger.close();

  const response = await fetch(`http://127.0.0.1:${port}/readyz`);
  if (!response.ok) throw new Error('the nubo that was there first does not serve any more');
  return 3;
}
