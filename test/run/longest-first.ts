/**
 * The order of test files in a run: the long ones first, so that none is left over at the end, when nothing is beside
 * it. vitest knows how long a file took only where it has run before, which is not in a fresh clone.
 */
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** By what they take, longest first: all that take more than about ten seconds. */
export const longFiles: readonly string[] = [
  'test/integration/bench-smoke.test.ts',
  'test/proof/tiers.test.ts',
  'test/proof/start.test.ts',
  'test/proof/simulation.test.ts',
  'test/integration/embedded-postgres.test.ts',
  'test/proof/unknown.test.ts',
  'test/proof/threads.test.ts',
  'test/proof/bad-input.test.ts',
  'test/integration/presence.test.ts',
  'test/proof/slow.test.ts',
  'test/integration/attachments.test.ts',
  'test/proof/converge.test.ts',
  'test/proof/kill.test.ts',
  'test/proof/ban.test.ts',
  'test/integration/verify.test.ts',
  'test/integration/start.test.ts',
  'test/proof/eviction.test.ts',
  'test/integration/migrate.test.ts',
  'test/integration/bench-limits.test.ts',
];

export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    return sorted.toSorted((one, other) => placeOf(one) - placeOf(other));
  }
}

function placeOf({ moduleId }: TestSpecification): number {
  const place = longFiles.findIndex((file) => moduleId.endsWith(`/${file}`));
  return place === -1 ? longFiles.length : place;
}
