/** Events for tests of stores: one script a conversation, which numbers them as a writer would. */
import { uuidv7 } from 'uuidv7';
import type { BlockChange, BlockOutcome, LogStore } from '#src/storage/ports.js';
import type { ConversationType, LogEvent, LogEventName } from '#src/wire/events.js';
import { Answers } from './answers.js';

type Extra = Partial<Pick<LogEvent<'message.new'>, 'id' | 'at' | 'from' | 'type' | 'metadata' | 'replyTo'>>;

export class Script {
  readonly conv: string;
  readonly owner: string;
  seq = 0;
  number = 0;

  constructor({ conv = uuidv7(), owner = uuidv7() }: { conv?: string; owner?: string } = {}) {
    this.conv = conv;
    this.owner = owner;
  }

  create(
    members: string[] = [],
    type: ConversationType = 'group',
    title?: string,
  ): LogEvent<'conversation.create'> {
    return {
      ev: 'conversation.create',
      ...this.base({}),
      type,
      members,
      ...(title === undefined ? {} : { title }),
    };
  }

  message(text: string, extra: Extra = {}): LogEvent<'message.new'> {
    this.number += 1;
    return { ev: 'message.new', ...this.base(extra), text, ...extra };
  }

  join(user: string): LogEvent<'member.join'> {
    return { ev: 'member.join', ...this.base({ from: user }) };
  }

  leave(user: string): LogEvent<'member.leave'> {
    return { ev: 'member.leave', ...this.base({ from: user }) };
  }

  add(user: string): LogEvent<'member.add'> {
    return { ev: 'member.add', ...this.base({}), user };
  }

  remove(user: string): LogEvent<'member.remove'> {
    return { ev: 'member.remove', ...this.base({}), user };
  }

  /** An event of any kind, by anybody. */
  event<Name extends LogEventName>(
    ev: Name,
    from: string,
    body: Omit<LogEvent<Name>, 'ev' | 'conv' | 'seq' | 'number' | 'id' | 'from' | 'at'>,
  ): LogEvent<Name> {
    return { ev, ...this.base({ from }), ...body } as unknown as LogEvent<Name>;
  }

  edit(message: LogEvent<'message.new'>, text: string): LogEvent<'message.edit'> {
    return { ev: 'message.edit', ...this.base({}), message: message.id, messageSeq: message.seq, text };
  }

  delete({ id, seq, number, from, at }: LogEvent<'message.new'>): LogEvent<'message.delete'> {
    const about = { message: id, messageSeq: seq, messageNumber: number, author: from, sentAt: at };
    return { ev: 'message.delete', ...this.base({}), ...about };
  }

  react(message: LogEvent<'message.new'>, emoji: string): LogEvent<'reaction.add'> {
    return { ev: 'reaction.add', ...this.base({}), message: message.id, messageSeq: message.seq, emoji };
  }

  private base({ id = uuidv7(), at = Date.now(), from = this.owner }: Extra) {
    this.seq += 1;
    return { conv: this.conv, seq: this.seq, number: this.number, id, from, at };
  }
}

/** The calls of a store as promises. */
export class Asker extends Answers {
  readonly store: LogStore;
  epoch = 0;
  batch = 0;

  constructor(store: LogStore) {
    super();
    this.store = store;
  }

  async own() {
    const result = await this.ask<Parameters<Parameters<LogStore['own']>[0]>[0]>((done) =>
      this.store.own(done),
    );
    if (result.kind === 'owned') {
      this.epoch = result.epoch;
      this.batch = result.batch;
    }
    return result;
  }

  /** Writes the next batch; counts it when it was committed. */
  async write(events: LogEvent[], { epoch = this.epoch, batch = this.batch + 1 } = {}) {
    const outcome = await this.ask<Parameters<Parameters<LogStore['write']>[1]>[0]>((done) =>
      this.store.write({ epoch, batch, events }, done),
    );
    if (outcome.kind === 'committed') this.batch = batch;
    return outcome;
  }

  lookup(ids: string[]) {
    return this.ask<Parameters<Parameters<LogStore['lookup']>[1]>[0]>((done) => this.store.lookup(ids, done));
  }

  load(conv: string) {
    return this.ask<Parameters<Parameters<LogStore['load']>[1]>[0]>((done) => this.store.load(conv, done));
  }

  loadTail(conv: string) {
    return this.ask<Parameters<Parameters<LogStore['loadTail']>[1]>[0]>((done) =>
      this.store.loadTail(conv, done),
    );
  }

  read(range: Parameters<LogStore['read']>[0]) {
    return this.ask<Parameters<Parameters<LogStore['read']>[1]>[0]>((done) => this.store.read(range, done));
  }

  flush(progress: Parameters<LogStore['flush']>[0]) {
    return this.ask<Parameters<Parameters<LogStore['flush']>[1]>[0]>((done) =>
      this.store.flush(progress, done),
    );
  }

  unknownUsers(users: string[], asker?: string) {
    return this.ask<Parameters<Parameters<LogStore['unknownUsers']>[2]>[0]>((done) =>
      this.store.unknownUsers(users, asker, done),
    );
  }

  setBlock(change: BlockChange) {
    return this.ask<BlockOutcome>((done) => this.store.setBlock(change, done));
  }
}
