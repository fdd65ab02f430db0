/** How a person or a supervisor of processes ends nubo: one signal drains, a second one means now (O4). */

/**
 * npm passes on a signal that the terminal has already sent to everybody, so each arrives twice within a
 * millisecond. Only a later one is a second one.
 */
const repeatMs = 1_000;
const signals = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;

/** Calls `takeDown` at the first signal, and ends with the exit code that it answers. */
export function onSignals(takeDown: () => Promise<number>): void {
  let firstAt: number | undefined;
  const handle = () => {
    const now = performance.now();
    if (firstAt === undefined) {
      firstAt = now;
      void takeDown().then(end, (error: unknown) => {
        process.stderr.write(
          `nubo: ending failed: ${error instanceof Error ? error.stack : String(error)}\n`,
        );
        end(1);
      });
    } else if (now - firstAt > repeatMs) {
      // Not `process.exit`: it aborts while threads hold sockets. Postgres ends with us all the same.
      process.kill(process.pid, 'SIGKILL');
    }
  };
  for (const signal of signals) process.on(signal, handle);
}

function end(code: number): void {
  process.exitCode = code;
  for (const signal of signals) process.removeAllListeners(signal);
  // Everything is closed: the process ends by itself, or something was forgotten and it is ended.
  setTimeout(() => process.exit(code), repeatMs).unref();
}
