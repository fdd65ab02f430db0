/** The bytes of attachments as they are sent: what a browser could run is a download, and nothing of it is a page of ours. */

import { NuboError } from '../../errors.js';
import { rangeOf } from '../../media/byte-ranges.js';
import { dispositionOf } from '../../media/file-name.js';
import { mediaLimits } from '../../media/limits.js';
import { refusalOfStore } from '../../media/refusals.js';
import { type ByteRange, BytesGoneError, type MediaStore } from '../../media/store.js';
import { isShownInPlace } from '../../media/types.js';
import type { Attachment } from '../../threads/services.js';
import type { OutgoingBytes } from '../outflow.js';
import type { Media } from './media.js';
import { HttpError } from './problem.js';
import type { Reply, RestRequest } from './route.js';

type What = 'bytes' | 'thumbnail';

/** A browser keeps them for itself, and asks again after this whether they are still to be seen. */
const freshSeconds = 300;

const notThere = () =>
  new NuboError('not_found', 'There is no such thing, or it is not yours to see.', { stored: false });

/** Counts the answers with bytes that are being sent by this thread. */
let sending = 0;

/** @throws NuboError when there is nothing to be sent */
export async function bytesReply(
  request: RestRequest,
  { store }: Pick<Media, 'store'>,
  attachment: Attachment,
  what: What,
): Promise<Reply> {
  const size = await sizeOf(store, attachment, what);
  const tag = `"${attachment.id}${what === 'thumbnail' ? '-thumbnail' : ''}"`;
  const headers = headersOf(attachment, what, tag);
  if (isKnown(request.header('if-none-match'), tag)) return { status: 304, headers };
  const condition = request.header('if-range');
  const range = rangeOf(
    condition === undefined || condition === tag ? request.header('range') : undefined,
    size,
  );
  if (range === 'none')
    throw new HttpError(416, 'invalid', `The range must lie within the ${size} bytes there are.`, {
      'content-range': `bytes */${size}`,
    });
  const { from, to } = range === 'all' ? { from: 0, to: size } : range;
  const part: Record<string, string> =
    range === 'all' ? {} : { 'content-range': `bytes ${from}-${to - 1}/${size}` };
  const bytes =
    request.method === 'HEAD' ? nothing(to - from) : await opened(store, attachment.id, what, { from, to });
  return { status: range === 'all' ? 200 : 206, headers: { ...headers, ...part }, bytes };
}

async function sizeOf(
  store: MediaStore,
  { id, state, fileSize, hasThumbnail }: Attachment,
  what: What,
): Promise<number> {
  if (state !== 'ready') throw notThere();
  if (what === 'bytes') return fileSize;
  const size = hasThumbnail === true ? await store.thumbnailSize(id).catch(told) : undefined;
  if (size === undefined) throw notThere();
  return size;
}

function headersOf({ fileName, fileType }: Attachment, what: What, tag: string): Record<string, string> {
  const type = what === 'thumbnail' ? 'image/webp' : fileType;
  const kind = isShownInPlace(type) ? 'inline' : 'attachment';
  const name = what === 'thumbnail' ? `${fileName}.webp` : fileName;
  return {
    'content-type': type.startsWith('text/') ? `${type}; charset=utf-8` : type,
    'content-disposition': dispositionOf(name, kind),
    // Whatever it is, it may do nothing, and in a frame it is nobody's.
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
    'cache-control': `private, max-age=${freshSeconds}`,
    vary: 'authorization, origin',
    'accept-ranges': 'bytes',
    etag: tag,
  };
}

function isKnown(header: string | undefined, tag: string): boolean {
  return header?.split(',').some((each) => [tag, `W/${tag}`, '*'].includes(each.trim())) === true;
}

function nothing(length: number): OutgoingBytes {
  return { length, pieces: (async function* () {})() };
}

/** The first piece is read before anything is promised: what cannot be read is a refusal, not a cut. */
async function opened(store: MediaStore, id: string, what: What, range: ByteRange): Promise<OutgoingBytes> {
  if (sending >= mediaLimits.sendingMax)
    throw new NuboError('overloaded', 'Too many files are being read.', { retryMs: 1_000 });
  const pieces = store.read(id, what, range)[Symbol.asyncIterator]();
  const first = await pieces.next().catch(told);
  if (first.done === true) throw notThere();
  return { length: range.to - range.from, pieces: counted(first.value, pieces) };
}

async function* counted(first: Uint8Array, others: AsyncIterator<Uint8Array>): AsyncGenerator<Uint8Array> {
  sending += 1;
  try {
    yield first;
    for (let next = await others.next(); next.done !== true; next = await others.next()) yield next.value;
  } finally {
    sending -= 1;
    await others.return?.();
  }
}

function told(error: unknown): never {
  if (error instanceof BytesGoneError) throw notThere();
  throw refusalOfStore(error) ?? error;
}
