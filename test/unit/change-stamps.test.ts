/** Stamps of changes, as every thread of a process sees them. */
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { expect, test } from 'vitest';
import { projectRoot } from '#src/project-root.js';
import { ChangeStamps } from '#src/storage/tiers/change-stamps.js';

const file = join(projectRoot, 'build/src/storage/tiers/change-stamps.js');

/** Runs `body` in a thread that has `stamps`, `clock` and `id`; the last one's value is the answer. */
function inThread(shared: SharedArrayBuffer, body: string, id = 'x'): Promise<number> {
  const code = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(${JSON.stringify(file)}).then(({ ChangeStamps }) => {
      const stamps = new ChangeStamps(workerData.shared);
      const { id } = workerData;
      parentPort.postMessage((() => { ${body} })());
    });`;
  const worker = new Worker(code, { eval: true, workerData: { shared, id } });
  return new Promise((resolve, reject) => {
    worker.once('message', resolve).once('error', reject);
  });
}

test('for a process that starts, everything has just changed', () => {
  const early = new ChangeStamps();
  expect(early.changedAt('users', 'x')).toBeGreaterThan(0);
  expect(early.changedSince('users', 'x', early.now())).toBe(false);
  const before = early.now();
  early.stamp('users', 'x');
  expect(early.changedSince('users', 'x', before)).toBe(true);
  expect(early.changedSince('users', 'y', before)).toBe(false);
  expect(early.changedSince('sessions', 'x', before)).toBe(false);
});

test('a stamp of one thread is seen by every other, on one clock', async () => {
  const stamps = new ChangeStamps();
  const before = stamps.now();
  const inside = await inThread(stamps.shared, "stamps.stamp('users', id); return stamps.now();", 'ada');
  const after = stamps.now();
  expect(before < inside && inside < after).toBe(true);
  expect(stamps.changedSince('users', 'ada', before)).toBe(true);
  expect(stamps.changedSince('users', 'ada', inside)).toBe(false);
});

test('threads that stamp one bucket at once leave the latest time of all', async () => {
  const stamps = new ChangeStamps();
  const rounds = `
    for (let round = 0; round < 200000; round += 1) {
      const before = stamps.now();
      stamps.stamp('users', id);
      if (!stamps.changedSince('users', id, before)) return -1;
    }
    return stamps.now();`;
  const ends = await Promise.all([1, 2, 3, 4].map(() => inThread(stamps.shared, rounds)));
  expect(Math.min(...ends)).toBeGreaterThan(0);
  expect(stamps.changedAt('users', 'x')).toBeLessThanOrEqual(Math.max(...ends));
});
