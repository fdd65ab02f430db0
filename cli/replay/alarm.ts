/** What may go wrong at any time, beside whatever is awaited: a connection that ends, a server that falls silent. */
import { ReplayFailure } from './failure.js';

export class Alarm {
  private readonly raised: Promise<never>;
  private reject: (failure: Error) => void = () => {};

  constructor() {
    this.raised = new Promise((_resolve, reject) => {
      this.reject = reject;
    });
    // Somebody listens in `orRaised`; in between it is no unhandled rejection.
    this.raised.catch(() => {});
  }

  readonly raise = (failure: Error): void => this.reject(failure);

  /** The promise, or the failure that was raised, whichever is first. */
  orRaised<Value>(promise: Promise<Value>): Promise<Value> {
    return Promise.race([promise, this.raised]);
  }
}

/** Rejects when `progress` has answered the same number for so long; stop it when the work is done. */
export function watchProgress(
  options: { readonly silenceMs: number; readonly what: string; readonly progress: () => number },
  raise: (failure: Error) => void,
): { stop(): void } {
  const { silenceMs, what, progress } = options;
  let last = progress();
  const timer = setInterval(() => {
    const now = progress();
    if (now === last) raise(new ReplayFailure(`${what}: nothing for ${silenceMs / 1000} s, at ${now}.`));
    last = now;
  }, silenceMs);
  return { stop: () => clearInterval(timer) };
}
