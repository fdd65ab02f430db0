/** The replay cannot go on, and it is not the fault of who started it: one sentence, exit code 1. */
export class ReplayFailure extends Error {
  override readonly name = 'ReplayFailure';
}
