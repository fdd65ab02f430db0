/** Every proof in its short form, with its counts. At full count: `npm run proof`. */
import { expect, test } from 'vitest';
import { discoverProofs } from '#test/proof/discover.js';

const shortMsMax = 300_000;

test.for(await discoverProofs())('proof of $item, short form', { timeout: shortMsMax }, async (proof) => {
  const lines: string[] = [];
  const { trials, passed } = await proof.run({ short: true, log: (line) => lines.push(line) });
  console.log(`proof ${proof.item}: ${JSON.stringify(trials)}`);
  expect(passed, lines.join('\n')).toBe(true);
  expect(Object.values(trials).some((count) => count > 0)).toBe(true);
});
