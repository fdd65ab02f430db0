/** What a WebSocket upgrade must bring: a subprotocol we speak, and no foreign page behind it. */
import { type Codec, subprotocols } from '../wire/codec.js';

const codecs = new Map<string, Codec>([
  [subprotocols.msgpack, 'msgpack'],
  [subprotocols.json, 'json'],
]);

/**
 * The first of the client's list that we speak. An empty list means JSON, and nothing is echoed then; undefined when
 * the list names none of ours (W1).
 */
export function chooseProtocol(header: string): { codec: Codec; protocol: string } | undefined {
  const offered = header
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
  if (offered.length === 0) return { codec: 'json', protocol: '' };
  for (const protocol of offered) {
    const codec = codecs.get(protocol);
    if (codec !== undefined) return { codec, protocol };
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
