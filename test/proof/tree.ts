/** Which state of the project a proof was made on. */
import { execFileSync } from 'node:child_process';
import { projectRoot } from '#src/project-root.js';

/** Results and prose may change without making a proof stale. */
const outside = ['proof', 'docs'];

function git(args: readonly string[], input?: string): string {
  return execFileSync('git', args, {
    cwd: projectRoot,
    encoding: 'utf8',
    ...(input === undefined ? {} : { input }),
  });
}

export interface Tree {
  /** git's hash of the committed tree without proof/ and docs/. */
  readonly hash: string;
  /** Nothing outside those folders differs from what is committed. */
  readonly isClean: boolean;
}

export function readTree(): Tree {
  const entries = git(['ls-tree', 'HEAD'])
    .split('\n')
    .filter((line) => line !== '' && !outside.includes(line.slice(line.indexOf('\t') + 1)));
  const hash = git(['mktree'], `${entries.join('\n')}\n`).trim();
  const changes = git([
    'status',
    '--porcelain',
    '--',
    '.',
    ...outside.map((folder) => `:(exclude)${folder}`),
  ]);
  return { hash, isClean: changes === '' };
}
