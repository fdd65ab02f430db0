/**
 * Randomness that a seed repeats: xoshiro128** with 128 bits of state, filled from the seed by splitmix32.
 * See Blackman and Vigna, "Scrambled linear pseudorandom number generators".
 */
export class SeededRandom {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /** `stream` gives independent sequences for the same seed; the seed may be any integer up to 2^53. */
  constructor(seed: number, stream = 0) {
    const fill = splitmix32((seed >>> 0) ^ Math.imul(Math.floor(seed / 2 ** 32) + 1, 0x9e3779b1));
    const mix = splitmix32(stream + 0x51ed270b);
    this.a = fill() ^ mix();
    this.b = fill() ^ mix();
    this.c = fill() ^ mix();
    // All zero is the one state that never changes.
    this.d = (fill() ^ mix()) | 1;
  }

  /** 0 … 2^32 − 1 */
  uint32(): number {
    const product = Math.imul(this.b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9);
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result >>> 0;
  }

  /** 0 ≤ x < 1, with 53 bits. */
  next(): number {
    return ((this.uint32() >>> 5) * 2 ** 26 + (this.uint32() >>> 6)) / 2 ** 53;
  }
}

function splitmix32(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = state ^ (state >>> 16);
    mixed = Math.imul(mixed, 0x21f0aaad);
    mixed ^= mixed >>> 15;
    mixed = Math.imul(mixed, 0x735a2d97);
    return mixed ^ (mixed >>> 15);
  };
}
