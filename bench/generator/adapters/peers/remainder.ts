/** What was left of the last read because it was not whole. */

const nothing = new Uint8Array(0);

export class Remainder {
  private bytes: Uint8Array = nothing;

  get length(): number {
    return this.bytes.length;
  }

  /** The rest with what came now behind it. */
  join(more: Uint8Array): Uint8Array {
    if (this.bytes.length === 0) return more;
    const all = new Uint8Array(this.bytes.length + more.length);
    all.set(this.bytes);
    all.set(more, this.bytes.length);
    return all;
  }

  /** Keeps what lies behind `from`, as a copy: `slice` of a Buffer would share its memory, which is only lent. */
  keep(bytes: Uint8Array, from: number): void {
    this.bytes = from < bytes.length ? new Uint8Array(bytes.subarray(from)) : nothing;
  }
}
