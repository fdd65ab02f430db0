/** Makes sure that build/ is the outcome of the sources as they are. */
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './run.mjs';

const marker = '.sources';

/** Paths, sizes and times of all that the compiler reads of ours, as one digest; a removed file changes it too. */
function fingerprint(root) {
  const { include } = JSON.parse(readFileSync(join(root, 'tsconfig.json'), 'utf8'));
  const lines = [];
  const note = (path) => {
    const { size, mtimeMs } = statSync(join(root, path));
    lines.push(`${path} ${size} ${mtimeMs}`);
  };
  const walk = (folder) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) walk(path);
      else if (entry.name.endsWith('.ts')) note(path);
    }
  };
  for (const folder of include) walk(folder);
  for (const path of ['tsconfig.json', 'package.json', 'package-lock.json']) note(path);
  return createHash('sha256').update(lines.sort().join('\n')).digest('hex');
}

/** @param {string} root */
export function isBuilt(root) {
  try {
    return readFileSync(join(root, 'build', marker), 'utf8') === fingerprint(root);
  } catch {
    return false;
  }
}

/**
 * Compiles into a folder of its own and puts it in the place of build/ when it is complete, so that a build that
 * was cut is never run, and outputs of removed sources go.
 *
 * @param {string} root
 * @param {number} lock
 */
export async function build(root, lock) {
  const [made, fresh, old] = ['build', 'build.new', 'build.old'].map((name) => join(root, name));
  const remove = (folder) => rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  remove(fresh);
  const sources = fingerprint(root);
  await run({
    command: process.execPath,
    args: [
      join(root, 'node_modules/typescript/bin/tsc'),
      ...['--project', root, '--outDir', fresh, '--noEmitOnError'],
      ...['--tsBuildInfoFile', join(fresh, '.tsbuildinfo')],
    ],
    cwd: root,
    lock,
    what: 'The TypeScript compiler',
  });
  writeFileSync(join(fresh, marker), sources);
  remove(old);
  try {
    renameSync(made, old);
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  renameSync(fresh, made);
  remove(old);
}
