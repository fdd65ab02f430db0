/**
 * The bytes of uploads on their way from a socket to the store, in a front thread. One request writes to an upload at a
 * time: a lease in the database says which, over all threads. A second request of the same user on the same front ends
 * the first, since a client that comes again has given it up, whether or not its connection is known to be dead.
 */
import { randomUUID } from 'node:crypto';
import { NuboError } from '../errors.js';
import type { Timers } from '../runtime/ports.js';
import type { Attachment, Services } from '../threads/services.js';
import type { BodySource } from './body.js';
import { mediaLimits } from './limits.js';
import { type MediaStore, type MediaWriter, type Upload, WrongOffsetError } from './store.js';
import { type Append, checkAppend, checkRoom, type TusRefusal } from './tus.js';

type Call = <Name extends Extract<keyof Services, `attachments.${string}`>>(
  service: Name,
  input: Services[Name]['input'],
) => Promise<Services[Name]['output']>;

export interface ReceiverPorts {
  readonly store: MediaStore;
  /** Asks the shard that answers for `input.id`. */
  readonly call: Call;
  readonly timers: Timers;
}

export interface Arrival {
  readonly user: string;
  readonly id: string;
  readonly append: Append;
  readonly body: BodySource;
}

export type Received =
  | { readonly kind: 'more'; readonly held: number; readonly length: number }
  /** All of it came, and was looked at. */
  | { readonly kind: 'whole'; readonly attachment: Attachment }
  /** Another request writes to it, on another thread or server. */
  | { readonly kind: 'busy' }
  | TusRefusal;

interface UnderWay {
  readonly user: string;
  readonly lease: string;
  readonly body: BodySource;
  readonly over: Promise<void>;
}

export class Receiver {
  private readonly ports: ReceiverPorts;
  /** By user and id. */
  private readonly underWay = new Map<string, UnderWay>();

  constructor(ports: ReceiverPorts) {
    this.ports = ports;
  }

  /** Requests that bring bytes now. */
  get size(): number {
    return this.underWay.size;
  }

  /** Takes the bytes in. Rejects with BodyCutError, NuboError or the store's error; what came until then stays. */
  async receive(arrival: Arrival): Promise<Received> {
    const { user, id, body } = arrival;
    const place = `${user} ${id}`;
    const previous = this.underWay.get(place);
    if (previous === undefined) this.refuseTooMany(user);
    const lease = randomUUID();
    let end: () => void = () => undefined;
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    const own: UnderWay = { user, lease, body, over };
    this.underWay.set(place, own);
    const cancel = this.ports.timers.after(mediaLimits.receiveMs, () => body.cut());
    try {
      previous?.body.cut();
      await previous?.over;
      return await this.leased(arrival, lease, previous?.lease);
    } finally {
      cancel();
      if (this.underWay.get(place) === own) this.underWay.delete(place);
      end();
    }
  }

  /** An upload all of whose bytes came, and that nobody looked at: the last answer was lost, or a thread died. */
  async finish(user: string, id: string): Promise<Attachment | undefined> {
    if (this.underWay.has(`${user} ${id}`)) return undefined;
    const lease = randomUUID();
    const answer = await this.ports.call('attachments.lease', { user, id, lease });
    return answer.kind === 'leased' ? this.finished(user, id, lease) : undefined;
  }

  private async leased(arrival: Arrival, lease: string, previous: string | undefined): Promise<Received> {
    const { user, id, append } = arrival;
    const { call, store } = this.ports;
    const asked = { user, id, lease, ...(previous === undefined ? {} : { previous }) };
    const answer = await call('attachments.lease', asked);
    if (answer.kind === 'held') return { kind: 'busy' };
    if (answer.kind === 'over')
      return checkAppend(append, answer.size, answer.size) ?? this.outcome(user, id);
    const upload: Upload = { key: id, length: answer.size, handle: answer.handle };
    const holding = this.hold(user, id, lease, arrival.body);
    try {
      const held = await store.size(upload);
      const refusal = checkAppend(append, held, upload.length);
      if (refusal !== undefined) return refusal;
      const taken = held < upload.length ? await this.written(arrival, upload) : held;
      if (typeof taken !== 'number') return taken;
      if (taken < upload.length) return { kind: 'more', held: taken, length: upload.length };
      return { kind: 'whole', attachment: await this.finished(user, id, lease) };
    } finally {
      holding();
      await call('attachments.release', { user, id, lease }).catch(() => undefined);
    }
  }

  /** → bytes held. What came before a cut or a refusal is kept: the client goes on from there. */
  private async written({ append, body }: Arrival, upload: Upload): Promise<number | TusRefusal> {
    let writer: MediaWriter;
    try {
      writer = await this.ports.store.append(upload, append.offset);
    } catch (error) {
      if (!(error instanceof WrongOffsetError)) throw error;
      const refusal = checkAppend(append, error.held, upload.length);
      if (refusal === undefined) throw error;
      return refusal;
    }
    let held = append.offset;
    let refusal: TusRefusal | undefined;
    try {
      for (let piece = await body.next(); piece !== undefined; piece = await body.next()) {
        refusal = checkRoom(piece.byteLength, held, upload.length);
        if (refusal !== undefined) break;
        await writer.write(piece);
        held += piece.byteLength;
      }
    } catch (error) {
      // The error that ended it is told, not one of the closing that it may bring about.
      await writer.close().catch(() => undefined);
      throw error;
    }
    const kept = await writer.close();
    return refusal ?? kept;
  }

  private async finished(user: string, id: string, lease: string): Promise<Attachment> {
    return this.ports.call('attachments.finish', { user, id, lease });
  }

  private async outcome(user: string, id: string): Promise<Received> {
    const { attachment } = await this.ports.call('attachments.get', { user, id });
    return { kind: 'whole', attachment };
  }

  /** Says again and again that the lease is held; who has lost it takes no more in. Returns what ends it. */
  private hold(user: string, id: string, lease: string, body: BodySource): () => void {
    const { call, timers } = this.ports;
    let isOver = false;
    let cancel: () => void = () => undefined;
    const tick = async (): Promise<void> => {
      // The shard is away: the lease is long enough for a few of these.
      const isHeld = await call('attachments.keep', { user, id, lease }).then(
        (answer) => answer.isHeld,
        () => true,
      );
      if (isOver) return;
      if (isHeld) wait();
      else body.cut();
    };
    const wait = (): void => {
      cancel = timers.after(mediaLimits.keepMs, () => void tick());
    };
    wait();
    return () => {
      isOver = true;
      cancel();
    };
  }

  private refuseTooMany(user: string): void {
    let own = 0;
    for (const each of this.underWay.values()) if (each.user === user) own += 1;
    if (own < mediaLimits.receivingOfUserMax && this.underWay.size < mediaLimits.receivingMax) return;
    throw new NuboError('overloaded', 'Too many uploads are under way.', { retryMs: 1_000 });
  }
}
