/**
 * Where the bytes of attachments lie: on disk or in S3. A store knows keys and bytes and nothing of people or types.
 * Whatever it was told about is found again after a crash at any moment; nothing but `remove` makes it forget.
 */

/** An upload that goes on: as long as it lasts, the same three. */
export interface Upload {
  /** An id of ours: a lower-case UUID, so a safe name everywhere. */
  readonly key: string;
  /** Bytes it will have. */
  readonly length: number;
  /** What `create` answered. */
  readonly handle: string;
}

/** From the first byte to before the last one: `{from: 0, to: 1}` is one byte. */
export interface ByteRange {
  readonly from: number;
  readonly to: number;
}

export interface MediaStore {
  /** Makes room for an upload; made twice, the later one counts. → its handle. */
  create(key: string, length: number): Promise<string>;
  /** Bytes it holds of the upload, without a hole. 0 when nothing is known of it. */
  size(upload: Upload): Promise<number>;
  /**
   * Goes on where the upload stands. One writer at a time is the caller's care.
   *
   * @throws WrongOffsetError when it holds fewer or more bytes than that, BytesGoneError when it was removed
   */
  append(upload: Upload, offset: number): Promise<MediaWriter>;
  /** The bytes are all there: safe on disk, to be read from now on. Once more does no harm. */
  finish(upload: Upload): Promise<void>;
  /** A whole small thing beside the bytes of a key, in one step. */
  putThumbnail(key: string, bytes: Uint8Array): Promise<void>;
  /**
   * What was finished, or its thumbnail, piece by piece; the range lies within it.
   *
   * @throws BytesGoneError before the first piece when there is no such thing
   */
  read(key: string, what: 'bytes' | 'thumbnail', range: ByteRange): AsyncIterable<Uint8Array>;
  /** Bytes of the thumbnail; undefined: there is none. */
  thumbnailSize(key: string): Promise<number | undefined>;
  /** Everything of this key, finished or not. Nothing there is as well. */
  remove(key: string): Promise<void>;
}

export interface MediaWriter {
  /**
   * Takes the next bytes; one call at a time. They are the store's from now on.
   *
   * @throws StoreFullError when there is no room
   */
  write(bytes: Uint8Array): Promise<void>;
  /** → bytes that are held now: at least those up to here are there when somebody goes on. */
  close(): Promise<number>;
}

/** Somebody goes on at another place than where the upload stands. */
export class WrongOffsetError extends Error {
  override readonly name = 'WrongOffsetError';
  readonly held: number;
  constructor(held: number) {
    super(`the upload stands at ${held}`);
    this.held = held;
  }
}

/** The disk or the bucket has no room. */
export class StoreFullError extends Error {
  override readonly name = 'StoreFullError';
}

/** There are no bytes of this key. */
export class BytesGoneError extends Error {
  override readonly name = 'BytesGoneError';
}

/** The store cannot be reached or says that it fails: nobody's fault, and to be tried again. */
export class StoreAwayError extends Error {
  override readonly name = 'StoreAwayError';
}
