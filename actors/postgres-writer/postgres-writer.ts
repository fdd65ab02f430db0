/**
 * The one writer of a shard. Operations gather while a batch is in flight; when it returns, all that gathered goes
 * in the next: the group commit clocks itself, no timer on this path. Nothing is acked before its batch is committed.
 *
 * Phases:
 *   claiming   raising the epoch (at start, and after a connection was lost with a batch under way)
 *   idle       nothing in flight; the next entry starts a batch at the end of the turn
 *   writing    one batch in flight
 *   resolving  the batch held an id that is already in the log: looking up which
 *   pausing    the database could not take the batch, through nobody's fault: it is written again soon
 *   stopped    fenced off, or something is broken that must not be written over
 */
import type { Actor, ActorContext } from '#src/runtime/actor.js';
import type { StoredOperation, WriteOutcome } from '#src/storage/ports.js';
import type { Refusal } from '#src/threads/messages.js';
import type { LogEvent } from '#src/wire/events.js';
import type { Append, WriterMessage } from '../messages.js';
import { BatchAcks } from './batch-acks.js';
import { Flusher } from './flusher.js';
import { type Account, type Entry, Ledger } from './ledger.js';
import { numberEvents } from './numbering.js';
import type { WriterPorts } from './ports.js';
import { Readers } from './readers.js';

interface Attempt {
  readonly batch: number;
  readonly entries: Entry[];
  readonly startedAt: number;
}

type Phase =
  | { name: 'claiming'; question: Attempt | undefined }
  | { name: 'idle' }
  | { name: 'writing'; attempt: Attempt }
  | { name: 'resolving'; attempt: Attempt }
  | { name: 'pausing' }
  | { name: 'stopped' };

/** Pauses before another try: 10 ms doubling to 1 s. */
const pauseMsMin = 10;
const pauseMsMax = 1000;
/** What a sender is told when the queue is full. */
const overloadedRetryMs = 500;

export class PostgresWriter implements Actor<WriterMessage> {
  private readonly ledger = new Ledger();
  private readonly flusher: Flusher;
  private readonly readers: Readers;
  private readonly ports: WriterPorts;
  private readonly context: ActorContext<WriterMessage>;
  private phase: Phase = { name: 'claiming', question: undefined };
  private epoch = 0;
  private batch = 0;
  private lastAt = 0;
  private failures = 0;
  /** Parts of a batch that must be written before anything new: what a bisection or a duplicate left. */
  private parts: Entry[][] = [];
  private probes: Array<(batch: number | undefined) => void> = [];
  private drained: Array<() => void> = [];

  constructor(context: ActorContext<WriterMessage>, ports: WriterPorts) {
    this.context = context;
    this.ports = ports;
    this.flusher = new Flusher(context, ports);
    this.readers = new Readers(context, ports, this.ledger);
    this.claim();
  }

  receive(message: WriterMessage): void {
    switch (message.kind) {
      case 'append':
        return this.onAppend(message.entries);
      case 'lookup':
        return this.readers.lookup(message.conv, message.ids);
      case 'load':
        return this.readers.load(message.conv, message.asker);
      case 'forget':
        return this.readers.forget(message.conv);
      case 'mark':
        return this.flusher.mark(message);
      case 'flush':
        return this.flusher.flush(message.done);
      case 'probe':
        this.probes.push(message.done);
        return;
      case 'drain':
        this.drained.push(message.done);
        return this.checkDrained();
      case 'owned':
        return this.onOwned(message.result);
      case 'wrote':
        return this.onWrote(message.outcome);
      case 'duplicates found':
        return this.onDuplicatesFound(message.result);
      case 'lookup done':
        return this.readers.onLookupDone(message.asked, message.result);
      case 'load done':
        return this.readers.onLoadDone(message.conv, message.load, message.result);
      case 'flush done':
        this.flusher.onDone(message.result);
        // Heads and marks are computed again from the log at the next start: no reason to hold a drain back.
        return this.checkDrained(message.result.kind === 'failed');
      case 'pause over':
        if (this.phase.name === 'pausing') this.enter({ name: 'idle' });
        else if (this.phase.name === 'claiming') this.claim();
        return;
      case 'flush due':
        return this.flusher.onDue();
    }
  }

  endTurn(): void {
    if (this.phase.name === 'idle') this.write();
  }

  private enter(phase: Phase): void {
    this.ports.onMove?.(this.phase.name, phase.name);
    this.phase = phase;
  }

  private onAppend(entries: readonly Append[]): void {
    for (const append of entries) {
      const { id, conv, from } = append.event;
      const pending = this.ledger.find(id);
      if (pending !== undefined) {
        if (pending.event.conv === conv && pending.event.from === from) pending.requests.push(append.request);
        // Not settled, so not a conflict yet: if that one comes to nothing, this one may be stored (P7).
        else
          this.refuse(append, {
            code: 'unavailable',
            message: 'Another operation with this id is under way.',
            retryMs: 100,
          });
      } else if (this.phase.name === 'stopped' || this.drained.length > 0) {
        this.refuse(append, {
          code: 'unavailable',
          message: 'The server is stopping.',
          retryMs: overloadedRetryMs,
        });
      } else if (!this.ledger.hasRoom()) {
        this.refuse(append, {
          code: 'overloaded',
          message: 'Too much is waiting to be stored.',
          retryMs: overloadedRetryMs,
        });
      } else {
        this.ledger.add(append);
      }
    }
  }

  /** Refuses an operation that was never taken in. */
  private refuse(append: { request: number; event: LogEvent }, refusal: Refusal): void {
    this.ports.answer({ kind: 'err', request: append.request, ...refusal });
    this.ports.tellConversation(append.event.conv, { kind: 'settled', ids: [append.event.id] });
  }

  private claim(): void {
    this.ports.store.own((result) => this.context.tellSelf({ kind: 'owned', result }));
  }

  private onOwned(result: Extract<WriterMessage, { kind: 'owned' }>['result']): void {
    if (this.phase.name !== 'claiming') return;
    if (result.kind === 'failed') {
      this.pauseThen();
      return;
    }
    // Somebody else has owned the shard since: whose batch the number counts is not known, and it is not ours to take back.
    if (result.kind === 'fenced') return this.stop('fenced', 'another server owns this shard now');
    const { question } = this.phase;
    this.epoch = result.epoch;
    this.failures = 0;
    this.readers.open();
    if (question === undefined) {
      this.batch = result.batch;
      this.enter({ name: 'idle' });
      return;
    }
    // The epoch is ours alone now, so no late commit can follow: the number decides (L3).
    if (result.batch === question.batch) {
      this.enter({ name: 'idle' });
      this.onCommitted(question);
    } else if (result.batch === question.batch - 1) {
      this.parts.unshift(question.entries);
      this.enter({ name: 'idle' });
    } else {
      this.stop(
        'fenced',
        `batch ${result.batch} was found where ${question.batch} was expected: another owner wrote`,
      );
    }
  }

  private write(): void {
    const entries = this.parts.shift() ?? this.ledger.take();
    if (entries.length === 0 && this.probes.length === 0) return;
    const events = entries.map((entry) => entry.event);
    this.lastAt = Math.max(this.lastAt, this.ports.clock.now());
    numberEvents(entries, this.lastAt);
    const attempt = { batch: this.batch + 1, entries, startedAt: this.ports.clock.now() };
    this.enter({ name: 'writing', attempt });
    this.ports.store.write({ epoch: this.epoch, batch: attempt.batch, events }, (outcome) =>
      this.context.tellSelf({ kind: 'wrote', outcome }),
    );
  }

  private onWrote(outcome: WriteOutcome): void {
    if (this.phase.name !== 'writing') return;
    const { attempt } = this.phase;
    switch (outcome.kind) {
      case 'committed':
        this.failures = 0;
        this.enter({ name: 'idle' });
        return this.onCommitted(attempt);
      case 'duplicate':
        this.enter({ name: 'resolving', attempt });
        this.ports.store.lookup(
          attempt.entries.map((entry) => entry.event.id),
          (result) => this.context.tellSelf({ kind: 'duplicates found', result }),
        );
        return;
      case 'bad':
        return this.onBad(attempt, outcome.message);
      case 'retry':
        this.parts.unshift(attempt.entries);
        this.enter({ name: 'pausing' });
        return this.pauseThen();
      case 'unknown':
        this.enter({ name: 'claiming', question: attempt });
        return this.claim();
      case 'fenced':
        return this.stop('fenced', 'another server owns this shard now');
      case 'broken':
        return this.stop('broken', outcome.message);
    }
  }

  private onCommitted({ batch, entries, startedAt }: Attempt): void {
    this.batch = batch;
    this.ports.onBatch?.(entries.length, this.ports.clock.now() - startedAt);
    const moved: Account[] = [];
    const batchAcks = new BatchAcks();
    for (const { event, requests, account } of entries) {
      for (const request of requests) batchAcks.add(request, event.seq);
      if (account.committed.length === 0) moved.push(account);
      account.committed.push(event);
    }
    for (const { front, acks } of batchAcks.messages(entries[0]?.event.at ?? 0))
      this.ports.acknowledge(front, acks);
    for (const account of moved) this.publish(account, batch);
    this.ports.onCommitted?.(
      batch,
      entries.map((entry) => entry.event),
    );
    for (const probe of this.probes.splice(0)) probe(batch);
    this.settle(entries);
  }

  /** Moves the conversation's head and tells it. */
  private publish(account: Account, batch: number): void {
    const { conv, committed: events } = account;
    account.committed = [];
    const last = events.at(-1);
    if (last !== undefined) account.head = { seq: last.seq, number: last.number };
    this.flusher.onCommitted(conv, events, batch);
    this.ports.tellConversation(conv, { kind: 'committed', events });
  }

  private onDuplicatesFound(result: Extract<WriterMessage, { kind: 'duplicates found' }>['result']): void {
    if (this.phase.name !== 'resolving') return;
    const { entries } = this.phase.attempt;
    if (result.kind === 'failed') {
      this.parts.unshift(entries);
      this.enter({ name: 'pausing' });
      this.pauseThen();
      return;
    }
    const stored = new Map(result.operations.map((operation) => [operation.id, operation]));
    const left = entries.filter((entry) => !stored.has(entry.event.id));
    const found = entries.filter((entry) => stored.has(entry.event.id));
    for (const entry of found) this.answerDuplicate(entry, stored.get(entry.event.id));
    if (left.length > 0) this.parts.unshift(left);
    this.enter({ name: 'idle' });
    this.settleWithoutEvent(found);
  }

  private answerDuplicate(entry: Entry, stored: StoredOperation | undefined): void {
    const { event } = entry;
    const isSame = stored !== undefined && stored.conv === event.conv && stored.from === event.from;
    for (const request of entry.requests) {
      if (isSame) {
        const { id, seq, at, conv } = stored;
        this.ports.answer({ kind: 'ack', request, id, seq, at, conv });
      } else {
        this.ports.answer({
          kind: 'err',
          request,
          code: 'conflict',
          message: 'This id belongs to another operation.',
          stored: false,
        });
      }
    }
  }

  /** Bisects down to the one row that the database will not take, left half first (L9). */
  private onBad(attempt: Attempt, message: string): void {
    const { entries } = attempt;
    this.enter({ name: 'idle' });
    if (entries.length > 1) {
      const middle = Math.ceil(entries.length / 2);
      this.parts.unshift(entries.slice(0, middle), entries.slice(middle));
      return;
    }
    for (const entry of entries) {
      for (const request of entry.requests) {
        this.ports.answer({
          kind: 'err',
          request,
          code: 'invalid',
          message: `The database refuses this operation: ${message}`,
          stored: false,
        });
      }
    }
    this.settleWithoutEvent(entries);
  }

  private settleWithoutEvent(entries: readonly Entry[]): void {
    const byConversation = new Map<string, string[]>();
    for (const { event } of entries) {
      const ids = byConversation.get(event.conv);
      if (ids === undefined) byConversation.set(event.conv, [event.id]);
      else ids.push(event.id);
    }
    for (const [conv, ids] of byConversation) this.ports.tellConversation(conv, { kind: 'settled', ids });
    this.settle(entries);
  }

  private settle(entries: readonly Entry[]): void {
    for (const entry of entries) {
      if (this.ledger.settle(entry)) this.readers.onFree(entry.event.conv);
    }
    this.checkDrained();
  }

  private pauseThen(): void {
    const ms = Math.min(pauseMsMax, pauseMsMin * 2 ** this.failures);
    this.failures = Math.min(this.failures + 1, 10);
    for (const probe of this.probes.splice(0)) probe(undefined);
    this.ports.timers.after(ms, () => this.context.tellSelf({ kind: 'pause over' }));
  }

  private stop(reason: 'fenced' | 'broken', message: string): void {
    this.enter({ name: 'stopped' });
    this.ports.fatal(reason, message);
  }

  private checkDrained(skipFlush = false): void {
    if (this.drained.length === 0 || this.ledger.owed > 0) return;
    if (!this.flusher.isIdle && !skipFlush) {
      this.flusher.flush(() => {});
      return;
    }
    for (const done of this.drained.splice(0)) done();
  }
}
