/** What a proof is: a claim about nubo that takes many trials to test, in a short form and at full count. */

export interface ProofResult {
  /** What was tried and what was seen, by name: `kills: 20`, `lost: 0`. */
  readonly trials: Readonly<Record<string, number>>;
  readonly passed: boolean;
  /** Figures worth keeping; anything that JSON can hold. */
  readonly details?: unknown;
}

export interface ProofOptions {
  /** The form that `npm test` runs. */
  readonly short: boolean;
  log(line: string): void;
}

export interface Proof {
  readonly item: string;
  /** How a person runs it at full count. */
  readonly command: string;
  run(options: ProofOptions): Promise<ProofResult>;
}
