/** Secrets that nobody set. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { keepSecrets, secretsFile, typedSecret } from '#src/secrets.js';
import { temporaryFolder } from '#test/support/children.js';

test('H8 what people type never begins like an option of a command', () => {
  const made = ['-abc', '--', 'a-bc'];
  expect(typedSecret(3, () => made.shift() ?? '')).toBe('a-bc');
  expect(made).toEqual([]);
  const lengths = new Set<number>();
  for (let round = 0; round < 2_000; round += 1) {
    const secret = typedSecret(9);
    expect(secret).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{11}$/);
    lengths.add(secret.length);
  }
  expect([...lengths]).toEqual([12]);
});

test('H8 the demo password and the operator key that are kept are such secrets', () => {
  const folder = temporaryFolder('secrets');
  try {
    const data = join(folder.path, 'data');
    const { demo, operatorKey } = keepSecrets(data);
    expect(demo.password).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{11}$/);
    expect(operatorKey).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{42}$/);
    expect(JSON.parse(readFileSync(join(data, secretsFile), 'utf8'))).toMatchObject({ demo, operatorKey });
  } finally {
    folder.remove();
  }
});
