/** A real WebSocket of a device whose network can be switched off. */
import { WebSocket } from 'ws';
import type { ClientSocketClass } from '#client/socket.js';

/** Nobody listens there. */
const nowhere = 'ws://127.0.0.1:9';

export class Gate {
  isOpen = true;
  readonly sockets = new Set<WebSocket>();
  readonly WebSocket: ClientSocketClass = behind(this);

  /** Every connection is cut, and none can be made. */
  shut(): void {
    this.isOpen = false;
    for (const socket of this.sockets) socket.terminate();
  }
}

function behind(gate: Gate): ClientSocketClass {
  return class extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(gate.isOpen ? url : nowhere, protocols, { perMessageDeflate: false });
      gate.sockets.add(this);
      this.once('close', () => gate.sockets.delete(this));
    }
  } as unknown as ClientSocketClass;
}
