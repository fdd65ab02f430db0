/**
 * What an adapter is: the protocol of a target, on the bytes of a TCP socket, without a client library, so that the
 * generator stays lean. One line of `bench/generator/adapters/index.ts` names each.
 *
 * Every text begins with a mark of fixed width that says who sent it and as which of theirs (see `mark.ts`): by it any
 * delivery of any protocol is known again, without ids of the target.
 */
import type { Address, ClientPlan } from '../contract.js';

/** What a connection tells the generator. */
export interface Sink {
  /** Bytes for the socket, copied before it returns. Writes of one turn are joined by the generator. */
  write(bytes: Uint8Array): void;
  /** Authenticated and subscribed: it may send, and hears. */
  ready(): void;
  /** `ref` as given to `send`. */
  acked(ref: number): void;
  refused(ref: number, why: string): void;
  /**
   * A message of a room was shown. `mark` begins in `bytes` at `at`. `seq`: the target's own number when it has one that
   * has to be dense.
   */
  delivered(room: number, bytes: Uint8Array, at: number, seq?: number): void;
  /** The target says that the messages `from` to `to` of a room will not come. */
  gap(room: number, from: number, to: number): void;
  /** Something no connection can go on after. */
  failed(why: string): void;
  /**
   * Of `isUniformStream` only, after each frame: everything up to the byte `end` was dealt with (counted from the first
   * this connection received). `isShared`: the frame is one that all who hear the room are sent; a ping is not.
   * `WebSocketLink` of `websocket.ts` calls it by itself.
   */
  boundary(end: number, isShared: boolean): void;
}

/** One client's side of the protocol. */
export interface Connection {
  /** The socket is open. */
  opened(): void;
  /** Bytes as they came: frames may be cut anywhere. The memory is lent until it returns. */
  received(bytes: Uint8Array): void;
  /**
   * Sends one message. `ref` is a number of this connection's, 1, 2, 3 …; `text` begins with its mark. Its memory is
   * lent; the same array comes again with another mark, so what is made of the rest may be kept by the array.
   */
  send(ref: number, room: number, text: Uint8Array): void;
  /** What was sent since the last `flush` was all that is due now: for protocols that join several in one frame. */
  flush?(): void;
  /** Says goodbye, if the protocol has a way. */
  close(): void;
}

export interface AdapterOptions {
  readonly address: Address;
  /** The target's ids of the rooms. */
  readonly rooms: readonly string[];
}

/** Makes one protocol's connections; what they share (frames made ahead, tables) lives in the closure. */
export type Adapter = (options: AdapterOptions) => {
  connect(plan: ClientPlan, sink: Sink): Connection;
  /**
   * True when everybody who hears exactly one room, and nothing else, is sent the same bytes after `ready`: then the
   * generator compares their streams byte for byte with the first's and decodes only that one.
   */
  readonly isUniformStream: boolean;
};
