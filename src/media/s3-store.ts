/**
 * Attachments in a bucket. An upload is one multipart upload whose parts are all of one size; what does not fill a part
 * when a connection ends is kept beside it as `<key>.tail`, marked with the place where it begins, so that a tail whose
 * bytes have become a part since does not count twice.
 */
import { type Part, S3Bucket, type S3Options } from './s3-bucket.js';
import {
  type ByteRange,
  BytesGoneError,
  type MediaStore,
  type MediaWriter,
  type Upload,
  WrongOffsetError,
} from './store.js';

/** The least that S3 takes for a part that is not the last: also what each upload under way takes in memory. */
const partBytesMin = 5 * 1024 * 1024;
const partsMax = 10_000;

export function createS3Store(options: S3Options): MediaStore {
  const bucket = new S3Bucket(options);

  async function held(upload: Upload): Promise<Standing> {
    const { key, length, handle } = upload;
    const parts = handle === '' ? undefined : await bucket.parts(nameOf(key), handle);
    if (parts === undefined) {
      const isWhole = (await bucket.head(nameOf(key)))?.size === length;
      return { parts: [], bytes: isWhole ? length : 0, tail: 0, kind: isWhole ? 'whole' : 'gone' };
    }
    const counted = unbroken(parts, partBytesOf(length), length);
    const bytes = counted.reduce((sum, { size }) => sum + size, 0);
    const tail = await bucket.head(tailOf(key));
    const tailBytes = tail?.mark === String(bytes) ? tail.size : 0;
    return { parts: counted, bytes, tail: tailBytes, kind: 'begun' };
  }

  return {
    async create(key) {
      await bucket.abortAll(nameOf(key));
      await bucket.delete(tailOf(key));
      return bucket.begin(nameOf(key));
    },

    async size(upload) {
      const { bytes, tail } = await held(upload);
      return bytes + tail;
    },

    async append(upload, offset) {
      const { parts, bytes, tail, kind } = await held(upload);
      if (kind === 'gone') throw new BytesGoneError('there is no such upload');
      if (kind === 'whole' || bytes + tail !== offset) throw new WrongOffsetError(bytes + tail);
      const kept = tail === 0 ? undefined : await bucket.get(tailOf(upload.key), { from: 0, to: tail });
      const start = kept === undefined ? new Uint8Array(0) : new Uint8Array(await kept.arrayBuffer());
      if (start.byteLength !== tail) throw new WrongOffsetError(bytes);
      return new PartWriter(bucket, upload, { parts: parts.length, bytes, start });
    },

    async finish(upload) {
      const { parts, bytes, kind } = await held(upload);
      if (kind === 'whole') return;
      if (bytes !== upload.length) throw new WrongOffsetError(bytes);
      await bucket.complete(nameOf(upload.key), upload.handle, parts);
      await bucket.delete(tailOf(upload.key));
    },

    putThumbnail: (key, bytes) => bucket.put(thumbnailOf(key), bytes),

    read: (key, what, range) => readObject(bucket, what === 'bytes' ? nameOf(key) : thumbnailOf(key), range),

    thumbnailSize: async (key) => (await bucket.head(thumbnailOf(key)))?.size,

    async remove(key) {
      await bucket.abortAll(nameOf(key));
      for (const name of [nameOf(key), tailOf(key), thumbnailOf(key)]) await bucket.delete(name);
    },
  };
}

interface Standing {
  readonly parts: readonly Part[];
  /** In parts. */
  readonly bytes: number;
  /** Behind them. */
  readonly tail: number;
  readonly kind: 'begun' | 'whole' | 'gone';
}

const nameOf = (key: string) => `attachments/${key}`;
const tailOf = (key: string) => `attachments/${key}.tail`;
const thumbnailOf = (key: string) => `attachments/${key}.webp`;

/** All of one size, as some servers want it, and never more of them than S3 takes. */
function partBytesOf(length: number): number {
  return Math.max(partBytesMin, Math.ceil(length / partsMax));
}

/** 1, 2, 3 …, each full but the last of the upload. */
function unbroken(parts: readonly Part[], partBytes: number, length: number): Part[] {
  const counted: Part[] = [];
  let bytes = 0;
  for (const part of parts) {
    const size = Math.min(partBytes, length - bytes);
    if (part.number !== counted.length + 1 || part.size !== size) break;
    counted.push(part);
    bytes += part.size;
  }
  return counted;
}

class PartWriter implements MediaWriter {
  private readonly bucket: S3Bucket;
  private readonly upload: Upload;
  private readonly partBytes: number;
  private parts: number;
  /** In parts, sent. */
  private bytes: number;
  private waiting: Uint8Array[];
  private waitingBytes: number;

  constructor(bucket: S3Bucket, upload: Upload, from: { parts: number; bytes: number; start: Uint8Array }) {
    this.bucket = bucket;
    this.upload = upload;
    this.partBytes = partBytesOf(upload.length);
    this.parts = from.parts;
    this.bytes = from.bytes;
    this.waiting = [from.start];
    this.waitingBytes = from.start.byteLength;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.waiting.push(bytes);
    this.waitingBytes += bytes.byteLength;
    while (this.waitingBytes >= this.partBytes) await this.sendPart(this.partBytes);
  }

  async close(): Promise<number> {
    const { key, length } = this.upload;
    if (this.waitingBytes === 0) return this.bytes;
    if (this.bytes + this.waitingBytes === length) {
      await this.sendPart(this.waitingBytes);
      return this.bytes;
    }
    await this.bucket.put(tailOf(key), Buffer.concat(this.waiting), String(this.bytes));
    return this.bytes + this.waitingBytes;
  }

  private async sendPart(size: number): Promise<void> {
    const all = Buffer.concat(this.waiting);
    const { key, handle } = this.upload;
    await this.bucket.putPart(nameOf(key), handle, this.parts + 1, all.subarray(0, size));
    this.parts += 1;
    this.bytes += size;
    this.waiting = [all.subarray(size)];
    this.waitingBytes -= size;
  }
}

async function* readObject(bucket: S3Bucket, name: string, range: ByteRange): AsyncGenerator<Uint8Array> {
  const response = await bucket.get(name, range);
  if (response?.body === undefined || response.body === null)
    throw new BytesGoneError('there are no such bytes');
  let left = range.to - range.from;
  for await (const piece of response.body) {
    left -= piece.byteLength;
    if (left < 0) throw new BytesGoneError('the object is longer than it was');
    yield piece;
  }
  if (left > 0) throw new BytesGoneError('the object is shorter than it was');
}
