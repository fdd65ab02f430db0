/** What every thread measures of itself. Labels name threads, never ids (O3). */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Gauge } from 'prom-client';

/** Registers the gauges of this thread; call it once a thread. */
export function registerThreadMetrics(thread: string): void {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  const lag = new Gauge({
    name: 'nubo_event_loop_lag_seconds',
    help: 'The worst delay of the event loop since the last scrape, by thread.',
    labelNames: ['thread'],
    aggregator: 'max',
    collect() {
      this.set({ thread }, delay.max / 1e9);
      delay.reset();
    },
  });
  lag.set({ thread }, 0);
  const heap = new Gauge({
    name: 'nubo_heap_used_bytes',
    help: 'JavaScript heap in use, by thread.',
    labelNames: ['thread'],
    aggregator: 'sum',
    collect() {
      this.set({ thread }, process.memoryUsage().heapUsed);
    },
  });
  heap.set({ thread }, 0);
  if (thread !== 'main') return;
  new Gauge({
    name: 'nubo_resident_memory_bytes',
    help: 'Resident memory of the process.',
    aggregator: 'first',
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'nubo_cpu_seconds_total',
    help: 'CPU time of the process, user and system.',
    aggregator: 'first',
    collect() {
      const { user, system } = process.cpuUsage();
      this.set((user + system) / 1e6);
    },
  });
  new Gauge({
    name: 'nubo_build_info',
    help: 'Always 1; the labels say what runs.',
    labelNames: ['node'],
    aggregator: 'first',
  }).set({ node: process.version }, 1);
}
