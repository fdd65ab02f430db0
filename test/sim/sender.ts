/**
 * Durable operations as a good client treats them: the same id until there is a definite answer, on whichever socket
 * there is; and sometimes again long after that, when the answer must be the same.
 */
import { errorCodes } from '#src/wire/codes.js';
import type { Ack, WireError } from '#src/wire/events.js';
import type { DurableOperation } from '#src/wire/operations.js';
import type { AnswerRecord } from '#test/support/checker.js';
import type { Device, DeviceHost, Reply, Unreferenced } from './device.js';

export interface Durable {
  readonly user: string;
  /** Where it is stored: of a direct conversation that is created, the pair's own. */
  readonly conv: string;
  readonly operation: Unreferenced<DurableOperation>;
  state: 'open' | 'acked' | 'refused';
}

export interface SenderHost extends DeviceHost {
  readonly answers: AnswerRecord[];
  devicesOf(user: string): readonly Device[];
  onAcked(durable: Durable, ack: Ack): void;
}

/** How long an answer is waited for before the operation is sent again beside it. */
const patienceMs = 3000;

export class Sender {
  readonly acked: Durable[] = [];
  private readonly host: SenderHost;
  private readonly open = new Set<Durable>();

  constructor(host: SenderHost) {
    this.host = host;
  }

  get openCount(): number {
    return this.open.size;
  }

  submit(durable: Durable, device: Device): void {
    this.open.add(durable);
    this.attempt(durable, device);
    // An impatient client, or a second tab: the same operation at once from elsewhere.
    if (this.host.random.chance(0.04)) this.attempt(durable, this.anyDevice(durable));
  }

  /** Sends it once more although it was answered: the answer must be the same (P2). */
  repeat(durable: Durable): void {
    this.host.totals.retries += 1;
    this.attempt(durable, this.anyDevice(durable));
  }

  private anyDevice({ user }: Durable): Device {
    return this.host.random.pick(this.host.devicesOf(user));
  }

  private attempt(durable: Durable, device: Device): void {
    const { host } = this;
    const sentAt = host.now();
    let isAnswered = false;
    const isSent = device.ask(durable.operation, (reply) => {
      isAnswered = true;
      this.onReply(durable, sentAt, reply);
    });
    if (!isSent) return this.again(durable, 100);
    host.after(patienceMs * (0.5 + host.random.next()), () => {
      if (!isAnswered) this.again(durable, 0);
    });
  }

  private again(durable: Durable, ms: number): void {
    if (durable.state !== 'open') return;
    this.host.after(ms + this.host.random.next() * 50, () => {
      if (durable.state !== 'open') return;
      this.host.totals.retries += 1;
      this.attempt(durable, this.anyDevice(durable));
    });
  }

  private onReply(durable: Durable, sentAt: number, reply: Reply): void {
    if (reply === undefined) return this.again(durable, 50);
    this.record(durable, sentAt, reply);
    if ('ack' in reply) this.onAck(durable, reply);
    else this.onError(durable, reply);
  }

  private onAck(durable: Durable, ack: Ack): void {
    const { host } = this;
    host.totals.acks += 1;
    if (durable.state === 'acked') {
      host.totals.duplicatesAnswered += 1;
      return;
    }
    durable.state = 'acked';
    this.open.delete(durable);
    this.acked.push(durable);
    host.onAcked(durable, ack);
    if (host.random.chance(0.12))
      host.after(host.random.next() * (host.random.chance(0.5) ? 20 : 8000), () => this.repeat(durable));
  }

  private onError(durable: Durable, error: WireError): void {
    const { totals } = this.host;
    if (error.code === 'conflict') totals.conflicts += 1;
    else if (error.code === 'rate_limited') totals.rateLimited += 1;
    else if (error.code === 'unavailable') totals.unavailable += 1;
    else if (error.code === 'overloaded') totals.overloaded += 1;
    else totals.refusals += 1;
    if (durable.state !== 'open') return;
    // A token that has expired is the socket's trouble: it comes back with a new one.
    if (errorCodes[error.code].retry || error.code === 'unauthorized')
      return this.again(durable, error.retryMs ?? 100);
    durable.state = 'refused';
    this.open.delete(durable);
  }

  private record({ user, conv, operation }: Durable, sentAt: number, reply: Ack | WireError): void {
    const answer: AnswerRecord['answer'] =
      'ack' in reply
        ? { kind: 'ack', id: reply.id, seq: reply.seq, at: reply.at }
        : { kind: 'err', code: reply.code, stored: reply.stored };
    const text = operation.op === 'send' ? operation.text : undefined;
    const { op, id } = operation;
    this.host.answers.push({ user, op, conv, id, text, sentAt, answeredAt: this.host.now(), answer });
  }
}
