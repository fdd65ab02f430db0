/** A thread's side of /metrics: main adds up all threads (metrics-hub.ts). */
import { register } from 'prom-client';
import type { MetricsJson, ToMain } from './control.js';

/** What this thread counted, as main asked for it. */
export async function readMetrics(id: number): Promise<ToMain> {
  return { kind: 'metrics read', id, metrics: (await register.getMetricsAsJSON()) as MetricsJson };
}

/** Asks main for the metrics of all threads, on behalf of whoever asked this front. */
export function createReadings(tellMain: (message: ToMain) => void): {
  ask(): Promise<string>;
  answer(id: number, text: string): void;
} {
  const waiting = new Map<number, (text: string) => void>();
  let counter = 0;
  return {
    ask(): Promise<string> {
      counter += 1;
      const id = counter;
      return new Promise((resolve) => {
        waiting.set(id, resolve);
        tellMain({ kind: 'want metrics', id });
      });
    },
    answer(id: number, text: string): void {
      waiting.get(id)?.(text);
      waiting.delete(id);
    },
  };
}
