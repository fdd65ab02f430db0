/** What is under way: a bar on a terminal, a line now and then elsewhere. On standard error: the table is the output. */
import { Presets, SingleBar } from 'cli-progress';

export interface Step {
  add(count?: number): void;
  /** Ends it; answers the seconds it took. */
  end(): number;
}

const nameChars = 14;
const lineMs = 5_000;

/** @param total how many times `add` will be called */
export function beginStep(name: string, total: number): Step {
  const begun = performance.now();
  const seconds = () => (performance.now() - begun) / 1000;
  return process.stderr.isTTY ? barStep(name, total, seconds) : lineStep(name, total, seconds);
}

function barStep(name: string, total: number, seconds: () => number): Step {
  const bar = new SingleBar(
    {
      format: `${name.padEnd(nameChars)} {bar} {value}/{total}  {duration_formatted}`,
      stream: process.stderr,
      hideCursor: true,
      gracefulExit: false,
    },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return {
    add: (count = 1) => bar.increment(count),
    end() {
      bar.stop();
      return seconds();
    },
  };
}

function lineStep(name: string, total: number, seconds: () => number): Step {
  let done = 0;
  let saidAt = performance.now();
  const say = () =>
    process.stderr.write(`${name.padEnd(nameChars)} ${done} of ${total} after ${seconds().toFixed(1)} s\n`);
  return {
    add(count = 1) {
      done += count;
      if (performance.now() - saidAt < lineMs) return;
      saidAt = performance.now();
      say();
    },
    end() {
      say();
      return seconds();
    },
  };
}
