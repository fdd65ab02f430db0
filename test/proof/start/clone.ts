/** Fresh copies of the project, as a person gets them: no packages, no build, no data. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { projectRoot } from '#src/project-root.js';
import { killAll } from './processes.js';

export interface Clone {
  readonly path: string;
  /** The user who owns it and starts it; undefined: whoever runs the proof. */
  readonly owner: number | undefined;
  /** Ends what runs in it and removes it. */
  remove(): Promise<void>;
}

export interface CloneOptions {
  /** Takes the installed packages of this project along, so that nothing has to be installed. */
  readonly withPackages: boolean;
  /** And what was built, which is taken for its own where it is current here. */
  readonly withBuild?: boolean;
  readonly owner?: number;
  /** Folders to go down before the clone begins. */
  readonly depth?: number;
}

/** What git would give to somebody else, with the changes that are not committed. */
function projectPaths(): string[] {
  const output = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: projectRoot,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  return output.split('\0').filter((path) => path !== '');
}

/** Makes a clone below a folder that only its owner may enter. */
export function makeClone(options: CloneOptions): Clone {
  const { owner, withPackages, withBuild = false, depth = 0 } = options;
  const outer = mkdtempSync(join(tmpdir(), 'nubo-start-'));
  // Together longer than a Unix socket's path may be.
  const path = join(
    outer,
    ...Array.from({ length: depth }, (_, level) => `a-folder-on-the-way-${level}`),
    'nubo',
  );
  if (withBuild) copyWithBuild(path);
  else for (const file of projectPaths()) copyInto(path, file);
  if (owner !== undefined) giveTo(owner, outer);
  // After the ownership: links share it with the original, so the packages stay whose they are.
  if (withPackages) linkPackages(path);
  const remove = async () => {
    await killAll(path);
    rmSync(outer, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  };
  return { path, owner, remove };
}

function copyInto(path: string, file: string): void {
  const from = join(projectRoot, file);
  const to = join(path, file);
  // A file that git knows may have been removed.
  const mode = statSync(from, { throwIfNoEntry: false })?.mode;
  if (mode === undefined) return;
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, mode & 0o777);
}

function giveTo(owner: number, path: string): void {
  chownSync(path, owner, owner);
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    const inner = join(path, entry.name);
    if (entry.isDirectory()) giveTo(owner, inner);
    else chownSync(inner, owner, owner);
  }
}

/** With the times to the nanosecond: a build counts for sources of the same times alone. */
function copyWithBuild(path: string): void {
  mkdirSync(path, { recursive: true });
  const files = projectPaths().filter((file) => existsSync(join(projectRoot, file)));
  execFileSync('cp', ['-a', '--parents', ...files, 'build', path], { cwd: projectRoot });
}

/** By hard links; on another filesystem by copying. */
function linkPackages(path: string): void {
  const [from, to] = [join(projectRoot, 'node_modules'), join(path, 'node_modules')];
  try {
    execFileSync('cp', ['-al', from, to], { stdio: 'ignore' });
  } catch {
    rmSync(to, { recursive: true, force: true });
    execFileSync('cp', ['-a', '--reflink=auto', from, to]);
  }
}
