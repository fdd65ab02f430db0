/**
 * Gathers what is asked in one turn into one query, keeps few queries in flight, and bounds how long an answer may
 * take. The order of answers is that of the queries, not of the questions.
 */
import { messageOf } from './sql.js';

export interface Question<Key, Answer> {
  readonly key: Key;
  /** Called once; undefined and why when the query failed. */
  readonly done: (answer: Answer | undefined, failure: string) => void;
}

export interface GathererOptions<Key, Answer> {
  /** Answers all keys, in their order. */
  readonly ask: (keys: Key[]) => Promise<Answer[]>;
  readonly keysMax: number;
  readonly queriesMax: number;
  readonly answerMs: number;
}

export class Gatherer<Key, Answer> {
  private readonly options: GathererOptions<Key, Answer>;
  private waiting: Array<Question<Key, Answer>> = [];
  private inFlight = 0;
  private isDue = false;

  constructor(options: GathererOptions<Key, Answer>) {
    this.options = options;
  }

  add(question: Question<Key, Answer>): void {
    this.waiting.push(question);
    if (this.isDue) return;
    this.isDue = true;
    setImmediate(() => {
      this.isDue = false;
      this.start();
    });
  }

  private start(): void {
    while (this.waiting.length > 0 && this.inFlight < this.options.queriesMax) {
      const questions = this.waiting.splice(0, this.options.keysMax);
      this.inFlight += 1;
      const answers = this.options.ask(questions.map((question) => question.key));
      within(this.options.answerMs, answers, (result, failure) => {
        this.inFlight -= 1;
        for (const [index, question] of questions.entries()) question.done(result?.[index], failure);
        this.start();
      });
    }
  }
}

/**
 * Calls `done` once, outside the promise (so that what it throws is an uncaught exception, not a rejection): with
 * the value, or with undefined and why, at the latest after `ms`.
 */
export function within<Value>(
  ms: number,
  promise: Promise<Value>,
  done: (value: Value | undefined, failure: string) => void,
): void {
  let isDone = false;
  const end = (value: Value | undefined, failure: string) => {
    if (isDone) return;
    isDone = true;
    clearTimeout(timer);
    setImmediate(done, value, failure);
  };
  const timer = setTimeout(end, ms, undefined, `no answer from the database in ${ms} ms`);
  promise.then(
    (value) => end(value, ''),
    (error: unknown) => end(undefined, messageOf(error)),
  );
}
