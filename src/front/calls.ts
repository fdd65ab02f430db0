/** Questions to shards that are awaited: REST and the front itself. Sockets do not come this way. */
import { NuboError } from '../errors.js';
import type { Timers } from '../runtime/ports.js';
import type { AckResult, ConversationRequest, Refusal, ToShard } from '../threads/messages.js';
import type { ServiceName, Services } from '../threads/services.js';
import type { FrontLimits } from './limits.js';
import type { Answer, OperationId, Requests, Waiting } from './requests.js';
import type { Shards } from './shards.js';

/** A shard's refusal as it is told to a client. */
export class RefusedError extends NuboError {
  readonly refusal: Refusal;

  constructor(refusal: Refusal) {
    super(refusal.code, refusal.message, refusal);
    this.refusal = refusal;
  }
}

/** A conversation request without its number, which is given on the way. */
type Unnumbered<Request> = Request extends { request: number } ? Omit<Request, 'request'> : never;
export type Question = Unnumbered<Exclude<ConversationRequest, { kind: 'subscribe' }>>;

export class Calls {
  private readonly requests: Requests;
  private readonly shards: Shards;
  private readonly timers: Timers;
  private readonly limits: FrontLimits;

  constructor(requests: Requests, shards: Shards, timers: Timers, limits: FrontLimits) {
    this.requests = requests;
    this.shards = shards;
    this.timers = timers;
    this.limits = limits;
  }

  /** Asks a conversation. Rejects with RefusedError; `unavailable` when nothing came in time. */
  async ask(question: Question): Promise<AckResult> {
    const shard = this.shards.of(question.conv);
    const operation = 'id' in question ? { id: question.id, conv: question.conv } : undefined;
    const message = (request: number) => ({ ...question, request }) as ConversationRequest;
    const answer = await this.exchange(shard, message, operation);
    if (answer.kind === 'ack') return answer;
    throw new Error(`a conversation answered ${answer.kind} to ${question.kind}`);
  }

  /** Calls a service on one shard. Rejects with RefusedError. */
  async call<Name extends ServiceName>(
    shard: number,
    service: Name,
    input: Services[Name]['input'],
  ): Promise<Services[Name]['output']> {
    const answer = await this.exchange(shard, (request) => ({ kind: 'call', request, service, input }));
    if (answer.kind === 'answer') return answer.output as Services[Name]['output'];
    throw new Error(`the service ${service} answered ${answer.kind}`);
  }

  private exchange(
    shard: number,
    message: (request: number) => ToShard,
    operation?: OperationId,
  ): Promise<Exclude<Answer, { kind: 'err' }>> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        shard,
        operation,
        settle: (answer) => {
          cancel();
          if (answer.kind !== 'err') return resolve(answer);
          const { kind: _kind, request: _request, ...refusal } = answer;
          reject(new RefusedError(refusal));
        },
      };
      const request = this.requests.open(waiting);
      const cancel = this.timers.after(this.limits.restMs, () => {
        this.requests.forget(request);
        reject(
          new RefusedError({
            code: 'unavailable',
            message: 'No answer in time; the outcome is unknown.',
            retryMs: this.limits.unavailableRetryMs,
          }),
        );
      });
      const refusal = this.shards.post(shard, message(request));
      if (refusal === undefined) return;
      this.requests.forget(request);
      cancel();
      reject(new RefusedError(refusal));
    });
  }
}
