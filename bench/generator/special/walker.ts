/**
 * Reads msgpack of the server where it stands: a page of history has a thousand values, of which the bench needs a
 * hundred. What the server sends is well formed, or the play fails.
 */
const latin1Max = 64;

export class Walker {
  bytes: Uint8Array = new Uint8Array();
  at = 0;

  begin(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.at = 0;
  }

  get isAtEnd(): boolean {
    return this.at >= this.bytes.length;
  }

  /** Is the next value an array? */
  isArray(): boolean {
    const header = this.bytes[this.at] as number;
    return (header & 0xf0) === 0x90 || header === 0xdc || header === 0xdd;
  }

  /** Steps into an array. @returns how many items follow */
  array(): number {
    const header = this.bytes[this.at++] as number;
    if ((header & 0xf0) === 0x90) return header & 0x0f;
    if (header === 0xdc) return this.unsigned(2);
    if (header === 0xdd) return this.unsigned(4);
    throw new Error(`msgpack: an array was expected, not 0x${header.toString(16)}`);
  }

  /** An integer that is not negative; undefined for nil. */
  integer(): number | undefined {
    const header = this.bytes[this.at++] as number;
    if (header < 0x80) return header;
    if (header === 0xc0) return undefined;
    if (header >= 0xcc && header <= 0xcf) return this.unsigned(1 << (header - 0xcc));
    throw new Error(`msgpack: an integer was expected, not 0x${header.toString(16)}`);
  }

  /** Steps behind a string and says where it stood. */
  readonly textAt = { start: 0, end: 0 };
  text(): void {
    const header = this.bytes[this.at++] as number;
    let length: number;
    if ((header & 0xe0) === 0xa0) length = header & 0x1f;
    else if (header >= 0xd9 && header <= 0xdb) length = this.unsigned(1 << (header - 0xd9));
    else throw new Error(`msgpack: a string was expected, not 0x${header.toString(16)}`);
    this.textAt.start = this.at;
    this.at += length;
    this.textAt.end = this.at;
  }

  /** A short ASCII string, or '' for nil. */
  ascii(): string {
    if (this.bytes[this.at] === 0xc0) {
      this.at += 1;
      return '';
    }
    this.text();
    const { start, end } = this.textAt;
    if (end - start > latin1Max) return Buffer.from(this.bytes.subarray(start, end)).toString('latin1');
    let text = '';
    for (let index = start; index < end; index++) text += String.fromCharCode(this.bytes[index] as number);
    return text;
  }

  skip(count = 1): void {
    for (let left = count; left > 0; left--) {
      const header = this.bytes[this.at++] as number;
      if (header < 0x80 || header >= 0xe0 || header === 0xc0 || header === 0xc2 || header === 0xc3) continue;
      if (header < 0x90) left += 2 * (header & 0x0f);
      else if (header < 0xa0) left += header & 0x0f;
      else if (header < 0xc0) this.at += header & 0x1f;
      else left += this.skipLong(header);
    }
  }

  /** @returns how many more values there are to skip */
  private skipLong(header: number): number {
    switch (header) {
      case 0xca:
      case 0xce:
      case 0xd2:
        this.at += 4;
        return 0;
      case 0xcb:
      case 0xcf:
      case 0xd3:
        this.at += 8;
        return 0;
      case 0xcc:
      case 0xd0:
        this.at += 1;
        return 0;
      case 0xcd:
      case 0xd1:
        this.at += 2;
        return 0;
      case 0xd9:
      case 0xda:
      case 0xdb: {
        const length = this.unsigned(1 << (header - 0xd9));
        this.at += length;
        return 0;
      }
      case 0xdc:
        return this.unsigned(2);
      case 0xdd:
        return this.unsigned(4);
      case 0xde:
        return 2 * this.unsigned(2);
      case 0xdf:
        return 2 * this.unsigned(4);
      default:
        throw new Error(`msgpack: 0x${header.toString(16)} was not expected`);
    }
  }

  private unsigned(width: number): number {
    let value = 0;
    for (let index = 0; index < width; index++) value = value * 256 + (this.bytes[this.at++] as number);
    return value;
  }
}
