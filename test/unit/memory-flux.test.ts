import { MemoryFlux } from '#src/storage/memory/flux.js';
import { fluxContract } from '../contract/flux.js';

fluxContract('memory', async () => {
  let ahead = 0;
  const turns = {
    // Between the publishing and the hearing the clock of the hearer counts.
    soon: (run: () => void) => void setImmediate(run),
  };
  let isPublishing = false;
  const flux = new MemoryFlux({ clock: { now: () => Date.now() + (isPublishing ? 0 : ahead) }, turns });
  const one = {
    publish(node: string, payload: Uint8Array) {
      isPublishing = true;
      flux.publish(node, payload);
      isPublishing = false;
    },
    subscribe: flux.subscribe.bind(flux),
  };
  return {
    one,
    other: flux,
    setAhead: (ms) => {
      ahead = ms;
    },
    close: async () => {},
  };
});
