/** A front's side of /metrics: main adds up all threads (metrics-hub.ts). */
import type { ToMain } from './control.js';

/** Asks main for the metrics of all threads. */
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
