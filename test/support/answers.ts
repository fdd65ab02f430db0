/** Calls with a callback as promises, held to their contract: exactly one answer each, in a later turn. */
export abstract class Answers {
  /** Refusing is too late for these: the promise is settled. */
  answeredTwice = 0;

  protected ask<Result>(call: (done: (result: Result) => void) => void): Promise<Result> {
    return new Promise((resolve, reject) => {
      let answers = 0;
      let isSameTurn = true;
      call((result) => {
        answers += 1;
        if (answers > 1) this.answeredTwice += 1;
        if (isSameTurn) reject(new Error('answered in the same turn'));
        resolve(result);
      });
      isSameTurn = false;
    });
  }
}
