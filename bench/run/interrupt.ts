/** Ctrl-C: the first one ends what is measured and keeps what there is, a second one ends the bench. */

/** npm passes on a signal that the terminal has already sent to everybody: only a later one is a second one. */
const repeatMs = 1000;
const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export class Interrupt {
  private readonly controller = new AbortController();
  private firstAt: number | undefined;
  readonly signal = this.controller.signal;
  private readonly handle = () => {
    const now = performance.now();
    if (this.firstAt === undefined) {
      this.firstAt = now;
      process.stderr.write('\nbench: ending, what there is will be kept …\n');
      this.controller.abort(new Error('interrupted'));
    } else if (now - this.firstAt > repeatMs) process.exit(130);
  };

  constructor() {
    for (const signal of signals) process.on(signal, this.handle);
  }

  end(): void {
    for (const signal of signals) process.off(signal, this.handle);
  }
}
