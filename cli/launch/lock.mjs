/** One launcher at a time in a clone: a lock of the kernel, gone with the last process that holds it. */
import { spawnSync } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';

const waitSeconds = 900;

/**
 * Takes the lock of the project folder and waits for it if somebody else installs or builds.
 * flock(1) locks the open file that it inherits, which stays ours when it has ended. Where there is no flock
 * (not on Linux), starting twice at once is not guarded.
 *
 * @param {string} root
 * @param {() => void} onWait called once before waiting
 * @returns {{ descriptor: number, release: () => void }}
 */
export function lockProject(root, onWait) {
  const descriptor = openSync(root, 'r');
  const flock = (...options) =>
    spawnSync('flock', [...options, '3'], { stdio: ['ignore', 'ignore', 'ignore', descriptor] });
  const first = flock('-n');
  if (first.error === undefined && first.status !== 0) {
    onWait();
    flock('-w', String(waitSeconds));
  }
  return { descriptor, release: () => closeSync(descriptor) };
}
