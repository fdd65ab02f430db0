/** A lock that the kernel holds for this process: gone when the process is, whatever ended it. */
import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { StartError } from './errors.js';

/** A holder that was killed needs a moment to be gone. */
const waitSeconds = 1;

/**
 * Locks a file, and writes our process number into it so that others can say who holds it.
 * flock(1) locks the open file that it inherits; the lock stays with that open file, which is ours, when flock
 * has ended. Where there is no flock (not on Linux) nothing is guarded.
 *
 * @param describe what is said when somebody else holds it, given who that is
 * @returns gives the lock back
 * @throws StartError with that sentence
 */
export function lockFile(path: string, describe: (holder: string) => string): () => void {
  let descriptor: number;
  try {
    descriptor = openSync(path, 'a+', 0o600);
  } catch (error) {
    throw new StartError(`${path} cannot be opened: ${(error as Error).message}.`);
  }
  const { error, status } = spawnSync('flock', ['-w', String(waitSeconds), '3'], {
    stdio: ['ignore', 'ignore', 'ignore', descriptor],
  });
  if (error === undefined && status !== 0) {
    closeSync(descriptor);
    const holder = readFileSync(path, 'utf8').trim();
    throw new StartError(describe(holder === '' ? 'another process' : `process ${holder}`));
  }
  ftruncateSync(descriptor);
  writeSync(descriptor, `${process.pid}\n`);
  return () => closeSync(descriptor);
}
