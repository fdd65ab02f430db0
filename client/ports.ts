/** Time, chance and turns of the event loop: from the platform, or from a test. */
import type { RuntimePorts } from '#src/runtime/ports.js';

/** Where there is setImmediate it gathers all that one turn brought; elsewhere the current task. */
const soon: (run: () => void) => unknown =
  typeof setImmediate === 'undefined' ? queueMicrotask : setImmediate;

export const platformPorts: RuntimePorts = {
  clock: { now: () => Date.now() },
  timers: {
    after: (ms, run) => {
      const timer = setTimeout(run, ms);
      return () => clearTimeout(timer);
    },
  },
  random: { next: () => Math.random() },
  turns: { soon: (run) => void soon(run) },
};
