/** What the shards of a test say that they hold users to. */
import type { ShardRates } from '#src/front/rest/rate-limit.js';

export const shardRates: ShardRates = {
  operations: { standard: { perSecond: 50, burst: 200 }, high: { perSecond: 1e6, burst: 1e6 } },
  conversation: { perSecond: 500, burst: 2000 },
};
