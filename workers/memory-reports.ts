/** What the watchers of memory saw and did, in log lines and metrics (O3). */
import { Counter, Gauge } from 'prom-client';
import type { WatcherReport } from '#actors/memory-watcher/ports.js';
import type { Log } from '#src/log.js';

/** Nodes are names of entities; what somebody else put into the cache must not become labels without end. */
const nodesMax = 100;

/** Registers the metrics; call it once a process. */
export function createMemoryReports(log: Log): (report: WatcherReport) => void {
  const metrics = registerMetrics();
  const nodes = new Set<string>();
  const labelOf = (node: string): string => {
    if (nodes.size < nodesMax) nodes.add(node);
    return nodes.has(node) ? node : 'other';
  };
  return (report) => {
    switch (report.kind) {
      case 'used': {
        const { owner, usedBytes, marks } = report;
        metrics.used.set({ owner }, usedBytes);
        if (marks === undefined) return;
        metrics.limit.set({ owner }, marks.limit);
        return metrics.threshold.set({ owner }, marks.threshold);
      }
      case 'evicted':
        for (const [node, count] of report.byNode)
          metrics.evicted.inc({ tier: report.tier, node: labelOf(node) }, count);
        return;
      case 'round over':
        metrics.rounds.inc({ tier: report.tier });
        return log.debug(
          { tier: report.tier, evicted: report.evicted, ms: report.ms },
          'elements were evicted',
        );
      case 'nothing left':
        if (!report.isNew) return;
        return log.warn(
          { tier: report.tier },
          'memory is above its threshold and nothing is left to evict: something else fills it, or its limit is too low',
        );
      case 'failed':
        metrics.failures.inc({ tier: report.tier, what: report.what });
        if (!report.isNew) return;
        return log.warn(
          { tier: report.tier, reason: report.message },
          `${report.what} at memory failed and is tried again until it succeeds`,
        );
      case 'well again':
        return log.info({ tier: report.tier }, 'memory is watched again');
      default:
        return report satisfies never;
    }
  };
}

function registerMetrics() {
  return {
    used: new Gauge({
      name: 'nubo_memory_used_bytes',
      help: 'Memory in use when it was last looked at, by who has it: a tier, or the process.',
      labelNames: ['owner'],
    }),
    limit: new Gauge({
      name: 'nubo_memory_limit_bytes',
      help: 'Memory that may be used, configured or detected.',
      labelNames: ['owner'],
    }),
    threshold: new Gauge({
      name: 'nubo_memory_threshold_bytes',
      help: 'Above it the elements used longest ago are evicted.',
      labelNames: ['owner'],
    }),
    evicted: new Counter({
      name: 'nubo_memory_evicted_elements_total',
      help: 'Elements that were evicted, by tier and node.',
      labelNames: ['tier', 'node'],
    }),
    rounds: new Counter({
      name: 'nubo_memory_eviction_rounds_total',
      help: 'Rounds of eviction, each from above the threshold to below the low water.',
      labelNames: ['tier'],
    }),
    failures: new Counter({
      name: 'nubo_memory_watch_failures_total',
      help: 'Looks and evictions that failed, and answers that did not come in time.',
      labelNames: ['tier', 'what'],
    }),
  };
}
