/**
 * Operations on their way: each gets a ref, waits for its answer, and is sent again when that is safe. What is
 * durable has an id made here, so that sending it twice stores it once (P2); it stays here through any number of
 * connections until the server has said yes or no.
 *
 * Everything asked for in one turn leaves in one frame.
 */
import type { RuntimePorts } from '#src/runtime/ports.js';
import { type Codec, checkOperation, encodeOperations } from '#src/wire/codec.js';
import { errorCodes } from '#src/wire/codes.js';
import type { Ack, WireError } from '#src/wire/events.js';
import { wireLimits } from '#src/wire/limits.js';
import { type Operation, operations } from '#src/wire/operations.js';
import { ClientError } from './errors.js';
import { authRef, type Link } from './link.js';
import type { ServerClock } from './server-clock.js';

/** Operations that wait here; beyond it the application is told. */
const requestsMax = 10_000;
/** Waiting for an answer of the server at once: half of what it allows, so that it never has to say so. */
const underWayMax = wireLimits.socketRequestsMax / 2;
const retryMinMs = 200;
const retryMaxMs = 20_000;
/** A fault of the server (`internal`) is not tried for ever. */
const faultsMax = 5;

/** An operation as it is asked for: the outbox gives it a ref, and an id when it is to be stored and has none. */
export type Asked = Operation extends infer Each
  ? Each extends { id: string }
    ? Omit<Each, 'ref' | 'id'> & { id?: string }
    : Each extends unknown
      ? Omit<Each, 'ref'>
      : never
  : never;

export interface Answers {
  /** Called within the handling of the server's frame, before anything that follows in it. */
  acked(ack: Ack): void;
  failed(error: ClientError): void;
}

interface Request {
  readonly ref: number;
  readonly asked: Asked;
  readonly answers: Answers;
  /** It may be sent again on another connection. The others end with theirs. */
  readonly survives: boolean;
  id: string | undefined;
  state: 'queued' | 'under way' | 'waiting';
  tries: number;
  /** Its first id was out of the server's window. */
  isRenewed: boolean;
}

export interface OutboxOptions {
  readonly codec: Codec;
  readonly ports: RuntimePorts;
  readonly clock: ServerClock;
  readonly link: Link;
}

export class Outbox {
  private readonly options: OutboxOptions;
  /** All that are not answered, in the order they were asked for. */
  private readonly requests = new Map<number, Request>();
  /** Those to be sent next. */
  private queue: Request[] = [];
  private underWay = 0;
  private isFlushing = false;
  private lastRef: number = authRef;
  private ended: ClientError | undefined;

  constructor(options: OutboxOptions) {
    this.options = options;
  }

  get size(): number {
    return this.requests.size;
  }

  /** Takes an operation. `survives: false`: it fails with `unavailable` when the connection is lost. */
  ask(asked: Asked, answers: Answers, { survives = true }: { survives?: boolean } = {}): void {
    if (this.ended !== undefined) return answers.failed(this.ended);
    if (this.requests.size >= requestsMax) {
      return answers.failed(
        new ClientError('overloaded', `More than ${requestsMax} operations wait for an answer.`),
      );
    }
    if (!survives && !this.options.link.isLive) return answers.failed(lost());
    const id = 'id' in asked ? asked.id : undefined;
    const request: Request = {
      ref: this.newRef(),
      asked,
      answers,
      survives,
      id,
      state: 'queued',
      tries: 0,
      isRenewed: false,
    };
    this.requests.set(request.ref, request);
    this.enqueue(request);
  }

  private newRef(): number {
    do this.lastRef = this.lastRef >= 0xffffffff ? authRef + 1 : this.lastRef + 1;
    while (this.requests.has(this.lastRef));
    return this.lastRef;
  }

  private enqueue(request: Request): void {
    request.state = 'queued';
    this.queue.push(request);
    this.schedule();
  }

  private schedule(): void {
    if (this.isFlushing || !this.options.link.isLive) return;
    this.isFlushing = true;
    this.options.ports.turns.soon(() => {
      this.isFlushing = false;
      this.flush();
    });
  }

  /** Sends what is queued, as far as the server may be asked at once. */
  private flush(): void {
    if (!this.options.link.isLive) return;
    const batch: Operation[] = [];
    let taken = 0;
    while (taken < this.queue.length && this.underWay < underWayMax) {
      const request = this.queue[taken++] as Request;
      if (this.requests.get(request.ref) !== request) continue;
      const operation = this.prepare(request);
      if (operation === undefined) continue;
      request.state = 'under way';
      request.tries += 1;
      this.underWay += 1;
      batch.push(operation);
    }
    this.queue = this.queue.slice(taken);
    if (batch.length > 0) this.transmit(batch);
  }

  /** The operation as it goes over the wire; undefined, and its asker told, when the server would refuse it. */
  private prepare(request: Request): Operation | undefined {
    const { asked, ref } = request;
    // Made now and not when it was asked for: before the first `hello` nobody knows the server's time.
    if ('id' in operations[asked.op].schema.shape) request.id ??= this.options.clock.newId();
    const checked = checkOperation({
      ...asked,
      ref,
      ...(request.id === undefined ? {} : { id: request.id }),
    });
    if (checked.kind === 'operation') return checked.operation;
    this.finish(request);
    request.answers.failed(new ClientError('invalid', checked.message, { stored: false }));
    return undefined;
  }

  /** In one frame, or in as few as the limits allow. */
  private transmit(batch: readonly Operation[]): void {
    const { codec, link } = this.options;
    if (batch.length <= wireLimits.frameOperationsMax) {
      const frame = encodeOperations(codec, batch);
      if (byteLength(frame) <= wireLimits.frameBytesMax) return void link.send(frame);
      if (batch.length === 1) return this.refuseLarge(batch[0] as Operation);
    }
    const half = Math.ceil(batch.length / 2);
    this.transmit(batch.slice(0, half));
    this.transmit(batch.slice(half));
  }

  private refuseLarge({ ref }: Operation): void {
    const request = this.requests.get(ref ?? authRef);
    if (request === undefined) return;
    this.finish(request);
    const message = `The operation is larger than a frame may be (${wireLimits.frameBytesMax} bytes).`;
    request.answers.failed(new ClientError('invalid', message, { stored: false }));
  }

  onAck(ack: Ack): void {
    const request = this.requests.get(ack.ack);
    if (request?.state !== 'under way') return;
    this.finish(request);
    request.answers.acked(ack);
  }

  onError(error: WireError): void {
    const request = error.err === null ? undefined : this.requests.get(error.err);
    if (request?.state !== 'under way') return;
    if (error.at !== undefined) this.options.clock.correct(error.at);
    if (this.maySendAgain(request, error)) return this.sendLater(request, error.retryMs);
    this.finish(request);
    request.answers.failed(ClientError.of(error));
  }

  private maySendAgain(request: Request, error: WireError): boolean {
    if (error.code === 'id_out_of_window') {
      // The server has looked and it is not stored. An id made here came from a wrong clock, which is right now.
      const isOwn = !('id' in request.asked) || request.asked.id === undefined;
      if (!isOwn || request.isRenewed || error.stored !== false || error.at === undefined) return false;
      request.isRenewed = true;
      request.id = undefined;
      return true;
    }
    if (error.code === 'internal' && request.tries >= faultsMax) return false;
    return errorCodes[error.code].retry;
  }

  /** After what the server asks for, and a random time more that grows with each try. */
  private sendLater(request: Request, retryMs = 0): void {
    this.underWay -= 1;
    request.state = 'waiting';
    const { random, timers } = this.options.ports;
    const ceiling = Math.min(retryMaxMs, retryMinMs * 2 ** Math.min(request.tries, 10));
    timers.after(retryMs + random.next() * ceiling, () => {
      if (this.requests.get(request.ref) === request && request.state === 'waiting') this.enqueue(request);
    });
    this.schedule();
  }

  private finish(request: Request): void {
    this.requests.delete(request.ref);
    if (request.state !== 'under way') return;
    this.underWay -= 1;
    if (this.queue.length > 0) this.schedule();
  }

  /** There is a connection: what was under way on the last one is sent again first, in its old order. */
  onLive(): void {
    this.queue = [...this.requests.values()].filter(({ state }) => state !== 'waiting');
    for (const request of this.queue) request.state = 'queued';
    this.underWay = 0;
    if (this.queue.length > 0) this.schedule();
  }

  /** The connection is lost: what cannot be sent again ends with it. */
  onLost(): void {
    this.underWay = 0;
    for (const request of [...this.requests.values()]) {
      if (request.state === 'under way') request.state = 'queued';
      if (request.survives) continue;
      this.requests.delete(request.ref);
      request.answers.failed(lost());
    }
  }

  /** Nothing will be answered any more. */
  end(error: ClientError): void {
    this.ended = error;
    const requests = [...this.requests.values()];
    this.requests.clear();
    this.queue = [];
    for (const { answers } of requests) answers.failed(error);
  }
}

function lost(): ClientError {
  return new ClientError('unavailable', 'There is no connection.');
}

/** UTF-8 bytes of a frame. */
function byteLength(frame: string | Uint8Array): number {
  if (typeof frame !== 'string') return frame.length;
  // No character needs more than three bytes a unit: most frames are known to be small without counting.
  return frame.length * 3 <= wireLimits.frameBytesMax ? frame.length : new TextEncoder().encode(frame).length;
}
