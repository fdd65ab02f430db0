/** A body that is read piece by piece as it comes: whoever reads sets the pace. */
export interface BodySource {
  /**
   * The next bytes; undefined at the end. One call at a time.
   *
   * @throws BodyCutError when no more will come
   */
  next(): Promise<Uint8Array | undefined>;
  /** Nobody wants the rest: whoever waits for it hears of a cut. */
  cut(): void;
}

/** The client went in the middle, or was cut. */
export class BodyCutError extends Error {
  override readonly name = 'BodyCutError';
}
