/**
 * What is going on, once a second on standard error: one line that is written anew on a terminal, a line of its own
 * each second elsewhere. The table at the end is the output.
 */
import type { GeneratorLine, Phase, Second } from '../contract.js';
import { numberText, shortText } from '../report/numbers.js';

const tickMs = 1000;
const clear = '\r\u001b[2K';

export interface LiveLine {
  /** What is being done from now on. */
  activity(text: string): void;
  heard(line: GeneratorLine): void;
  /** A line that stays. */
  tell(text: string): void;
  end(): void;
}

export interface LiveOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

/** @param prefix what stands before all, such as the scenario and the round */
export function beginLiveLine(prefix: () => string, output: LiveOutput = process.stderr): LiveLine {
  let activity = '';
  let phase: Phase | undefined;
  let second: Second | undefined;
  const isTerminal = output.isTTY === true;
  const show = () => {
    const text = [prefix(), activity, phase, second && secondText(second)].filter(Boolean).join(' · ');
    if (isTerminal) output.write(clear + text.slice(0, (output.columns ?? 80) - 1));
    else output.write(`${text}\n`);
  };
  const timer = setInterval(show, tickMs);
  return {
    activity(text) {
      activity = text;
      phase = undefined;
      second = undefined;
      if (isTerminal) show();
    },
    heard(line) {
      if (line.kind === 'phase') {
        phase = line.phase;
        second = undefined;
      }
      if (line.kind !== 'second') return;
      second = line;
      timer.refresh();
      show();
    },
    tell: (text) => output.write(`${isTerminal ? clear : ''}${text}\n`),
    end() {
      clearInterval(timer);
      if (isTerminal) output.write(clear);
    },
  };
}

function secondText({ at, acked, delivered, ackP50, ackP99 }: Second): string {
  const latency =
    ackP50 === undefined || ackP99 === undefined
      ? ''
      : ` · ack p50 ${numberText(ackP50)}, p99 ${numberText(ackP99)} ms`;
  return `${Math.round(at)} s · acked ${shortText(acked)}/s · delivered ${shortText(delivered)}/s${latency}`;
}
