/** What a play in the child may say to the bench while it goes on. */
import type { Second } from '../../contract.js';
import type { FromChild } from './tasks.js';

export interface Stage {
  /** Work between the two is counted as this window's. Resolves when the bench has read its clocks. */
  begin(window: string): Promise<void>;
  end(window: string): Promise<void>;
  progress(text: string, second?: Second): void;
  /** The bench wants to have what there is. */
  readonly isStopped: boolean;
}

export function createStage(send: (message: FromChild) => void): Stage & { go(): void; stop(): void } {
  const waiting: (() => void)[] = [];
  let isStopped = false;
  const edge = (window: string, isBegin: boolean) =>
    new Promise<void>((resolve) => {
      waiting.push(resolve);
      send({ kind: 'edge', window, isBegin, cpuSeconds: cpuSeconds() });
    });
  return {
    begin: (window) => edge(window, true),
    end: (window) => edge(window, false),
    progress: (text, second) => send({ kind: 'progress', text, ...(second === undefined ? {} : { second }) }),
    go: () => waiting.shift()?.(),
    get isStopped() {
      return isStopped;
    },
    stop() {
      isStopped = true;
    },
  };
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
