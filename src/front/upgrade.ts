/** What a WebSocket upgrade must bring: a subprotocol we speak, and no foreign page behind it. */
import { type Codec, subprotocols } from '../wire/codec.js';

interface Chosen {
  readonly codec: Codec;
  /** As it is echoed. */
  readonly protocol: string;
}

const known = new Map<string, Chosen>([
  [subprotocols.msgpack, { codec: 'msgpack', protocol: subprotocols.msgpack }],
  [subprotocols.json, { codec: 'json', protocol: subprotocols.json }],
]);

/**
 * The first of the client's list that we speak. An empty list means JSON, and nothing is echoed then; undefined when
 * the list names none of ours (W1).
 */
export function chooseProtocol(header: string): Chosen | undefined {
  // Nearly all offer one.
  const only = known.get(header);
  if (only !== undefined) return only;
  const offered = header
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (offered.length === 0) return { codec: 'json', protocol: '' };
  for (const protocol of offered) {
    const chosen = known.get(protocol);
    if (chosen !== undefined) return chosen;
  }
  return undefined;
}

/**
 * Browsers name the page's origin: it must be this host's own or an allowed one, `*` being any. Other clients name
 * none.
 */
export function isOriginAllowed(origin: string, host: string, allowed: readonly string[]): boolean {
  if (origin === '' || allowed.includes(origin) || allowed.includes('*')) return true;
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase() && host !== '';
}
