/** As much of protobuf as replies need: fields one after another, read where they lie. */

export const wireVarint = 0;
export const wireBytes = 2;

export class FieldReader {
  private bytes: Uint8Array = new Uint8Array(0);
  private end = 0;
  private next = 0;
  /** Of the field that was read last. */
  field = 0;
  /** Its value, of a varint. */
  value = 0;
  /** Where its bytes are, of a field with a length. */
  from = 0;
  to = 0;

  /** Begins with what lies between. */
  begin(bytes: Uint8Array, start: number, end: number): this {
    this.bytes = bytes;
    this.next = start;
    this.end = end;
    return this;
  }

  /** Reads the next field. @returns false when there is none @throws Error on what no protobuf is */
  read(): boolean {
    if (this.next >= this.end) return false;
    const tag = this.varint();
    this.field = Math.floor(tag / 8);
    const kind = tag & 7;
    if (kind === wireVarint) this.value = this.varint();
    else if (kind === wireBytes) {
      const length = this.varint();
      this.from = this.next;
      this.to = this.next += length;
    } else if (kind === 1) this.next += 8;
    else if (kind === 5) this.next += 4;
    else throw new Error(`protobuf with a field of kind ${kind}`);
    if (this.next > this.end) throw new Error('protobuf that was cut');
    return true;
  }

  /** A message with its length before it, as they stand one after another in a frame. @returns false at the end */
  readDelimited(): boolean {
    if (this.next >= this.end) return false;
    const length = this.varint();
    this.from = this.next;
    this.to = this.next += length;
    if (this.next > this.end) throw new Error('protobuf that was cut');
    return true;
  }

  private varint(): number {
    let value = 0;
    let scale = 1;
    for (;;) {
      const byte = this.bytes[this.next++];
      if (byte === undefined) throw new Error('protobuf that was cut');
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
      scale *= 128;
    }
  }
}
