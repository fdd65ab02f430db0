/**
 * The protocol of resumable uploads, tus 1.0.0 with `creation`, `expiration` and `termination`: what the headers of a
 * request ask for, and what is answered. Pure: who asks does the rest. https://tus.io/protocols/resumable-upload
 */

export const tusVersion = '1.0.0';
export const tusExtensions = 'creation,expiration,termination';
/** For browsers: the headers that are asked with and answered with. */
export const tusRequestHeaders = 'tus-resumable, upload-length, upload-metadata, upload-offset';
export const tusResponseHeaders =
  'tus-resumable, tus-version, tus-extension, tus-max-size, upload-length, upload-offset, upload-expires';
export const patchType = 'application/offset+octet-stream';

/** A refusal as HTTP has it. */
export interface TusRefusal {
  readonly kind: 'refused';
  readonly status: 400 | 409 | 412 | 413 | 415;
  readonly message: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Header = (name: string) => string | undefined;

/** Base64 of the longest name, and room for keys that are none of ours. */
const metadataCharsMax = 8 * 1024;

export interface Creation {
  readonly kind: 'create';
  /** Bytes */
  readonly length: number;
  /** `filename` and `filetype` of Upload-Metadata, as they were sent; empty when they were not. */
  readonly name: string;
  readonly type: string;
}

/** What a POST asks for. */
export function readCreation(header: Header, bytesMax: number): Creation | TusRefusal {
  const wrong = wrongVersion(header);
  if (wrong !== undefined) return wrong;
  if (header('upload-defer-length') !== undefined)
    return refused(400, 'Upload-Length must say how many bytes there are: it cannot be deferred.');
  const length = wholeNumber(header('upload-length'));
  if (length === undefined || length === 0)
    return refused(400, 'Upload-Length must be the number of bytes of the file, at least 1.');
  if (length > bytesMax)
    return refused(413, `The file is larger than the ${bytesMax} bytes that are allowed.`, {
      'tus-max-size': String(bytesMax),
    });
  const metadata = readMetadata(header('upload-metadata') ?? '');
  if (metadata === undefined)
    return refused(400, 'Upload-Metadata must be keys with base64 of UTF-8, with commas between them.');
  return {
    kind: 'create',
    length,
    name: metadata.get('filename') ?? metadata.get('name') ?? '',
    type: metadata.get('filetype') ?? metadata.get('type') ?? '',
  };
}

export interface Append {
  readonly kind: 'append';
  readonly offset: number;
  /** Bytes of the body, when it says so. */
  readonly bytes: number | undefined;
}

/** What a PATCH asks for. */
export function readAppend(header: Header): Append | TusRefusal {
  const wrong = wrongVersion(header);
  if (wrong !== undefined) return wrong;
  if (header('content-type')?.toLowerCase() !== patchType)
    return refused(415, `The body must be ${patchType}.`);
  const offset = wholeNumber(header('upload-offset'));
  if (offset === undefined) return refused(400, 'Upload-Offset must be the number of bytes that are there.');
  const given = header('content-length');
  const bytes = given === undefined ? undefined : wholeNumber(given);
  if (given !== undefined && bytes === undefined)
    return refused(400, 'Content-Length must be a whole number.');
  return { kind: 'append', offset, bytes };
}

/**
 * May it go on so?
 *
 * @param held bytes that are there
 * @param length bytes that it will have
 */
export function checkAppend({ offset, bytes }: Append, held: number, length: number): TusRefusal | undefined {
  if (offset !== held)
    return refused(409, `The upload stands at ${held}, not ${offset}: go on from there.`, {
      'upload-offset': String(held),
    });
  return checkRoom(bytes ?? 0, held, length);
}

/** More than the creation said is never taken. */
export function checkRoom(bytes: number, held: number, length: number): TusRefusal | undefined {
  if (held + bytes <= length) return undefined;
  return refused(413, `The body is longer than the ${length - held} bytes that are lacking.`);
}

export function wrongVersion(header: Header): TusRefusal | undefined {
  if (header('tus-resumable') === tusVersion) return undefined;
  return refused(412, `Tus-Resumable must be ${tusVersion}.`, { 'tus-version': tusVersion });
}

/** What says how an upload stands. `expiresAt`: Unix ms, when nothing more comes. */
export function standingHeaders(
  standing: { readonly offset: number; readonly length: number },
  expiresAt: number | null,
): Record<string, string> {
  return {
    'tus-resumable': tusVersion,
    'upload-offset': String(standing.offset),
    'upload-length': String(standing.length),
    ...(expiresAt === null ? {} : { 'upload-expires': new Date(expiresAt).toUTCString() }),
  };
}

/** For OPTIONS: what this server can. */
export function discoveryHeaders(bytesMax: number): Record<string, string> {
  return {
    'tus-resumable': tusVersion,
    'tus-version': tusVersion,
    'tus-extension': tusExtensions,
    'tus-max-size': String(bytesMax),
  };
}

/** `key base64,key base64`: every key at most once; undefined when it is none of that. */
function readMetadata(text: string): ReadonlyMap<string, string> | undefined {
  const pairs = new Map<string, string>();
  if (text.length > metadataCharsMax) return undefined;
  if (text.trim() === '') return pairs;
  for (const pair of text.split(',')) {
    const [key = '', value = '', ...rest] = pair.trim().split(' ');
    if (key === '' || rest.length > 0 || pairs.has(key) || !/^[A-Za-z0-9+/]*={0,2}$/.test(value))
      return undefined;
    const decoded = utf8Of(Buffer.from(value, 'base64'));
    if (decoded === undefined) return undefined;
    pairs.set(key, decoded);
  }
  return pairs;
}

function utf8Of(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function refused(
  status: TusRefusal['status'],
  message: string,
  headers?: Readonly<Record<string, string>>,
): TusRefusal {
  return { kind: 'refused', status, message, ...(headers === undefined ? {} : { headers }) };
}
