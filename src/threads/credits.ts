/**
 * Credits of one direction of a link, in items and bytes (A9). The sender takes them as it posts; the receiver gives
 * them back as it has processed what came, gathered, so that grants cost next to nothing.
 */

export interface CreditLimits {
  /** Messages on their way or not yet processed by the receiver. Both ends must use the same figures. */
  readonly creditItemsMax: number;
  readonly creditBytesMax: number;
}

export interface Grant {
  readonly items: number;
  readonly bytes: number;
}

/** The sender's side. */
export class Credits {
  private readonly limits: CreditLimits;
  private items = 0;
  private bytes = 0;

  constructor(limits: CreditLimits) {
    this.limits = limits;
  }

  get itemsInFlight(): number {
    return this.items;
  }

  get isSpent(): boolean {
    return this.items >= this.limits.creditItemsMax || this.bytes >= this.limits.creditBytesMax;
  }

  /**
   * false: no credits. The last message may go beyond the bytes, so that one larger than all of them passes.
   */
  take(bytes: number): boolean {
    if (this.isSpent) return false;
    this.items += 1;
    this.bytes += bytes;
    return true;
  }

  giveBack(grant: Grant): void {
    this.items -= grant.items;
    this.bytes -= grant.bytes;
  }
}

/** The receiver's side. */
export class Debt {
  private readonly itemsDue: number;
  private readonly bytesDue: number;
  private items = 0;
  private bytes = 0;

  /** A quarter may be owed without a word: then three quarters are always either granted or in use. */
  constructor(limits: CreditLimits) {
    this.itemsDue = Math.max(1, limits.creditItemsMax / 4);
    this.bytesDue = Math.max(1, limits.creditBytesMax / 4);
  }

  /** Processed, so to be given back. */
  add(grant: Grant): void {
    this.items += grant.items;
    this.bytes += grant.bytes;
  }

  /** Enough to be worth a post of its own. */
  get isDue(): boolean {
    return this.items >= this.itemsDue || this.bytes >= this.bytesDue;
  }

  /** All that is owed, also when it is not due yet: for a post that happens anyway. */
  settle(): Grant {
    const grant = { items: this.items, bytes: this.bytes };
    this.items = 0;
    this.bytes = 0;
    return grant;
  }
}
