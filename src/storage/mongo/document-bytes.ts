/**
 * Documents as BSON, written from the fields of a change without objects of the driver in between: hundreds at a time are
 * made beside the path of acks. Byte for byte what the driver would make of `DocumentShape.documentOf`, which is asked
 * for every value that is not of a plain type.
 */
import { BSON } from 'mongodb';
import type { FieldType } from '../../entities/entity.js';
import { writeUuid } from '../../uuid-bytes.js';
import { dateOf, toBson } from './values.js';

/** A document that is BSON already. */
export class EncodedDocument {
  readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }
}

/** The name of an element in a document. */
export interface ElementName {
  readonly name: string;
  /** UTF-8, with the zero at its end. */
  readonly bytes: Uint8Array;
}

export function elementName(name: string): ElementName {
  return { name, bytes: Buffer.from(`${name}\0`, 'utf8') };
}

const kinds = { double: 1, text: 2, binary: 5, boolean: 8, date: 9, null: 10, int32: 16 } as const;
const uuidSubtype = 4;
const firstBytes = 16_384;
/** What was larger once is not kept. */
const keptBytesMax = 1_048_576;

/** Writes one document at a time. */
export class DocumentBytes {
  private bytes = Buffer.allocUnsafe(firstBytes);
  private at = 0;

  begin(): void {
    this.at = 4;
  }

  end(): Buffer {
    this.reserve(1);
    this.bytes[this.at] = 0;
    this.at += 1;
    this.bytes.writeInt32LE(this.at, 0);
    const document = Buffer.from(this.bytes.subarray(0, this.at));
    if (this.bytes.length > keptBytesMax) this.bytes = Buffer.allocUnsafe(firstBytes);
    return document;
  }

  /** @throws Error when it is no value of the type */
  value(name: ElementName, type: FieldType, value: unknown): void {
    if (value === null || value === undefined) return this.head(kinds.null, name);
    if (type === 'uuid') return this.uuid(name, value as string);
    if (type === 'time') return this.date(name, dateOf(value as number).getTime());
    if ((type === 'text' || type === 'date') && typeof value === 'string') return this.text(name, value);
    if ((type === 'bigint' || type === 'smallint') && typeof value === 'number')
      return this.number(name, value);
    if (type === 'boolean' && typeof value === 'boolean') return this.boolean(name, value);
    this.elements(BSON.serialize({ [name.name]: toBson(type, value) }, { ignoreUndefined: true }));
  }

  uuid(name: ElementName, text: string): void {
    this.head(kinds.binary, name);
    this.reserve(21);
    this.at = this.bytes.writeInt32LE(16, this.at);
    this.bytes[this.at] = uuidSubtype;
    writeUuid(this.bytes, this.at + 1, text);
    this.at += 17;
  }

  text(name: ElementName, text: string): void {
    this.head(kinds.text, name);
    this.reserve(text.length * 3 + 5);
    const length = this.bytes.write(text, this.at + 4, 'utf8') + 1;
    this.bytes.writeInt32LE(length, this.at);
    this.at += 4 + length;
    this.bytes[this.at - 1] = 0;
  }

  number(name: ElementName, value: number): void {
    // As the driver does: what fits in 32 bits is whole, and there is no whole −0.
    const isShort = (value | 0) === value && !Object.is(value, -0);
    this.head(isShort ? kinds.int32 : kinds.double, name);
    this.reserve(8);
    this.at = isShort ? this.bytes.writeInt32LE(value, this.at) : this.bytes.writeDoubleLE(value, this.at);
  }

  boolean(name: ElementName, value: boolean): void {
    this.head(kinds.boolean, name);
    this.reserve(1);
    this.bytes[this.at] = value ? 1 : 0;
    this.at += 1;
  }

  /** @param time Unix ms */
  date(name: ElementName, time: number): void {
    this.head(kinds.date, name);
    this.reserve(8);
    const high = Math.floor(time / 2 ** 32);
    this.at = this.bytes.writeUInt32LE(time - high * 2 ** 32, this.at);
    this.at = this.bytes.writeInt32LE(high, this.at);
  }

  /** All that a document has, as it is. */
  elements(document: Uint8Array): void {
    const elements = document.subarray(4, -1);
    this.reserve(elements.length);
    this.bytes.set(elements, this.at);
    this.at += elements.length;
  }

  private head(kind: number, { bytes: name }: ElementName): void {
    this.reserve(1 + name.length);
    const { bytes } = this;
    bytes[this.at] = kind;
    this.at += 1;
    for (let index = 0; index < name.length; index += 1) bytes[this.at + index] = name[index] as number;
    this.at += name.length;
  }

  private reserve(count: number): void {
    if (this.at + count <= this.bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(2 * this.bytes.length, this.at + count));
    larger.set(this.bytes.subarray(0, this.at));
    this.bytes = larger;
  }
}
