/**
 * Flux: what one node tells all others at once and nobody keeps. What is older than its lifetime when it arrives is
 * dropped by the receiver (P8).
 */

/** How long a message of a flux is good, in milliseconds. */
export const fluxLifetimeMs = 1_000;

export interface Flux {
  /** Best effort: nobody waits, and when the tier is away it is dropped. */
  publish(node: string, payload: Uint8Array): void;
  /** Returns what ends the subscription. */
  subscribe(node: string, onMessage: (payload: Uint8Array) => void): () => void;
}
