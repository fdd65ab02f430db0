import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPasswordPool, dummyHash, type PasswordPool } from '#src/people/passwords.js';
import { compilePoolFile } from '#test/support/people.js';

let file: ReturnType<typeof compilePoolFile>;
let pool: PasswordPool;

beforeAll(() => {
  file = compilePoolFile();
  pool = createPasswordPool({ filename: file.filename, queueItemsMax: 8 });
});
afterAll(async () => {
  await pool.close();
  file.remove();
});

test('H2 a password is stored as argon2id with 19 MiB, two passes and one lane, salted', async () => {
  const [one, other] = [await pool.hash('correct horse'), await pool.hash('correct horse')];
  expect(one).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
  expect(one).not.toBe(other);
  expect(await pool.verify(one, 'correct horse')).toBe(true);
  expect(await pool.verify(one, 'correct horsf')).toBe(false);
});

test('H2 an unknown user is compared with a hash of the same cost, and never let in', async () => {
  expect(dummyHash.slice(0, 30)).toBe((await pool.hash('anything')).slice(0, 30));
  expect(await pool.verify(null, 'anything')).toBe(false);
});

test('H2 unknown and wrong take the same time', async () => {
  const hash = await pool.hash('correct horse');
  const spent = { unknown: [] as number[], wrong: [] as number[] };
  for (let round = 0; round < 15; round += 1) {
    for (const [kind, stored] of [
      ['unknown', null],
      ['wrong', hash],
    ] as const) {
      const start = performance.now();
      await pool.verify(stored, 'wrong horse');
      spent[kind].push(performance.now() - start);
    }
  }
  const median = (times: number[]) => times.sort((a, b) => a - b)[7] ?? 0;
  const ratio = median(spent.unknown) / median(spent.wrong);
  console.log(
    `median ms: unknown ${median(spent.unknown).toFixed(1)}, wrong ${median(spent.wrong).toFixed(1)}`,
  );
  expect(ratio).toBeGreaterThan(0.6);
  expect(ratio).toBeLessThan(1.7);
});

test('A11 a hundred hashes at once: the queue is bounded, the rest is told when to come again', async () => {
  const results = await Promise.allSettled(Array.from({ length: 100 }, () => pool.hash('correct horse')));
  const done = results.filter((result) => result.status === 'fulfilled');
  const refused = results.filter((result) => result.status === 'rejected');
  // Eight wait, one may be under way.
  expect(done.length).toBeGreaterThanOrEqual(8);
  expect(done.length).toBeLessThanOrEqual(9);
  for (const { reason } of refused)
    expect(reason).toMatchObject({ code: 'overloaded', retryMs: expect.any(Number) });
  expect(await pool.hash('the pool still works')).toMatch(/^\$argon2id/);
});

test('A11 jobs that wait when the pool closes are answered', async () => {
  const closing = createPasswordPool({ filename: file.filename });
  const waiting = Promise.allSettled([closing.hash('one password'), closing.hash('two passwords')]);
  await closing.close();
  for (const result of await waiting) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'unavailable' });
  }
  await expect(closing.hash('three passwords')).rejects.toMatchObject({ code: 'unavailable' });
});
