/**
 * Attachments in a folder: `parts/ab/<key>` while they come, `files/ab/<key>` when they are whole, with `.webp` behind
 * it for the thumbnail; `ab` are the last two digits of the key, which are random. Keys are ids of ours, checked once
 * more here, so no name ever leads out of the folder; what people call their files never touches it.
 */
import { constants, type PathLike } from 'node:fs';
import { type FileHandle, mkdir, open, rename, rm, stat, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type ByteRange,
  BytesGoneError,
  type MediaStore,
  type MediaWriter,
  StoreFullError,
  type Upload,
  WrongOffsetError,
} from './store.js';

/** Read at once for one reader: also what one waits in memory for a slow one. */
const pieceBytes = 256 * 1024;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** Left for others: the database may be on the same disk, and dies of a full one. */
const freeBytesMin = 512 * 1024 * 1024;

/** @param folder absolute; it is made when it is first needed, for its owner only */
export function createDiskStore(folder: string, { freeMin = freeBytesMin } = {}): MediaStore {
  async function needRoom(bytes: number): Promise<void> {
    await makeFolder(folder);
    const { bavail, bsize } = await statfs(folder);
    if (bavail * bsize - bytes < freeMin) throw new StoreFullError('the disk is nearly full');
  }

  function pathOf(kind: 'parts' | 'files', key: string, ending = ''): string {
    if (!uuid.test(key)) throw new RangeError('a key must be an id');
    return join(folder, kind, key.slice(-2), `${key}${ending}`);
  }

  async function held({ key, length }: Upload): Promise<number> {
    const size = await sizeOf(pathOf('parts', key));
    // Whole, and moved on: a finish whose answer was lost.
    if (size === undefined && (await sizeOf(pathOf('files', key))) === length) return length;
    return size ?? 0;
  }

  return {
    async create(key, length) {
      const path = pathOf('parts', key);
      await needRoom(length);
      await makeEmpty(path);
      return 'disk';
    },

    size: held,

    async append(upload, offset) {
      const size = await held(upload);
      if (size !== offset) throw new WrongOffsetError(size);
      await needRoom(upload.length - size);
      const path = pathOf('parts', upload.key);
      // Never through a link, and never a file that is not there: `create` makes it.
      const file = await open(path, constants.O_WRONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT') throw new BytesGoneError('there is no such upload');
        throw error;
      });
      return new FileWriter(file, offset);
    },

    async finish({ key, length }) {
      const part = pathOf('parts', key);
      const whole = pathOf('files', key);
      const size = await sizeOf(part);
      if (size === undefined && (await sizeOf(whole)) === length) return;
      if (size !== length) throw new WrongOffsetError(size ?? 0);
      await synced(part, constants.O_RDWR);
      await makeFolder(join(whole, '..'));
      await rename(part, whole);
      await synced(join(whole, '..'), constants.O_RDONLY);
    },

    async putThumbnail(key, bytes) {
      const path = pathOf('files', key, '.webp');
      const draft = pathOf('parts', key, '.webp');
      await makeEmpty(draft);
      const file = await open(draft, constants.O_WRONLY | constants.O_NOFOLLOW);
      const writer = new FileWriter(file, 0);
      try {
        await writer.write(bytes);
        await file.sync();
      } finally {
        await writer.close();
      }
      await makeFolder(join(path, '..'));
      await rename(draft, path);
    },

    read: (key, what, range) => readFile(pathOf('files', key, what === 'thumbnail' ? '.webp' : ''), range),

    thumbnailSize: (key) => sizeOf(pathOf('files', key, '.webp')),

    async remove(key) {
      await rm(pathOf('parts', key), { force: true });
      await rm(pathOf('parts', key, '.webp'), { force: true });
      await rm(pathOf('files', key), { force: true });
      await rm(pathOf('files', key, '.webp'), { force: true });
    },
  };
}

class FileWriter implements MediaWriter {
  private readonly file: FileHandle;
  private offset: number;

  constructor(file: FileHandle, offset: number) {
    this.file = file;
    this.offset = offset;
  }

  async write(bytes: Uint8Array): Promise<void> {
    let done = 0;
    try {
      // A write may take a part of what it is given.
      while (done < bytes.byteLength) {
        const { bytesWritten } = await this.file.write(bytes, done, bytes.byteLength - done, this.offset);
        done += bytesWritten;
        this.offset += bytesWritten;
      }
    } catch (error) {
      throw isFull(error) ? new StoreFullError('the disk is full') : error;
    }
  }

  async close(): Promise<number> {
    await this.file.close();
    return this.offset;
  }
}

async function* readFile(path: string, { from, to }: ByteRange): AsyncGenerator<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW).catch((error: unknown) => {
    throw codeOf(error) === 'ENOENT' ? new BytesGoneError('there are no such bytes') : error;
  });
  try {
    let place = from;
    while (place < to) {
      const piece = Buffer.allocUnsafe(Math.min(pieceBytes, to - place));
      const { bytesRead } = await file.read(piece, 0, piece.byteLength, place);
      if (bytesRead === 0) throw new BytesGoneError('the file is shorter than it was');
      place += bytesRead;
      yield piece.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}

async function makeEmpty(path: string): Promise<void> {
  await makeFolder(join(path, '..'));
  const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW;
  await (await open(path, flags, 0o600)).close();
}

async function makeFolder(path: string): Promise<void> {
  await mkdir(path, { recursive: true, mode: 0o700 });
}

async function synced(path: string, flags: number): Promise<void> {
  const file = await open(path, flags);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function sizeOf(path: PathLike): Promise<number | undefined> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isFull(error: unknown): boolean {
  return ['ENOSPC', 'EDQUOT', 'EFBIG'].includes(codeOf(error));
}

function codeOf(error: unknown): string {
  return String((error as { code?: unknown }).code);
}
