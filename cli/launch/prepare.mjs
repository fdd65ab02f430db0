/** What every npm script begins with: the packages are installed and the sources are built. */
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build, isBuilt } from './build.mjs';
import { install, isInstalled } from './install.mjs';
import { lockProject } from './lock.mjs';
import { LaunchError } from './run.mjs';

/** The folder with package.json. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

const say = (line) => process.stderr.write(`nubo: ${line}\n`);

function checkNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    throw new LaunchError(`Node ${process.versions.node} is too old: nubo needs 20.19 or newer.`);
  }
  // uWebSockets.js is a binary for each version of Node.
  if (major > 22)
    throw new LaunchError(`Node ${process.versions.node} is too new: nubo runs on Node 20 and 22.`);
}

async function prepare() {
  checkNode();
  if (isInstalled(root) && isBuilt(root)) return;
  const lock = lockProject(root, () => say('another start is installing or building, waiting for it …'));
  try {
    // Looked at again: whoever held the lock may have done the work.
    if (!isInstalled(root)) {
      say('installing packages (once, about a minute) …');
      await install(root, lock.descriptor);
    }
    if (!isBuilt(root)) {
      say('building …');
      await build(root, lock.descriptor);
    }
  } finally {
    lock.release();
  }
}

/**
 * Prepares the clone, then imports a built module and gives it the floor. What fails before is told in one message.
 *
 * @param {string} module path in build/, for example `cli/main.js`
 */
export async function launch(module) {
  try {
    await prepare();
  } catch (error) {
    const known = error instanceof LaunchError || typeof error.code === 'string';
    say(known ? error.message : (error.stack ?? String(error)));
    process.exitCode = 1;
    return;
  }
  await import(pathToFileURL(`${root}/build/${module}`).href);
}
