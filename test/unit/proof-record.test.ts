import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { projectRoot } from '#src/project-root.js';
import { faultOf, writeRecord } from '#test/proof/record.js';
import { longFiles } from '#test/run/longest-first.js';
import { temporaryFolder } from '#test/support/children.js';

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder('proof');
});
afterEach(() => folder.remove());

const record = {
  ...{ item: 'kill', command: 'npm run proof -- kill', passed: true, trials: { kills: 20 }, seconds: 1 },
  ...{ node: 'v20.20.2', finishedAt: '2026-11-21T00:00:00.000Z', tree: 'abc' },
};

test('a proof is current only when it passed on this very tree', () => {
  expect(faultOf('kill', 'abc', folder.path)).toBe('kill: has no result');
  writeRecord(record, folder.path);
  expect(faultOf('kill', 'abc', folder.path)).toBeUndefined();
  expect(faultOf('kill', 'abd', folder.path)).toBe('kill: is stale, the project has changed since');
  writeRecord({ ...record, passed: false }, folder.path);
  expect(faultOf('kill', 'abc', folder.path)).toBe('kill: failed');
  writeRecord({ ...record, item: 'other' }, folder.path);
  expect(faultOf('other', 'abc', folder.path)).toBeUndefined();
});

test('each proof is a test in its short form, too, and the files that go first are there', () => {
  const proofs = readdirSync(join(projectRoot, 'test/proof')).filter((name) => name.endsWith('.proof.ts'));
  expect(proofs).toContain('simulation.proof.ts');
  const tests = proofs.map((name) => `test/proof/${name.replace('.proof.', '.test.')}`);
  const files = [...tests, ...longFiles];
  expect(files.filter((file) => !existsSync(join(projectRoot, file)))).toEqual([]);
});
