/** One authenticated connection to nubo: operations out, messages in. Its token is in the header of the upgrade. */
import { type Codec, encodeOperations, subprotocols } from '#src/wire/codec.js';
import type { Operation } from '#src/wire/operations.js';
import type { Address } from '../../contract.js';
import { clientFrame } from '../websocket.js';
import { type Hearer, readMessages } from './messages.js';
import { RawSocket } from './socket.js';
import { sourceOf } from './sources.js';

export interface ServerPlace {
  readonly address: Address;
  readonly codec: Codec;
}

export interface ClientOptions extends ServerPlace {
  readonly token: string;
  readonly hearer: Hearer;
  /** It has ended, and nobody here had asked for it. */
  readonly ended: (why: string) => void;
}

/** Connections of this process so far: they come from several addresses. */
let connections = 0;

export class Client {
  readonly socket: RawSocket;
  /** Payload bytes of all messages so far. */
  bytesIn = 0;
  private readonly codec: Codec;

  constructor({ address, codec, token, hearer, ended }: ClientOptions) {
    this.codec = codec;
    const localAddress = sourceOf(connections++, address.host);
    this.socket = new RawSocket(
      {
        ...{ address, token, protocol: subprotocols[codec] },
        ...(localAddress === undefined ? {} : { localAddress }),
      },
      {
        opened: () => {},
        frame: (bytes) => {
          this.bytesIn += bytes.length;
          readMessages(codec, bytes, hearer);
        },
        ended,
      },
    );
  }

  /** One frame of these operations. */
  post(operations: readonly Operation[]): void {
    if (operations.length > 0) this.socket.write(clientFrame(encodeOperations(this.codec, operations)));
  }
}

const nothing = () => {};

/** A hearer that cares for what it is given; the rest is nothing to it. */
export function hearing(cares: Partial<Hearer>): Hearer {
  return {
    ...{ hello: nothing, ack: nothing, refused: nothing, event: nothing, gap: nothing },
    ...{ resumed: nothing, typing: nothing, presence: nothing, receipts: nothing },
    unsubscribed: nothing,
    ...cares,
  };
}

/** Connects and waits for `hello`. @throws Error when the connection ends before */
export function openClient(
  options: ServerPlace & {
    readonly token: string;
    readonly cares: Partial<Hearer>;
    readonly ended: (why: string) => void;
  },
): Promise<Client> {
  const { cares, ended, ...place } = options;
  return new Promise((resolve, reject) => {
    let isOpen = false;
    const client: Client = new Client({
      ...place,
      hearer: hearing({
        ...cares,
        hello() {
          isOpen = true;
          resolve(client);
        },
      }),
      ended(why) {
        if (isOpen) ended(why);
        else reject(new Error(why));
      },
    });
  });
}
