/**
 * What is written to a socket in one turn, joined: one for all sockets, since only one at a time is written to. The
 * memory is used again when the kernel took everything at once, which is nearly always.
 */
import type { Socket } from 'node:net';

const sizeAtLeast = 64 * 1024;

let bytes = Buffer.allocUnsafeSlow(sizeAtLeast);
let used = 0;
let current: Socket | undefined;

/** Copies `more` behind what this socket is to be sent. */
export function post(socket: Socket, more: Uint8Array): void {
  if (current !== socket) flush();
  current = socket;
  if (used + more.length > bytes.length) {
    const grown = Buffer.allocUnsafeSlow(Math.max(bytes.length * 2, used + more.length));
    grown.set(bytes.subarray(0, used));
    bytes = grown;
  }
  bytes.set(more, used);
  used += more.length;
}

/** Writes what was posted. */
export function flush(): void {
  const socket = current;
  current = undefined;
  if (socket === undefined || used === 0) return;
  const count = used;
  used = 0;
  if (socket.destroyed) return;
  socket.write(bytes.subarray(0, count));
  // Held back: the memory belongs to the socket until it is written.
  if (socket.writableLength > 0) bytes = Buffer.allocUnsafeSlow(sizeAtLeast);
}
