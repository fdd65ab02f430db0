/**
 * `npm test`: the checks, then every test. The last line counts both: `N passed, N failed`.
 * With arguments (`npm test -- test/unit`) only the tests that vitest finds with them.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { projectRoot } from '#src/project-root.js';
import { runChecks } from './checks.js';

const reportSchema = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numFailedTestSuites: z.number(),
  success: z.boolean(),
});

interface Count {
  passed: number;
  failed: number;
}

async function runTests(args: readonly string[]): Promise<Count> {
  const folder = mkdtempSync(join(tmpdir(), 'nubo-report-'));
  const report = join(folder, 'report.json');
  try {
    const vitest = spawn(
      process.execPath,
      [
        ...[join(projectRoot, 'node_modules/vitest/vitest.mjs'), 'run', '--config', 'test/vitest.config.ts'],
        ...['--reporter=default', '--reporter=json', `--outputFile.json=${report}`, ...args],
      ],
      {
        cwd: projectRoot,
        stdio: ['ignore', 'inherit', 'inherit'],
        env: { ...process.env, NODE_ENV: 'test' },
      },
    );
    const [code] = await once(vitest, 'exit');
    return count(report, code === 0);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A file that fails outside its tests, or a run that fails without a failed test, counts as one failure. */
function count(report: string, succeeded: boolean): Count {
  let text: string;
  try {
    text = readFileSync(report, 'utf8');
  } catch {
    return { passed: 0, failed: 1 };
  }
  const result = reportSchema.parse(JSON.parse(text));
  if (result.numPendingTests > 0) console.log(`${result.numPendingTests} skipped`);
  return { passed: result.numPassedTests, failed: succeeded ? 0 : Math.max(1, result.numFailedTests) };
}

const args = process.argv.slice(2);
const checks = args.length === 0 ? runChecks() : { passed: 0, failed: 0 };
const tests = await runTests(args);
const failed = checks.failed + tests.failed;
console.log(`${checks.passed + tests.passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
