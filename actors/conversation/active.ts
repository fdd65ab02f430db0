/** A conversation that has its state: the rules at work. See conversation.ts for its life. */
import { timeOfId } from '#src/ids.js';
import { standingOf } from '#src/storage/facts.js';
import type { StoredOperation, TargetQuestion } from '#src/storage/ports.js';
import {
  type AckResult,
  type DurableRequest,
  frontOf,
  isDurable,
  type Refusal,
} from '#src/threads/messages.js';
import type { LogEvent } from '#src/wire/events.js';
import type { Append, ConversationMessage } from '../messages.js';
import type { Answer } from './answered.js';
import { Blocks } from './blocks.js';
import { checkIdWindow } from './id-window.js';
import { Pace } from './pace.js';
import { Pending } from './pending.js';
import type { ConversationContext, ConversationPorts } from './ports.js';
import { type Finding, type Held, Questions } from './questions.js';
import { type Asking, Reader } from './reader.js';
import { crowded, expired, idInUse, idTaken, noSuchUser, slowMode, tooFast, unreadable } from './refusals.js';
import { decide } from './rules.js';
import { applyEvent, type ConversationState, newcomersOf, noteWriter, withoutDeleted } from './state.js';

/** Requests that wait for a pending operation to settle. */
const waitingItemsMax = 1024;

export class Active {
  private readonly context: ConversationContext;
  private readonly ports: ConversationPorts;
  private readonly state: ConversationState;
  private readonly pending = new Pending();
  private readonly reader: Reader;
  private readonly questions = new Questions();
  private readonly pace: Pace;
  private readonly blocks: Blocks;
  /** Operations and subscriptions that wait for a pending operation, in order. */
  private waiting: Array<Held | Asking> = [];
  /** Those that waited and are decided again just now. */
  private redoing: typeof this.waiting = [];
  private appends: Append[] = [];
  /** No id above it was ever asked of this instance. */
  private highestAsked = '';

  constructor(context: ConversationContext, ports: ConversationPorts, state: ConversationState) {
    this.context = context;
    this.ports = ports;
    this.state = state;
    this.pace = new Pace(ports);
    this.reader = new Reader(context, ports, state, this.pending);
    this.blocks = new Blocks(context, ports, state, this.pending);
  }

  /** Nothing was ever stored under this id, as far as anybody knows. */
  get isNothing(): boolean {
    return this.state.info === undefined;
  }

  get isIdle(): boolean {
    return this.pending.size + this.questions.size + this.waiting.length === 0 && this.blocks.isIdle;
  }

  /** Gives what the next instance may begin from to whoever keeps it. */
  handOver(): void {
    const { info, head, window, members } = this.state;
    const last = window.last;
    // Where the end of its log has left the log, nobody could tell later that the moment was of this log.
    if (info === undefined || last?.seq !== head.seq) return;
    this.ports.handOver?.({ info, last, members: members.values(), standing: standingOf(this.state) });
  }

  receive(message: ConversationMessage): void {
    if (isDurable(message)) return this.onDurable(message);
    switch (message.kind) {
      case 'subscribe':
      case 'history':
      case 'read':
      case 'delivered':
      case 'unread':
      case 'quiet':
        if (this.reader.receive(message) === 'wait') this.wait(message);
        return;
      case 'typing':
        return this.reader.onTyping(message);
      case 'block':
      case 'block kept':
        return this.blocks.receive(message);
      case 'receipts':
        return this.reader.receipts.receive(message);
      case 'typing due':
        return this.reader.typing.onDue();
      case 'register':
        return this.reader.onRegister(message.front, message.have);
      case 'backlog read':
        return this.reader.onBacklogRead(message);
      case 'committed':
        return this.onCommitted(message.events);
      case 'settled':
        return this.onSettled(message.ids);
      case 'looked up':
        for (const finding of this.questions.onLookedUp(message.ids, message.found, message.failed))
          this.onFinding(finding, message.horizon ?? 0);
        return;
      case 'users checked':
        return this.onUsersChecked(message);
      case 'target found':
      case 'attachments found':
        return this.onFound(message);
      // For an instance that was loading: nothing to do here.
      case 'loaded':
      case 'load failed':
      case 'try load again':
        return;
      default:
        return message satisfies never;
    }
  }

  endTurn(): void {
    const ids = this.questions.takeLookups();
    if (ids.length > 0) this.ports.tellWriter({ kind: 'lookup', conv: this.context.id, ids });
    if (this.appends.length > 0) {
      this.ports.tellWriter({ kind: 'append', entries: this.appends });
      this.appends = [];
    }
  }

  /**
   * It is dropped. Returns the requests that only this instance knows of; those handed to the writer are answered by
   * the writer, and what is being read is answered when it was.
   */
  end(): number[] {
    this.reader.end();
    const requests = [...this.appends.map((append) => append.request), ...this.blocks.requests()];
    for (const held of [...this.questions.all(), ...this.waiting, ...this.redoing]) {
      if ('retries' in held) requests.push(held.request.request, ...held.retries);
      else requests.push(held.request);
    }
    return requests;
  }

  /** After a restart: what was committed while nobody could publish it (P6). */
  publishWhatWasMissed(): void {
    const told = this.ports.publisher.lastSeq(this.context.id);
    if (told === undefined || told >= this.state.head.seq) return;
    const events = this.state.window.between(told, this.state.head.seq + 1);
    if (events === undefined) this.ports.publisher.missed(this.context.id, this.state.head.seq);
    else this.ports.publisher.publish(this.context.id, events);
  }

  private onDurable(request: DurableRequest): void {
    const { id, user } = request;
    const answered = this.ports.answered.find(user, request.conv, id);
    if (answered !== undefined) return this.answer([request.request], answered);
    // So it is with nearly all: an id above every other is in none of the places where it could be found.
    const isNew = id > this.highestAsked && this.state.window.isAboveAll(id);
    if (id > this.highestAsked) this.highestAsked = id;
    if (isNew) this.consider({ request, retries: [], known: {} });
    else this.search(request);
  }

  /** Looks for the operation where one of its id may be: done, under way, or held back. */
  private search(request: DurableRequest): void {
    const { id } = request;
    const known = this.state.window.remembered(id);
    if (known !== undefined)
      return this.answerDuplicate([request.request], request, { ...known, conv: request.conv });
    const pending = this.pending.find(id);
    if (pending !== undefined) return this.joinPending(request, pending);
    const held = this.questions.find(id) ?? this.findWaiting(id);
    if (held !== undefined) return this.joinHeld(request, held);
    this.consider({ request, retries: [], known: {} });
  }

  /** Nothing is known of this id. What lies where nothing can be known is looked up in the log. */
  private consider(fresh: Held): void {
    const { id } = fresh.request;
    const isOutside = checkIdWindow(id, this.ports.clock.now()) !== undefined;
    if (isOutside || this.state.window.mayBeForgotten(id))
      this.ask(fresh, () => this.questions.askForId(fresh));
    else this.admit(fresh);
  }

  /** A retry of what is pending goes the same way: the writer joins it to the first, one result for both (P2). */
  private joinPending(request: DurableRequest, event: LogEvent): void {
    if (event.from === request.user) this.append(request.request, event);
    else this.answer([request.request], { kind: 'err', refusal: idInUse });
  }

  private joinHeld(request: DurableRequest, held: Held): void {
    if (held.request.user === request.user) held.retries.push(request.request);
    else this.answer([request.request], { kind: 'err', refusal: idInUse });
  }

  private ask(held: Held, question: () => void): void {
    if (this.questions.isFull) this.answerHeld(held, { kind: 'err', refusal: crowded });
    else question();
  }

  /** The rules, once it is known that the id is new. */
  private admit(held: Held): void {
    const { request } = held;
    const { state, pending } = this;
    const decision = decide({ state, pending, request, known: held.known, now: this.ports.clock.now() });
    switch (decision.kind) {
      case 'append':
        return this.admitEvent(held, decision.event);
      case 'unchanged': {
        const { seq } = this.state.head;
        const result: AckResult = { id: request.id, seq, at: this.ports.clock.now(), conv: request.conv };
        return this.settleAnswer(held, { kind: 'ack', result });
      }
      case 'wait':
        return this.wait(held);
      case 'check users':
        return this.ask(held, () => this.checkUsers(held, decision.users));
      case 'ask target':
        return this.ask(held, () => this.askTarget(held, decision.question));
      case 'ask attachments':
        return this.ask(held, () => this.askAttachments(held, decision.ids));
      case 'refuse':
        return this.refuse(held, decision.refusal);
      case 'too early':
        // It costs a token all the same, or asking again and again would be free.
        this.ports.rates.charge(held.request.user, held.request.rate);
        return this.answerHeld(held, { kind: 'err', refusal: slowMode(decision.retryMs) });
    }
  }

  private askTarget(held: Held, question: TargetQuestion): void {
    this.questions.ask(held);
    const { id } = held.request;
    const askedAt = this.state.head.seq;
    this.ports.store.targets([question], (answer) => {
      const result = answer.kind === 'failed' ? 'failed' : { found: answer.targets[0] };
      this.context.tellSelf({ kind: 'target found', id, askedAt, result });
    });
  }

  private askAttachments(held: Held, ids: readonly string[]): void {
    this.questions.ask(held);
    const { id, user } = held.request;
    this.ports.store.attachments({ user, ids }, (answer) => {
      const result = answer.kind === 'failed' ? 'failed' : { found: answer.attachments };
      this.context.tellSelf({ kind: 'attachments found', id, result });
    });
  }

  private onFound(
    message: Extract<ConversationMessage, { kind: 'target found' | 'attachments found' }>,
  ): void {
    const held = this.questions.close(message.id);
    if (held === undefined) return;
    if (message.result === 'failed') return this.answerHeld(held, { kind: 'err', refusal: unreadable });
    if (message.kind === 'attachments found') held.known.attachments = message.result;
    else held.known.target = { askedAt: message.askedAt, ...message.result };
    this.admit(held);
  }

  private admitEvent(held: Held, event: LogEvent): void {
    const { request } = held;
    const refusal = this.pace.refusalOf(request, this.state);
    if (refusal !== undefined) return this.answerHeld(held, { kind: 'err', refusal });
    this.pending.add(event);
    // Now, and not when it is written, so that two at once do not both pass the slow mode.
    if (event.ev === 'message.new' && this.state.info?.slowMs !== undefined)
      noteWriter(this.state, { ...event, at: this.ports.clock.now() });
    for (const waiter of [request.request, ...held.retries]) this.append(waiter, event);
  }

  private append(request: number, event: LogEvent): void {
    this.appends.push({ request, event, bytes: 'text' in event ? 256 + event.text.length * 2 : 512 });
  }

  private onCommitted(events: readonly LogEvent[]): void {
    const areMessages = events.every(({ ev }) => ev === 'message.new');
    for (const event of events) {
      this.pending.settle(event.id);
      applyEvent(this.state, event);
      this.reader.typing.onEvent(event);
    }
    this.ports.publisher.publish(this.context.id, areMessages ? events : withoutDeleted(events));
    for (const event of areMessages ? [] : events)
      for (const user of newcomersOf(event))
        this.ports.notify(user, { ev: 'conversation.update', conv: event.conv, head: event.seq });
    this.goOn();
  }

  private onSettled(ids: readonly string[]): void {
    for (const id of ids) this.pending.settle(id);
    this.goOn();
  }

  /** Something settled: those that waited for it are decided again, in their order. */
  private goOn(): void {
    this.blocks.onSettled();
    if (this.waiting.length === 0) return;
    this.redoing = this.waiting;
    this.waiting = [];
    // Each is let go once it was handled, so that a crash in between leaves none of them in silence.
    for (let held = this.redoing[0]; held !== undefined; held = this.redoing[0]) {
      if ('retries' in held) this.admit(held);
      else this.receive(held);
      this.redoing.shift();
    }
  }

  private wait(held: (typeof this.waiting)[number]): void {
    if (this.waiting.length < waitingItemsMax) {
      this.waiting.push(held);
      return;
    }
    if ('retries' in held) this.answerHeld(held, { kind: 'err', refusal: crowded });
    else this.answer([held.request], { kind: 'err', refusal: crowded });
  }

  /** @param horizon Unix ms: what is older may have been stored, and nobody knows any more (L16) */
  private onFinding(finding: Finding, horizon: number): void {
    const { held } = finding;
    switch (finding.kind) {
      case 'failed':
        return this.answerHeld(held, { kind: 'err', refusal: unreadable });
      case 'stored':
        return this.answerDuplicate([held.request.request, ...held.retries], held.request, finding.stored);
      case 'new': {
        if (timeOfId(held.request.id) < horizon) {
          this.ports.rates.charge(held.request.user, held.request.rate);
          return this.answerHeld(held, { kind: 'err', refusal: expired });
        }
        const outside = checkIdWindow(held.request.id, this.ports.clock.now());
        return outside === undefined ? this.admit(held) : this.refuse(held, outside);
      }
    }
  }

  private checkUsers(held: Held, users: string[]): void {
    this.questions.ask(held);
    const { id } = held.request;
    this.ports.store.unknownUsers(users, held.request.user, (answer) => {
      const result = answer.kind === 'checked' ? answer : undefined;
      this.context.tellSelf({ kind: 'users checked', id, result });
    });
  }

  private onUsersChecked({ id, result }: Extract<ConversationMessage, { kind: 'users checked' }>): void {
    const held = this.questions.close(id);
    if (held === undefined) return;
    if (result === undefined) return this.answerHeld(held, { kind: 'err', refusal: unreadable });
    if (result.unknown.length > 0) return this.refuse(held, noSuchUser(result.unknown[0]));
    held.known.users = { areBlocked: result.blocked.length > 0 };
    this.admit(held);
  }

  private findWaiting(id: string): Held | undefined {
    for (const held of this.waiting) if ('retries' in held && held.request.id === id) return held;
    return undefined;
  }

  /** Duplicates are always answered, and cost a token so that they cannot be a way around the limits. */
  private answerDuplicate(
    requests: readonly number[],
    request: DurableRequest,
    stored: StoredOperation,
  ): void {
    this.ports.rates.charge(request.user, request.rate);
    if (stored.conv === request.conv && stored.from === request.user) {
      const { id, seq, at, conv } = stored;
      return this.answer(requests, { kind: 'ack', result: { id, seq, at, conv } });
    }
    this.answer(requests, { kind: 'err', refusal: idTaken });
  }

  private refuse(held: Held, refusal: Refusal): void {
    // What is refused costs a token, too; without one nothing is promised, and nothing need be remembered.
    const retryMs = this.ports.rates.take(held.request.user, held.request.rate);
    if (retryMs > 0) this.answerHeld(held, { kind: 'err', refusal: tooFast(retryMs) });
    else this.settleAnswer(held, { kind: 'err', refusal });
  }

  /** Answers for good: a late copy of the operation gets the same (P7). */
  private settleAnswer(held: Held, answer: Answer): void {
    const { user, conv, id } = held.request;
    this.answerHeld(held, this.ports.answered.remember(user, conv, id, answer));
  }

  private answerHeld(held: Held, answer: Answer): void {
    this.answer([held.request.request, ...held.retries], answer);
  }

  private answer(requests: readonly number[], answer: Answer): void {
    for (const request of requests) {
      if (answer.kind === 'ack')
        this.ports.post(frontOf(request), { kind: 'ack', request, ...answer.result });
      else this.ports.post(frontOf(request), { kind: 'err', request, ...answer.refusal });
    }
  }
}
