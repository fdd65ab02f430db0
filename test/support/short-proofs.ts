/** Proofs in their short form as tests, with their counts. At full count: `npm run proof`. */
import { expect, test } from 'vitest';
import { discoverProofs } from '#test/proof/discover.js';

const shortMsMax = 300_000;

/** Those of two files run beside each other: most of the time of some is waited. */
export async function testShortForms(isWanted: (item: string) => boolean): Promise<void> {
  const proofs = (await discoverProofs()).filter(({ item }) => isWanted(item));
  test.for(proofs)('proof of $item, short form', { timeout: shortMsMax }, async (proof) => {
    const lines: string[] = [];
    const { trials, passed } = await proof.run({ short: true, log: (line) => lines.push(line) });
    console.log(`proof ${proof.item}: ${JSON.stringify(trials)}`);
    expect(passed, lines.join('\n')).toBe(true);
    expect(Object.values(trials).some((count) => count > 0)).toBe(true);
  });
}
