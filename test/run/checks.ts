/** What is checked without running nubo. The compiler has had its say when this runs: the launcher built. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { projectRoot } from '#src/project-root.js';

const modules = join(projectRoot, 'node_modules');

const checks: ReadonlyArray<{ name: string; program: string; args: string[] }> = [
  {
    name: 'format and lint (biome)',
    program: '@biomejs/biome/bin/biome',
    args: ['ci', '.', '--error-on-warnings', '--colors=off'],
  },
  { name: 'promises and switches (oxlint)', program: 'oxlint/bin/oxlint', args: ['--type-aware'] },
  { name: 'dead code (knip)', program: 'knip/bin/knip.js', args: ['--no-progress'] },
];

/** Runs all checks, shows the output of those that fail, and answers how many did. */
export function runChecks(): { passed: number; failed: number } {
  let failed = 0;
  console.log('passed: types (tsc)');
  for (const { name, program, args } of checks) {
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(modules, program), ...args], {
      cwd: projectRoot,
      encoding: 'utf8',
    });
    if (status !== 0) failed += 1;
    console.log(status === 0 ? `passed: ${name}` : `failed: ${name}\n${stdout}${stderr}`);
  }
  return { passed: checks.length + 1 - failed, failed };
}
