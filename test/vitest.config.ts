import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { LongestFirst } from './run/longest-first.js';

const root = fileURLToPath(new URL('..', import.meta.url));

export default defineConfig({
  resolve: {
    conditions: ['source'],
    // The global set-up is loaded without the conditions: it would run on a stale build.
    alias: [
      { find: /^#(src|actors|workers|cli|client|bench|test)\/(.*)\.js$/, replacement: `${root}$1/$2.ts` },
    ],
  },
  ssr: { resolve: { conditions: ['source'], externalConditions: ['source'] } },
  test: {
    pool: 'forks',
    // Most tests wait for servers rather than compute, but with three, two cores are late for what has to be in time.
    maxWorkers: 2,
    sequence: { sequencer: LongestFirst },
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/postgres-global.ts', 'test/support/servers-global.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
