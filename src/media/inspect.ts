/**
 * What a file is, by its bytes, and what a picture looks like when it is small. For the pool: these bytes are a
 * stranger's, and the work on them is bounded before it is begun.
 */
import { FastResizeFilter, ResizeFit, Transformer } from '@napi-rs/image';
import { fileTypeFromBuffer } from 'file-type';
import { imageDimensionsFromData } from 'image-dimensions';
import { parseBuffer } from 'music-metadata';
import { isSoundOrFilm, plainType, unknownType } from './types.js';

export interface InspectJob {
  /** The first bytes, `headBytesMax` of them or all there are. */
  readonly head: Uint8Array;
  /** Bytes of the file. */
  readonly size: number;
}

export interface Inspected {
  readonly type: string;
  /** As they are stored: a camera that was held upright is not seen from here. */
  readonly width: number | null;
  readonly height: number | null;
  /** Where the first bytes tell it. */
  readonly durationMs: number | null;
}

export interface ThumbnailJob {
  /** The whole file, of at most `pictureBytesMax`. */
  readonly bytes: Uint8Array;
}

export interface Thumbnail {
  readonly webp: Uint8Array;
  /** Of the picture, as it is seen. */
  readonly width: number;
  readonly height: number;
}

/** Covers of songs and previews of photos lie before what tells of the rest. */
export const headBytesMax = 1024 * 1024;
export const pictureBytesMax = 32 * 1024 * 1024;
/** A picture is taken apart into four bytes a pixel: 200 MB at most. */
export const picturePixelsMax = 50_000_000;
/** Of the longer side. */
const thumbnailPixels = 320;
const thumbnailQuality = 75;

/** Never rejects: what cannot be understood is unknown. */
export async function inspect({ head, size }: InspectJob): Promise<Inspected> {
  const type = await typeOf(head, size);
  const dimensions = type.startsWith('image/') ? dimensionsOf(head) : undefined;
  return {
    type,
    width: dimensions?.width ?? null,
    height: dimensions?.height ?? null,
    durationMs: isSoundOrFilm(type) ? await durationOf(head, size, type) : null,
  };
}

/**
 * A WebP of at most 320 pixels, turned as the camera was, without what the camera wrote about the place.
 *
 * @returns undefined when it is no picture that is understood, or too large to be taken apart
 */
export function thumbnailOf({ bytes }: ThumbnailJob): Thumbnail | undefined {
  try {
    // By the head of the file alone: a small file may claim to be any size, and is not taken apart to find out.
    const stored = dimensionsOf(bytes);
    if (stored === undefined || stored.width * stored.height > picturePixelsMax) return undefined;
    const picture = new Transformer(bytes);
    const { width, height, orientation = 1 } = picture.metadataSync(true);
    if (width * height > picturePixelsMax) return undefined;
    const isTurned = orientation >= 5;
    picture.rotate();
    if (Math.max(width, height) > thumbnailPixels) {
      picture.fastResize({
        ...{ width: thumbnailPixels, height: thumbnailPixels },
        ...{ fit: ResizeFit.Inside, filter: FastResizeFilter.CatmullRom },
      });
    }
    const webp = picture.webpSync(thumbnailQuality);
    return { webp, ...(isTurned ? { width: height, height: width } : { width, height }) };
  } catch {
    return undefined;
  }
}

async function typeOf(head: Uint8Array, size: number): Promise<string> {
  try {
    const found = await fileTypeFromBuffer(head);
    const type = found === undefined ? undefined : plainType(found.mime);
    if (type === 'application/xml') return markupOf(textOf(head, size) ?? '') ?? type;
    if (type !== undefined) return type;
  } catch {
    // A parser that gave up on these bytes says that they are none of its own.
  }
  const text = textOf(head, size);
  return text === undefined ? unknownType : (markupOf(text) ?? scriptOf(text) ?? 'text/plain');
}

/** The bytes as text; undefined when they are none. */
function textOf(head: Uint8Array, size: number): string | undefined {
  try {
    // A head may end within a character.
    const text = new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: head.byteLength < size });
    // Colours of a terminal are in many logs.
    return /[^\P{Cc}\t\n\f\r]/u.test(text.replaceAll('\u001b', '')) ? undefined : text;
  } catch {
    return undefined;
  }
}

/** What browsers take for a page, wherever it stands in the beginning: https://mimesniff.spec.whatwg.org and more. */
const page =
  /<(?:!doctype\s+html|html|head|body|script|iframe|frameset|object|embed|style|title|meta|link|base|form|table|div|img|a|b|p|br|h[1-6]|font|!--)[\s/>-]/i;

/** A text that talks about pages is one: only what begins as markup is taken for it. */
function markupOf(text: string): string | undefined {
  if (!/^\s*</.test(text)) return undefined;
  const start = text.slice(0, 64 * 1024);
  if (/<(?:[\w-]{1,32}:)?svg[\s/>]/i.test(start)) return 'image/svg+xml';
  if (/^\s*<\?xml/i.test(start)) return page.test(start) ? 'application/xhtml+xml' : 'application/xml';
  return page.test(start) ? 'text/html' : undefined;
}

function scriptOf(text: string): string | undefined {
  return text.startsWith('#!') ? 'application/x-sh' : undefined;
}

function dimensionsOf(bytes: Uint8Array): { width: number; height: number } | undefined {
  try {
    const found = imageDimensionsFromData(bytes);
    return found !== undefined && found.width > 0 && found.height > 0 ? found : undefined;
  } catch {
    return undefined;
  }
}

async function durationOf(head: Uint8Array, size: number, mimeType: string): Promise<number | null> {
  try {
    const { format } = await parseBuffer(head, { mimeType, size }, { duration: false, skipCovers: true });
    const { duration } = format;
    return duration !== undefined && Number.isFinite(duration) && duration >= 0
      ? Math.round(duration * 1000)
      : null;
  } catch {
    return null;
  }
}
