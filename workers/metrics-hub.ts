/** Adds up the metrics of all threads for one answer to /metrics (O3). */
import { AggregatorRegistry, register } from 'prom-client';
import type { Log } from '#src/log.js';
import type { MetricsJson } from './control.js';

/** A thread that does not answer by then is left out. */
const answerMsMax = 2000;

interface Question {
  readonly parts: MetricsJson[];
  left: number;
  readonly finish: () => void;
}

export class MetricsHub {
  private readonly questions = new Map<number, Question>();
  private counter = 0;
  private readonly ask: (id: number) => number;

  /** `ask` sends the question to every thread and returns how many there are. */
  constructor(ask: (id: number) => number) {
    this.ask = ask;
  }

  /** The text of /metrics, in the Prometheus format. */
  async read(): Promise<string> {
    this.counter += 1;
    const id = this.counter;
    const parts: MetricsJson[] = [(await register.getMetricsAsJSON()) as MetricsJson];
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, answerMsMax);
      const finish = () => {
        clearTimeout(timer);
        resolve();
      };
      const question = { parts, left: 0, finish };
      this.questions.set(id, question);
      question.left = this.ask(id);
      if (question.left === 0) finish();
    });
    this.questions.delete(id);
    return AggregatorRegistry.aggregate(parts).metrics();
  }

  /** The same for whoever asked; a failure is told to the log only. */
  answer(tell: (text: string) => void, log: Log): void {
    this.read().then(tell, (error: unknown) => log.error({ err: error }, 'metrics could not be read'));
  }

  onAnswer(id: number, metrics: MetricsJson): void {
    const question = this.questions.get(id);
    if (question === undefined) return;
    question.parts.push(metrics);
    question.left -= 1;
    if (question.left === 0) question.finish();
  }
}
