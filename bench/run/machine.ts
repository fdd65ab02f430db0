/** On what, and of which sources, something was measured. */
import { execFileSync } from 'node:child_process';
import { cpus, totalmem } from 'node:os';
import { projectRoot } from '#src/project-root.js';
import type { Result } from '../contract.js';

export function machineFacts(): Pick<Result, 'machine' | 'node' | 'commit'> {
  const cores = cpus();
  return {
    machine: { cores: cores.length, model: cores[0]?.model.trim() ?? 'unknown', memoryBytes: totalmem() },
    node: process.version,
    commit: commitOf(),
  };
}

/** The commit, with `+` when the sources differ from it. */
function commitOf(): string {
  try {
    const git = (...args: string[]) =>
      execFileSync('git', args, {
        cwd: projectRoot,
        encoding: 'utf8',
        stdio: ['ignore', 'pipe', 'ignore'],
      }).trim();
    return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain') === '' ? '' : '+'}`;
  } catch {
    return 'unknown';
  }
}
