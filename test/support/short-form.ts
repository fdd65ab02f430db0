/** A proof in its short form as a test, with its counts. At full count: `npm run proof`. */
import { expect, test } from 'vitest';
import type { Proof } from '#test/proof/proof.js';

const shortMsMax = 300_000;

export function testShortForm(proof: Proof): void {
  test(`proof of ${proof.item}, short form`, { timeout: shortMsMax }, async () => {
    const lines: string[] = [];
    const { trials, passed } = await proof.run({ short: true, log: (line) => lines.push(line) });
    console.log(`proof ${proof.item}: ${JSON.stringify(trials)}`);
    expect(passed, lines.join('\n')).toBe(true);
    expect(Object.values(trials).some((count) => count > 0)).toBe(true);
  });
}
