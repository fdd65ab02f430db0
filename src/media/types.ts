/** Which types of files are taken, and how each is shown. Decided by what the bytes are, never by what they are called. */

/**
 * What a browser, or the system below it, would run or open as a page of ours: such a type must be named to be allowed,
 * and is never shown in place. A wildcard does not cover it.
 */
const runnable = new Set([
  'text/html',
  'text/xml',
  'text/javascript',
  'application/xml',
  'application/xhtml+xml',
  'application/javascript',
  'application/x-shockwave-flash',
  'application/wasm',
  'application/x-msdownload',
  'application/x-elf',
  'application/x-mach-binary',
  'application/x-msi',
  'application/x.ms.shortcut',
  'application/x-ms-regedit',
  'application/x.apple.alias',
  'application/java-vm',
  'application/java-archive',
  'application/vnd.android.package-archive',
  'application/x-google-chrome-extension',
  'application/x-xpinstall',
  'application/x-sh',
  'image/svg+xml',
]);

/** Shown in place; everything else is a download. Pictures, sounds and films that no browser runs. */
const shownInPlace = new Set([
  'image/png',
  'image/apng',
  'image/jpeg',
  'image/gif',
  'image/webp',
  'image/avif',
  'audio/mpeg',
  'audio/mp4',
  'audio/x-m4a',
  'audio/ogg',
  'audio/opus',
  'audio/wav',
  'audio/flac',
  'audio/aac',
  'audio/webm',
  'video/mp4',
  'video/webm',
  'video/ogg',
  'video/quicktime',
]);

/** Of these a thumbnail is made. */
const pictures = new Set(['image/png', 'image/apng', 'image/jpeg', 'image/gif', 'image/webp']);

const typePattern = /^[a-z0-9][\w.+-]{0,99}\/[a-z0-9][\w.+-]{0,99}$/;
/** `*`, `image/*`, `application/pdf`. */
export const typeRulePattern = /^(?:\*|[a-z0-9][\w.+-]{0,99}\/(?:\*|[a-z0-9][\w.+-]{0,99}))$/;

export const unknownType = 'application/octet-stream';

/** In lower case, without parameters; `application/octet-stream` when it is no type. */
export function plainType(text: string): string {
  const type = text.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  return typePattern.test(type) ? type : unknownType;
}

/** @param rules `*`, `image/*` or `application/pdf` */
export function isAllowed(type: string, rules: readonly string[]): boolean {
  if (rules.includes(type)) return true;
  if (runnable.has(type)) return false;
  return rules.includes('*') || rules.includes(`${type.split('/', 1)[0]}/*`);
}

export function isRunnable(type: string): boolean {
  return runnable.has(type);
}

export function isShownInPlace(type: string): boolean {
  return shownInPlace.has(type);
}

export function isPicture(type: string): boolean {
  return pictures.has(type);
}

export function isSoundOrFilm(type: string): boolean {
  return type.startsWith('audio/') || type.startsWith('video/');
}
