import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

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
    // Most tests wait for servers rather than compute; and the proofs, one long file, go beside all others.
    maxWorkers: 2,
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/postgres-global.ts', 'test/support/servers-global.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
  },
});
