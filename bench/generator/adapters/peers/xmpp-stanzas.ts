/** Finds stanzas in an XMPP stream, and what a chat needs of them, where they lie. */

const lessThan = 0x3c;
const greaterThan = 0x3e;
const slash = 0x2f;
const question = 0x3f;
const space = 0x20;
const ampersand = 0x26;
const streamHead = Buffer.from('<stream:stream');
const bodyStart = Buffer.from('<body>');
const bodyEnd = Buffer.from('</body>');

/**
 * Where the stanza at `at` ends; −1 when it is not whole. The head of the stream, which stays open, counts as one. No
 * stanza of a chat holds another of its own name.
 */
export function stanzaEnd(bytes: Buffer, at: number): number {
  // White space between stanzas keeps a connection alive.
  if (bytes[at] !== lessThan) return at + 1;
  const close = bytes.indexOf(greaterThan, at);
  if (close < 0) return -1;
  const isHead = bytes[at + 1] === question || startsWith(bytes, at, streamHead);
  if (isHead || bytes[at + 1] === slash || bytes[close - 1] === slash) return close + 1;
  let nameEnd = at + 1;
  while (nameEnd < close && bytes[nameEnd] !== space) nameEnd++;
  const end = `</${bytes.toString('latin1', at + 1, nameEnd)}>`;
  const found = bytes.indexOf(end, close, 'latin1');
  return found < 0 ? -1 : found + end.length;
}

export function startsWith(bytes: Buffer, at: number, what: Buffer): boolean {
  return bytes.length - at >= what.length && bytes.compare(what, 0, what.length, at, at + what.length) === 0;
}

/** An attribute of the element that begins a stanza; undefined when it has none of that name. */
export function attribute(stanza: Buffer, name: string): string | undefined {
  const head = stanza.toString('utf8', 0, stanza.indexOf(greaterThan) + 1);
  const found = new RegExp(` ${name}=(?:'([^']*)'|"([^"]*)")`).exec(head);
  return found?.[1] ?? found?.[2];
}

/** The text of a message: where it begins, in which bytes. Undefined when it has none. */
export function bodyOf(stanza: Buffer): { readonly bytes: Uint8Array; readonly at: number } | undefined {
  const start = stanza.indexOf(bodyStart);
  if (start < 0) return undefined;
  const at = start + bodyStart.length;
  const end = stanza.indexOf(bodyEnd, at);
  const entity = stanza.indexOf(ampersand, at);
  if (entity < 0 || entity > end) return { bytes: stanza, at };
  return { bytes: Buffer.from(withoutEntities(stanza.toString('utf8', at, end))), at: 0 };
}

const named: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function withoutEntities(text: string): string {
  return text.replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    return decimal === undefined ? (named[name] ?? whole) : String.fromCodePoint(Number(decimal));
  });
}

/** A text as it stands in XML. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>]/g, (character) =>
    character === '&' ? '&amp;' : character === '<' ? '&lt;' : '&gt;',
  );
}
