/** The bench, all of it, briefly: it works on this clone, and nubo does what the checkers ask of it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Result } from '#bench/contract.js';
import { scenarios } from '#bench/scenarios/index.js';
import { projectRoot } from '#src/project-root.js';

const folder = mkdtempSync(join(tmpdir(), 'nubo-smoke-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Two minutes on a machine with nothing else to do; tests run beside it. */
const smokeMsMax = 300_000;

interface Run {
  readonly code: number | null;
  readonly output: string;
}

async function bench(
  args: readonly string[],
  onOutput: (output: string, stop: () => void) => void = () => {},
) {
  const child = spawn(process.execPath, [join(projectRoot, 'build/bench/main.js'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      onOutput(output, () => child.kill('SIGINT'));
    });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output } satisfies Run;
}

function resultsIn(home: string): Result[] {
  return readdirSync(home).map(
    (name) => JSON.parse(readFileSync(join(home, name, 'result.json'), 'utf8')) as Result,
  );
}

test('the smoke gives a whole result without a fault for each scenario', {
  timeout: smokeMsMax,
}, async () => {
  const home = join(folder, 'smoke');
  const { code, output } = await bench(['--smoke', '--results', home]);
  const results = resultsIn(home);
  console.log(output.split('\n').findLast((line) => line.includes(' scenarios in ')));
  expect(results.map(({ scenario }) => scenario).toSorted()).toEqual(
    scenarios.map(({ name }) => name).toSorted(),
  );
  for (const { scenario, faults, isPartial, rounds } of results) {
    expect({ scenario, faults, isPartial }).toEqual({ scenario, faults: [], isPartial: false });
    const measured = rounds.flat().filter(({ kind }) => kind === 'engine');
    expect(measured.length, scenario).toBeGreaterThan(0);
    for (const { part, figures, play } of measured) {
      expect(Object.values(figures).every(Number.isFinite), `${scenario}, ${part}`).toBe(true);
      if (play !== undefined) expect(play.checks.acked, `${scenario}, ${part}`).toBeGreaterThan(0);
    }
  }
  for (const name of readdirSync(home))
    expect(['report.html', 'summary.md'].filter((file) => !existsSync(join(home, name, file)))).toEqual([]);
  expect(code, output).toBe(0);
});

test('an interrupted run keeps what there is, says that it is partial, and is not a success', {
  timeout: smokeMsMax,
}, async () => {
  const home = join(folder, 'interrupted');
  let isStopped = false;
  const { code, output } = await bench(
    ['fanout', '--no-peers', '--seconds', '1', '--results', home],
    (soFar, stop) => {
      if (isStopped || !/^round 1, nubo/m.test(soFar)) return;
      isStopped = true;
      stop();
    },
  );
  const [result, ...others] = resultsIn(home);
  expect(others).toEqual([]);
  expect(result, output).toMatchObject({ scenario: 'fanout', isPartial: true, faults: [] });
  expect(result?.rounds[0]?.map(({ kind }) => kind)).toEqual(expect.arrayContaining(['limit', 'engine']));
  expect(code).toBe(1);
});

test('a mistake on the command line is told in a sentence', async () => {
  const { code, output } = await bench(['fan-out']);
  expect({ code, output }).toEqual({
    code: 2,
    output: expect.stringMatching(/^bench: There is no scenario fan-out\. .+\n$/),
  });
  const listed = await bench([]);
  expect(listed.code).toBe(0);
  for (const { name } of scenarios) expect(listed.output).toContain(`  ${name} `);
});
