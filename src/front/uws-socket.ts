/** A WebSocket of uWebSockets.js as a SocketPort. Touching one after its close ends the process: never done here. */
import type { WebSocket } from 'uWebSockets.js';
import type { SocketPort } from './ports.js';

const results = ['buffered', 'sent', 'dropped'] as const;

export class UwsSocket implements SocketPort {
  private socket: WebSocket<unknown> | undefined;

  constructor(socket: WebSocket<unknown>) {
    this.socket = socket;
  }

  /** Of the `close` handler: the native socket is freed when it returns. */
  closed(): void {
    this.socket = undefined;
  }

  send(frame: string | Uint8Array): 'sent' | 'buffered' | 'dropped' {
    const { socket } = this;
    if (socket === undefined) return 'sent';
    let result = 1;
    // Corked, what was published to this socket in this turn leaves in the same system call.
    socket.cork(() => {
      result = socket.send(frame, typeof frame !== 'string');
    });
    return results[result] ?? 'dropped';
  }

  subscribe(topic: string): void {
    this.socket?.subscribe(topic);
  }

  unsubscribe(topic: string): void {
    this.socket?.unsubscribe(topic);
  }

  bufferedBytes(): number {
    return this.socket?.getBufferedAmount() ?? 0;
  }

  ping(): void {
    this.socket?.ping();
  }

  close(code: number, reason: string): void {
    this.socket?.end(code, reason);
  }

  cut(): void {
    this.socket?.close();
  }
}
