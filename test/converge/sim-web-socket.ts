/** A WebSocket as browsers have it, over a simulated one: for the client as applications use it. */
import type { ClientSocket, ClientSocketClass } from '#client/socket.js';
import type { Codec } from '#src/wire/codec.js';
import type { ClientEnd, SimSocket } from '#test/support/sim-socket.js';
import type { SimThread } from '#test/support/sim-thread.js';

export interface SimNetwork {
  readonly thread: SimThread;
  /** undefined: nobody can be reached. */
  connect(client: ClientEnd, codec: Codec): SimSocket | undefined;
}

export function simWebSocket(network: SimNetwork): ClientSocketClass {
  return class implements ClientSocket {
    binaryType = 'arraybuffer';
    onopen: ClientSocket['onopen'] = null;
    onmessage: ClientSocket['onmessage'] = null;
    onclose: ClientSocket['onclose'] = null;
    onerror: ClientSocket['onerror'] = null;
    private socket: SimSocket | undefined;
    private isClosed = false;

    constructor(_url: string, [protocol]: string[]) {
      network.thread.ports.timers.after(1, () =>
        this.begin(protocol === 'nubo.v1.json' ? 'json' : 'msgpack'),
      );
    }

    private begin(codec: Codec): void {
      if (this.isClosed) return;
      const client = {
        onFrame: (data: string | Uint8Array) => network.thread.run(() => this.onmessage?.({ data })),
        onClose: (code = 1006) => network.thread.run(() => this.onclose?.({ code, reason: '' })),
      };
      this.socket = network.connect(client, codec);
      if (this.socket === undefined) this.onclose?.({ code: 1006, reason: '' });
      else this.onopen?.();
    }

    send(data: string | Uint8Array): void {
      // A copy: the encoder goes on with its buffer.
      this.socket?.write(typeof data === 'string' ? data : Uint8Array.from(data));
    }

    close(): void {
      this.isClosed = true;
      this.socket?.disconnect();
    }
  };
}
