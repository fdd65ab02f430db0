/** Requests of a socket that wait for a shard, and what their answers do. The socket may be gone by then. */
import type { AckResult } from '../threads/messages.js';
import type { Ack } from '../wire/events.js';
import type { OperationName } from '../wire/operations.js';
import { withItem, withoutItem } from './few.js';
import { type Place, shortened } from './page.js';
import type { Answer, OperationId, Waiting } from './requests.js';
import type { Session } from './session.js';
import { estimatedBytes, type Topic } from './topic.js';

export class OperationRequest implements Waiting {
  readonly shard: number;
  readonly operation: OperationId | undefined;
  private readonly session: Session;
  private readonly ref: number;
  private readonly name: OperationName;
  private readonly place: Place | undefined;
  private readonly startedAt: number;

  /** `operation`: of a durable one. `place`: of history, which end of a page that is too large to keep. */
  constructor(
    session: Session,
    shard: number,
    asked: { readonly ref: number; readonly op: OperationName },
    details: { readonly operation?: OperationId; readonly place?: Place | undefined } = {},
  ) {
    this.session = session;
    this.shard = shard;
    this.ref = asked.ref;
    this.name = asked.op;
    this.operation = details.operation;
    this.place = details.place;
    this.startedAt = session.host.stopwatch();
  }

  opened(): void {
    this.session.requestsOpen += 1;
  }

  settle(answer: Answer): void {
    const { session } = this;
    session.requestsOpen -= 1;
    if (session.isClosing) return;
    if (answer.kind === 'ack') {
      const { host } = session;
      if (this.name === 'send') host.counters.sendToAck.observe(host.stopwatch() - this.startedAt);
      this.acknowledge(answer);
    } else if (answer.kind === 'err') session.refuse(this.ref, answer);
    else throw new Error(`an operation was answered with ${answer.kind}`);
  }

  private acknowledge(answer: AckResult): void {
    const message: Ack = { ack: this.ref };
    if (answer.id !== undefined) message.id = answer.id;
    if (answer.seq !== undefined) message.seq = answer.seq;
    if (answer.at !== undefined) message.at = answer.at;
    if (answer.conv !== undefined) message.conv = answer.conv;
    if (answer.head !== undefined) message.head = answer.head;
    if (answer.events === undefined) return this.session.tell(message);
    const page = shortened(
      answer.events,
      this.place ?? { kind: 'last' },
      this.session.host.limits.answerBytesMax,
    );
    message.events = page.events;
    this.session.tell(message, page.bytes);
  }
}

export class SubscribeRequest implements Waiting {
  readonly topic: Topic;
  /** The client has unsubscribed since. */
  isCancelled = false;
  private readonly session: Session;
  private readonly ref: number;
  private readonly have: number | undefined;

  constructor(session: Session, topic: Topic, ref: number, have: number | undefined) {
    this.session = session;
    this.topic = topic;
    this.ref = ref;
    this.have = have;
  }

  get shard(): number {
    return this.topic.shard;
  }

  opened(): void {
    this.session.requestsOpen += 1;
    this.session.subscribing = withItem(this.session.subscribing, this);
  }

  settle(answer: Answer): void {
    const { session, topic } = this;
    const { topics } = session.host;
    session.requestsOpen -= 1;
    session.subscribing = withoutItem(session.subscribing, this);
    if (answer.kind !== 'subscribed') {
      topics.refused(topic);
      if (answer.kind === 'err') session.refuse(this.ref, answer);
      return;
    }
    topics.subscribed(topic, answer.head);
    if (!session.isClosing) {
      if (!this.isCancelled) this.attach();
      session.tell({ ack: this.ref, conv: topic.conv, head: answer.head });
      if (!this.isCancelled) this.begin(answer);
    }
    topics.answered(topic);
  }

  private attach(): void {
    const { session, topic } = this;
    // Sockets found slow a moment ago leave their topics first: this one may be among them.
    session.host.slow.settle();
    session.attach(topic);
    session.host.following.claim(session, topic);
    session.host.topics.answerFirst(session, topic);
  }

  /** After the ack: what the client lacks, and up to where it is complete; live events follow (W10, W12). */
  private begin(answer: Extract<Answer, { kind: 'subscribed' }>): void {
    const { session, topic } = this;
    const { conv, head } = answer;
    const have = this.haveBefore(answer);
    const haves = session.backlogged?.haves;
    if (haves !== undefined && have < head) {
      // No room for it now; a gap follows when the socket has drained.
      haves.set(topic, have);
      return;
    }
    haves?.set(topic, head);
    const { backlog } = answer;
    if (backlog.kind === 'gap') return this.tellGap(backlog.have, head);
    if (backlog.kind === 'events') {
      const sizes = backlog.events.map(estimatedBytes);
      const bytes = sizes.reduce((sum, size) => sum + size, 0);
      const { answerBytesMax, bufferBytesMax } = session.host.limits;
      if (bytes > answerBytesMax || session.waitingBytes + bytes > bufferBytesMax)
        return this.tellGap(have, head);
      backlog.events.forEach((event, index) => {
        session.tell(event, sizes[index]);
      });
    }
    session.tell({ ev: 'resumed', conv, upTo: head });
    // The shard never says less than it has published; if it did, this would be silence.
    if (topic.lastSeq > head) this.tellGap(head, topic.lastSeq);
  }

  private haveBefore({ backlog, head }: Extract<Answer, { kind: 'subscribed' }>): number {
    switch (backlog.kind) {
      case 'none':
        return head;
      case 'gap':
        return backlog.have;
      case 'events': {
        const first = backlog.events[0];
        return first === undefined ? head : Math.min(first.seq - 1, this.have ?? first.seq - 1);
      }
    }
  }

  private tellGap(have: number, head: number): void {
    this.session.host.counters.gapsTold += 1;
    this.session.tell({ ev: 'gap', conv: this.topic.conv, have, head });
  }
}
