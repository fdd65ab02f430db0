/** Files that only their owner may read, written so that nobody ever sees a part of one. */
import { chmodSync, linkSync, mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { UserError } from './errors.js';

let counter = 0;

/**
 * Writes a file with mode 0600 in one step.
 *
 * @param options.replace false: a file that is already there stays as it is
 */
export function writePrivateFile(path: string, text: string, options: { replace: boolean }): void {
  counter += 1;
  const draft = `${path}.${process.pid}.${counter}`;
  writeFileSync(draft, text, { mode: 0o600, flag: 'w' });
  try {
    if (options.replace) renameSync(draft, path);
    else linkSync(draft, path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  } finally {
    rmSync(draft, { force: true });
  }
}

/**
 * Makes a folder that only its owner may enter.
 *
 * @throws UserError when it cannot be made or written
 */
export function makePrivateFolder(path: string): void {
  try {
    if (mkdirSync(path, { recursive: true }) !== undefined) chmodSync(path, 0o700);
  } catch (error) {
    throw new UserError(`The folder ${path} cannot be made: ${(error as Error).message}.`);
  }
}
