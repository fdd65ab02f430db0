/** Makes sure that node_modules is exactly what package-lock.json says. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { run } from './run.mjs';

function packagesOf(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages ?? {};
  } catch {
    return undefined;
  }
}

/**
 * npm writes node_modules/.package-lock.json as the last act of an installation, so an interrupted one has none.
 * Only optional packages (those of other platforms) may be missing from it.
 *
 * @param {string} root
 */
export function isInstalled(root) {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const present = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  if (wanted === undefined || present === undefined) return false;
  for (const [path, entry] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = present[path];
    if (found === undefined ? !entry.optional && !entry.devOptional : found.integrity !== entry.integrity)
      return false;
  }
  return Object.keys(present).every((path) => wanted[path] !== undefined);
}

/** The npm that runs us, else the one on the PATH. */
function npm() {
  const path = process.env.npm_execpath;
  return path !== undefined && basename(path) === 'npm-cli.js' && existsSync(path)
    ? { command: process.execPath, args: [path] }
    : { command: 'npm', args: [] };
}

/**
 * @param {string} root
 * @param {number} lock
 */
export async function install(root, lock) {
  // `npm ci` empties the folder itself, but stops at entries that it cannot read as packages.
  rmSync(join(root, 'node_modules'), { recursive: true, force: true, maxRetries: 5 });
  const { command, args } = npm();
  // NODE_ENV=production would leave out the compiler, and `omit` in somebody's npmrc the Postgres binaries.
  const options = ['ci', '--include=dev', '--include=optional', '--loglevel=error', '--no-progress'];
  await run({ command, args: [...args, ...options], cwd: root, lock, what: 'npm ci' });
}
