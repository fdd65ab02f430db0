/** A bench that is ended by hand, and one that is refused. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { type BenchRequest, runOne } from '#bench/run/run-scenarios.js';
import { soak } from '#bench/scenarios/soak.js';
import { tokenSeconds } from '#bench/targets/operator.js';
import { UserError } from '#src/errors.js';
import { projectRoot } from '#src/project-root.js';
import { startChild, temporaryFolder } from '#test/support/children.js';

test('a second Ctrl-C ends a bench that does not come to its end, and leaves no folder behind', async () => {
  const child = startChild(
    process.execPath,
    [join(projectRoot, 'build/test/integration/bench-stuck-child.js')],
    {},
  );
  const folder = await child.line((line) => /^runs in (.+)/.exec(line)?.[1]);
  child.process.kill('SIGINT');
  await expect.poll(() => child.output()).toContain('ending, what there is will be kept');
  expect(existsSync(folder)).toBe(true);
  // What comes sooner is the first one once more.
  await sleep(1_100);
  child.process.kill('SIGINT');
  expect(await child.ended).toBe(130);
  expect(existsSync(join(folder, '..'))).toBe(false);
});

test('a soak that would outlast its tokens is refused in one sentence before it starts', async () => {
  const folder = temporaryFolder('soak');
  const request: BenchRequest = {
    ...{ isSmoke: false, codec: 'msgpack', home: folder.path, peers: false },
    ...{ rounds: 2, seconds: 6 },
  };
  let runs = 0;
  const scenario = (secondsMax: number) => ({
    ...{ ...soak, secondsMax },
    async run() {
      runs += 1;
    },
  });
  expect(soak.secondsMax).toBeLessThan(tokenSeconds);
  await expect(runOne(scenario(11), request)).rejects.toEqual(
    new UserError('The tokens of soak last a day: give --rounds and --seconds of together at most 11 s.'),
  );
  expect(runs).toBe(0);
  await runOne(scenario(12), request);
  expect(runs).toBe(1);
  folder.remove();
});
