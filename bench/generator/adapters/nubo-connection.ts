/** What a connection of nubo does in either codec: it goes over a WebSocket, subscribes, and gathers operations in frames. */
import type { Address, ClientPlan } from '../../contract.js';
import type { Connection, Sink } from '../adapter.js';
import { WebSocketLink } from '../websocket.js';
import type { RoomFinder } from './nubo-rooms.js';
import { Subscriber } from './nubo-subscriber.js';

/** What all connections of an adapter share. `Room`: the id of a room as their frame takes it. */
export interface NuboShared<Room> {
  readonly address: Address;
  readonly path: string;
  readonly rooms: readonly Room[];
  readonly names: RoomFinder;
  /** The operations that are being written, of one connection at a time. */
  readonly frame: {
    subscribe(ref: number, room: Room): void;
    take(): Uint8Array | undefined;
  };
}

export interface NuboConnectionOptions<Shared> {
  readonly protocol: string;
  readonly shared: Shared;
  readonly plan: ClientPlan;
  readonly sink: Sink;
  /** Counts the connections of the adapter: it tells their ids apart. */
  readonly number: number;
}

export abstract class NuboConnection<Room, Shared extends NuboShared<Room>> implements Connection {
  protected readonly shared: Shared;
  protected readonly sink: Sink;
  protected readonly number: number;
  protected readonly subscriber: Subscriber;
  private readonly link: WebSocketLink;

  constructor({ protocol, shared, plan, sink, number }: NuboConnectionOptions<Shared>) {
    this.shared = shared;
    this.sink = sink;
    this.number = number & 0xffff;
    this.subscriber = new Subscriber(plan.hears, sink);
    this.link = new WebSocketLink(
      sink,
      { upgraded() {}, message: (bytes, start, end) => this.read(bytes, start, end) },
      {
        ...{ address: shared.address, path: shared.path, protocol },
        headers: { Authorization: `Bearer ${plan.token}` },
      },
    );
  }

  abstract send(ref: number, room: number, text: Uint8Array): void;

  /** One frame: a message or several. */
  protected abstract read(bytes: Uint8Array, start: number, end: number): void;

  opened(): void {
    this.link.opened();
  }

  received(bytes: Uint8Array): void {
    this.link.received(bytes);
  }

  close(): void {
    this.link.close();
  }

  flush(): void {
    const bytes = this.shared.frame.take();
    if (bytes !== undefined) this.sink.write(bytes);
  }

  protected subscribe(): void {
    const { frame, rooms } = this.shared;
    for (const room of this.subscriber.next())
      frame.subscribe(this.subscriber.refOf(room), rooms[room] as Room);
    this.flush();
  }
}
