/** The real clock, timers, randomness and event loop. */
import type { RuntimePorts } from './ports.js';

/** Timers do not keep the process alive: what keeps a thread are its sockets and ports. */
export function nodeRuntimePorts(): RuntimePorts {
  return {
    clock: { now: Date.now },
    timers: {
      after(ms, run) {
        const timer = setTimeout(run, ms).unref();
        return () => clearTimeout(timer);
      },
    },
    random: { next: Math.random },
    turns: { soon: (run) => void setImmediate(run) },
  };
}
