/** Where the programs of peers are, and what version they say they have. */
import { spawnSync } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Beyond PATH: where Debian puts daemons, and `go install` its programs. */
const furtherFolders = [
  '/usr/local/sbin',
  '/usr/sbin',
  process.env.GOBIN ?? '',
  process.env.GOPATH === undefined ? '' : join(process.env.GOPATH, 'bin'),
  join(homedir(), 'go', 'bin'),
];

/** The path of the first of these programs that can be run here. */
export function findProgram(...names: readonly string[]): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...furtherFolders].filter(Boolean);
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find(canRun);
}

function canRun(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The first thing like a version in what a program prints; `unknown` when there is none. */
export function versionOf(program: string, ...args: readonly string[]): string {
  const { stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', timeout: 10_000 });
  return /\d+\.\d+(?:\.\d+)*/.exec(`${stdout} ${stderr}`)?.[0] ?? 'unknown';
}

/** The path of a program whose absence `missing()` has told of already. */
export function needProgram(...names: readonly string[]): string {
  const path = findProgram(...names);
  if (path === undefined) throw new Error(`${names[0]} is not on the PATH.`);
  return path;
}
