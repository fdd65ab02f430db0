/** A tier as `nubo verify` looks at it. */
import type { Entity } from '#src/entities/entity.js';
import type { Found } from './compare.js';

export interface FoundPage {
  readonly found: readonly Found[];
  /** What should not be there, whatever Postgres says. */
  readonly strays?: readonly string[];
  /** How many of those that were announced. */
  readonly rows: number;
}

export interface VerifiedTier {
  readonly name: 'redis' | 'mongo';
  /** It has everything that is recent. */
  readonly isWhole: boolean;
  /** How many elements are in it. */
  count(): Promise<number>;
  /** About so many of them, spread over all; at or above the count every one. */
  pages(wanted: number): AsyncGenerator<FoundPage>;
  /** In any order; what is not there has no element. */
  look(entity: Entity, keys: readonly unknown[]): Promise<Found[]>;
  /** The key of an element by its id. */
  keyOf(entity: Entity, id: string): unknown;
  /** Where it stands in a source; undefined: it knows nothing of it. */
  position(source: string): Promise<number | undefined>;
  close(): Promise<void>;
}

/** It, or the database, could not be reached: one sentence, exit code 3. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
}
