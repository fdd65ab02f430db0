/** The client on Node, with the WebSocket of the package `ws`: Node 20 has none, and later ones a slower one. */
import { WebSocket } from 'ws';
import { type Client, type ConnectOptions, connect as connectAnywhere } from './client.js';
import type { ClientSocketClass } from './socket.js';

/** Largest frame taken from a server: a page of history with room to spare. */
const frameBytesMax = 16 * 1024 * 1024;

class NodeSocket extends WebSocket {
  constructor(url: string, protocols: string[]) {
    // The codec checks UTF-8 itself, and compression costs more than it saves on one machine.
    super(url, protocols, { perMessageDeflate: false, maxPayload: frameBytesMax, skipUTF8Validation: true });
  }
}

/** As `connect` of client.ts, on Node. */
export function connect(options: ConnectOptions): Client {
  const WebSocketClass = NodeSocket as unknown as ClientSocketClass;
  return connectAnywhere({ WebSocket: WebSocketClass, ...options });
}
