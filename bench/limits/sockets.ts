/**
 * Raw TCP sockets that speak just enough WebSocket: an upgrade, then bytes. All read into one buffer of the process, so
 * that reading costs a call and nothing else.
 */
import { connect, type Socket } from 'node:net';
import { upgradeRequest } from '../generator/websocket.js';

export interface RawSocketOptions {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  /** The upgrade was answered: whatever comes from now on goes to `onBytes`. */
  onOpen(socket: Socket): void;
  /** `bytes` holds what came in its first `count` bytes, until this returns. */
  onBytes(bytes: Uint8Array, count: number): void;
  /** It could not connect, was refused, or ended by itself. */
  onFailed(why: string): void;
}

const readBytes = 64 * 1024;
const shared = Buffer.allocUnsafeSlow(readBytes);
const requests = new Map<string, Buffer>();

export function openRawSocket(options: RawSocketOptions): Socket {
  const { host, port, path, onOpen, onBytes, onFailed } = options;
  let isOpen = false;
  let head = '';
  const socket = connect({
    ...{ host, port, noDelay: true },
    onread: {
      buffer: shared,
      callback(count, bytes) {
        if (isOpen) onBytes(bytes, count);
        else readHead(bytes, count);
        return true;
      },
    },
  });

  function readHead(bytes: Uint8Array, count: number): void {
    head += Buffer.from(bytes.buffer, bytes.byteOffset, count).toString('latin1');
    const end = head.indexOf('\r\n\r\n');
    if (end < 0) return;
    if (!head.startsWith('HTTP/1.1 101')) {
      onFailed(head.slice(0, head.indexOf('\r\n')));
      socket.destroy();
      return;
    }
    isOpen = true;
    const rest = Buffer.from(head.slice(end + 4), 'latin1');
    head = '';
    onOpen(socket);
    if (rest.length > 0) onBytes(rest, rest.length);
  }

  socket.write(requestFor(host, port, path));
  socket.on('error', (error) => onFailed(error.message));
  socket.on('close', () => onFailed('the connection was closed'));
  return socket;
}

function requestFor(host: string, port: number, path: string): Buffer {
  const name = `${host}:${port}${path}`;
  const known = requests.get(name) ?? upgradeRequest({ address: { host, port }, path });
  requests.set(name, known);
  return known;
}

/** Opens them, so many at a time. Rejects when one cannot be opened. */
export async function openRawSockets(
  count: number,
  atOnce: number,
  optionsOf: (index: number) => Omit<RawSocketOptions, 'onOpen'>,
): Promise<Socket[]> {
  const sockets: Socket[] = [];
  let next = 0;
  const openOneByOne = async (): Promise<void> => {
    while (next < count) {
      const index = next;
      next += 1;
      await new Promise<void>((resolve, reject) => {
        const options = optionsOf(index);
        sockets[index] = openRawSocket({
          ...options,
          onOpen: () => resolve(),
          onFailed(why) {
            reject(new Error(`Connection ${index} failed: ${why}`));
            options.onFailed(why);
          },
        });
      });
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, openOneByOne));
  return sockets;
}
