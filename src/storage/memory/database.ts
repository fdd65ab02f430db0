/**
 * A database in memory that keeps the promises of the real one: a transaction happens wholly or not at all, ids are
 * unique everywhere, a seq is unique in its conversation, and the fence holds. Every method is synchronous, so a
 * simulation can put any delay, failure or death around it.
 */

import { previewAfter } from '../../previews.js';
import type { LogEvent, Parent } from '../../wire/events.js';
import { isStorableText } from '../../wire/operations.js';
import { standingOf } from '../facts.js';
import {
  type ChangedMessage,
  type ConversationInfo,
  type ConversationSnapshot,
  type LogStore,
  type Member,
  type Ownership,
  type Progress,
  recentEventsMax,
  type StoredOperation,
  type Target,
  type TargetQuestion,
  type WriteOutcome,
} from '../ports.js';
import { BlockTable } from './block-table.js';
import { Tables } from './tables.js';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export class MemoryDatabase {
  /** Who exists; a simulation and tests add to it. */
  readonly users = new Set<string>();
  readonly blocks = new BlockTable(this.users);
  private readonly tables = new Tables();

  /** `owner`: who takes the shard, from anybody or only when it is theirs still. */
  own(shard: number, owner: object, fromAnybody: boolean): Ownership | 'fenced' {
    const writer = this.tables.writer(shard);
    if (!fromAnybody && writer.owner !== owner) return 'fenced';
    writer.owner = owner;
    writer.epoch += 1;
    return { epoch: writer.epoch, batch: writer.batch };
  }

  /** What the writer's row says, without raising the epoch. */
  ownership(shard: number): Ownership {
    const { epoch, batch } = this.tables.writer(shard);
    return { epoch, batch };
  }

  /** One transaction. The events are copied: their owner may number them again. */
  write(
    shard: number,
    { epoch, batch, events }: { epoch: number; batch: number; events: readonly LogEvent[] },
  ): WriteOutcome {
    const writer = this.tables.writer(shard);
    if (writer.epoch !== epoch) return { kind: 'fenced' };
    if (writer.batch !== batch - 1) {
      return {
        kind: 'broken',
        message: `shard ${shard} is at batch ${writer.batch}: ${batch} cannot follow`,
      };
    }
    const refusal = events.map(faultOf).find((fault) => fault !== undefined);
    if (refusal !== undefined) return { kind: 'bad', message: refusal };
    const sorted = [...events].sort((one, other) => (one.id < other.id ? -1 : 1));
    const conflict = this.conflictOf(sorted);
    if (conflict !== undefined) return conflict;
    for (const event of sorted) this.tables.insert({ ...event }, { shard, batch });
    writer.batch = batch;
    this.tables.apply(events);
    return { kind: 'committed' };
  }

  lookup(ids: readonly string[]): StoredOperation[] {
    return ids.flatMap((id) => {
      const event = this.tables.byId.get(id)?.event;
      return event === undefined
        ? []
        : [{ id, conv: event.conv, from: event.from, seq: event.seq, at: event.at }];
    });
  }

  load(conv: string): ConversationSnapshot {
    const log = this.tables.log(conv);
    const last = log.at(-1);
    return {
      ...this.blocks.blockersOf(conv),
      info: this.tables.factsOf(conv).info,
      head: { seq: last?.seq ?? 0, number: last?.number ?? 0 },
      members: this.members(conv),
      standing: standingOf(this.tables.factsOf(conv)),
      recent: log.slice(-recentEventsMax),
    };
  }

  read(range: { conv: string; after: number; before: number; limit: number; last: boolean }): LogEvent[] {
    const within = this.tables.log(range.conv).filter(({ seq }) => seq > range.after && seq < range.before);
    if (!range.last) return within.slice(0, range.limit);
    return within.slice(Math.max(0, within.length - range.limit));
  }

  flush(shard: number, { batch, heads, marks }: Progress): void {
    for (const head of heads) this.tables.raiseHead(head);
    for (const mark of marks) this.tables.moveMark(mark);
    const writer = this.tables.writer(shard);
    writer.flushed = Math.max(writer.flushed, batch);
  }

  /** Heads and senders' marks again from the batches that were not flushed; how many. */
  repairProgress(): number {
    let batches = 0;
    for (const [shard, writer] of this.tables.writers) {
      for (const { event, place } of this.tables.byId.values()) {
        if (place.shard !== shard || place.batch <= writer.flushed) continue;
        const { conv, seq, number, at } = event;
        this.tables.raiseHead({ conv, seq, number, at, ...previewAfter({ preview: '' }, [event]) });
        if (event.ev === 'message.new')
          this.tables.moveMark({ conv: event.conv, user: event.from, mark: event.number });
      }
      batches += writer.batch - writer.flushed;
      writer.flushed = writer.batch;
    }
    return batches;
  }

  unknownUsers(users: readonly string[]): string[] {
    return users.filter((user) => !this.users.has(user));
  }

  /** Present members, in the order in which they came. */
  members(conv: string): Member[] {
    const stored = this.tables.members.get(conv);
    const joinedSeq = (user: string) => stored?.get(user)?.joinedSeq ?? 0;
    const all = [...this.tables.factsOf(conv).members.values()];
    all.sort((one, other) => joinedSeq(one.user) - joinedSeq(other.user) || (one.user < other.user ? -1 : 1));
    return all.map((member) => ({ ...member, mark: stored?.get(member.user)?.mark ?? 0 }));
  }

  targets(questions: readonly TargetQuestion[]): Array<Target | undefined> {
    return questions.map((question) => this.tables.messages.target(question));
  }

  changed(range: Parameters<LogStore['changed']>[0]): ChangedMessage[] {
    return this.tables.messages.changed(range);
  }

  parents(conv: string, messages: readonly string[]): Parent[] {
    return this.tables.messages.parents(conv, messages);
  }

  /** The head as the side table has it: behind the log by what was not flushed. */
  flushedHead(conv: string): Progress['heads'][number] | undefined {
    return this.tables.heads.get(conv);
  }

  /** Every committed event, for a checker. */
  *everything(): Iterable<LogEvent> {
    for (const { event } of this.tables.byId.values()) yield event;
  }

  conversations(): Iterable<ConversationInfo> {
    return this.tables.conversations();
  }

  private conflictOf(sorted: readonly LogEvent[]): WriteOutcome | undefined {
    const seen = new Set<string>();
    for (const event of sorted) {
      if (this.tables.byId.has(event.id) || seen.has(event.id)) return { kind: 'duplicate' };
      const place = `${event.conv}/${event.seq}`;
      if (this.tables.hasSeq(event.conv, event.seq) || seen.has(place)) {
        return { kind: 'broken', message: `seq ${event.seq} of ${event.conv} was written twice` };
      }
      seen.add(event.id).add(place);
    }
    return undefined;
  }
}

/** What Postgres would refuse in a row; undefined when nothing. */
function faultOf(event: LogEvent): string | undefined {
  const target = 'user' in event ? event.user : 'message' in event ? event.message : event.from;
  if (![event.id, event.conv, event.from, target].every((id) => uuid.test(id)))
    return 'not a lower-case UUID';
  if (![event.seq, event.number, event.at].every(Number.isSafeInteger)) return 'not a safe integer';
  if (event.seq < 1 || event.number < 0) return 'seq or number out of range';
  return areStringsStorable(event) ? undefined : 'text with NUL or lone surrogates';
}

function areStringsStorable(value: unknown): boolean {
  if (typeof value === 'string') return isStorableText(value);
  if (typeof value !== 'object' || value === null) return true;
  return Object.entries(value).every(([key, inner]) => isStorableText(key) && areStringsStorable(inner));
}
