/** The checker that judges simulations and real runs finds what it must, and nothing in a run in which all is well. */
import { goodRun, plantFaults, rulesOf } from '#test/support/checker-plants.js';
import type { Proof, ProofOptions, ProofResult } from './proof.js';

export const proof: Proof = {
  item: 'checker',
  command: 'npm run proof -- checker',
  async run({ log }: ProofOptions): Promise<ProofResult> {
    const falseAlarms = rulesOf(goodRun()).length;
    const missed = plantFaults.filter(({ plant, rule }) => !rulesOf(plant(goodRun())).includes(rule));
    for (const { name, rule } of missed) log(`${name}: ${rule} was not found broken`);
    return {
      trials: { planted: plantFaults.length, caught: plantFaults.length - missed.length, falseAlarms },
      passed: missed.length === 0 && falseAlarms === 0,
      details: plantFaults.map(({ name, rule }) => ({ name, rule })),
    };
  },
};
