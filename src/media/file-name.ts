/** What people call their files: shown to others and offered when one is saved; no path on this machine. */

const charsMax = 255;
const bytesMax = 1024;

/**
 * The last part of what may be a path, without what cannot be stored or hides what it is: control characters, and those
 * that turn the direction of writing. `file` when nothing is left.
 */
export function plainFileName(given: string): string {
  const last = given.toWellFormed().split(/[/\\]/).at(-1) ?? '';
  const clean = last
    // U+200D joins emoji.
    .replace(/(?!\u200d)[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\ufffd]/gu, '')
    .replace(/^[.\s]+|[.\s]+$/g, '')
    .normalize('NFC');
  const short = shortened(clean);
  return short === '' ? 'file' : short;
}

/** Its ending is kept, since people and programs go by it. */
function shortened(name: string): string {
  const characters = Array.from(name);
  const ending = Array.from(/\.[^.]{1,16}$/u.exec(name)?.[0] ?? '');
  const room = charsMax - ending.length;
  let kept = characters.length <= charsMax ? characters : [...characters.slice(0, room), ...ending];
  while (Buffer.byteLength(kept.join('')) > bytesMax)
    kept = [...kept.slice(0, kept.length - ending.length - 1), ...ending];
  return kept.join('');
}

/** `Content-Disposition` of RFC 6266: in ASCII for old programs, in full for all others. */
export function dispositionOf(name: string, kind: 'inline' | 'attachment'): string {
  const plain = name.replace(/[^\x20-\x7e]|["\\%]/gu, '_');
  const full = encodeURIComponent(name).replace(
    /['()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `${kind}; filename="${plain}"; filename*=UTF-8''${full}`;
}
