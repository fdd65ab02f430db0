/**
 * The log of one shard in Postgres. Batches and claims go through a connection of their own (`pg`, because its
 * COPY survives errors), everything else through a small pool (`postgres`).
 *
 * Nothing here retries a batch: every call is answered once, and what an answer means is the writer's business.
 */
import { randomUUID } from 'node:crypto';
import { type Client, escapeLiteral } from 'pg';
import type { Sql } from 'postgres';
import { timeOfId } from '../../ids.js';
import type { LogEvent } from '../../wire/events.js';
import { wireLimits } from '../../wire/limits.js';
import { effectsOf } from '../effects.js';
import { mentionEffectsOf } from '../mention-effects.js';
import type {
  ConversationSnapshot,
  Found,
  LogStore,
  LogTail,
  Ownership,
  StoredOperation,
  Target,
  TargetQuestion,
  WriteOutcome,
} from '../ports.js';
import { BinaryCopy } from './binary-copy.js';
import { checkUsers, setBlock } from './blocks.js';
import { type ComposedBatch, CopyBatch } from './copy-batch.js';
import { Gatherer, within } from './gatherer.js';
import {
  loadConversations,
  loadTails,
  lookupOperations,
  readChanged,
  readEvents,
  readHorizon,
  readParents,
  readTargets,
  readWithoutReceipts,
} from './log-reads.js';
import { logColumns, writeRow } from './log-rows.js';
import { takeShard } from './ownership.js';
import { flushProgress } from './progress.js';
import { readyAttachments } from './ready-attachments.js';
import { messageOf, openSql } from './sql.js';
import { WriterConnection } from './writer-connection.js';

export interface PostgresLogStoreOptions {
  /** `postgres://user:password@host:port/database` */
  readonly url: string;
  /** 0 … 8191 */
  readonly shard: number;
  /**
   * Names under which this process has had the shard, and last the one of this store: it is taken from nobody else.
   * Without them the store has a name of its own, and takes the shard from whoever has it.
   */
  readonly owners?: readonly string[];
  /** Connections for reads and flushes, beside the one that writes. */
  readonly readConnections?: number;
}

/** Reads are answered by then, with a failure if need be. */
const readMs = 25_000;
/** Keys of one gathered query; a load brings up to recentEventsMax events each. */
const loadsMax = 64;
const lookupsMax = 2_000;
/** Reads go by indexes: fresh leaves have no statistics that would say so. */
const plannerSettings = { enable_seqscan: 'off', enable_bitmapscan: 'off', enable_sort: 'off', jit: 'off' };

export class PostgresLogStore implements LogStore {
  private readonly shard: number;
  private readonly writer: WriterConnection;
  private readonly sql: Sql;
  private readonly owner: string;
  private readonly predecessors: readonly string[];
  private mayTakeFromAnybody: boolean;
  private readonly copy = new BinaryCopy();
  private readonly loads: Gatherer<string, ConversationSnapshot>;
  private readonly tails: Gatherer<string, LogTail>;
  private readonly lookups: Gatherer<string, StoredOperation | 'absent'>;
  private readonly questions: Gatherer<TargetQuestion, Target | 'absent'>;
  private readonly receipts: Gatherer<readonly string[], string[]>;

  constructor({ url, shard, owners, readConnections = 3 }: PostgresLogStoreOptions) {
    this.shard = shard;
    this.owner = owners?.at(-1) ?? randomUUID();
    this.predecessors = owners?.slice(0, -1) ?? [];
    this.mayTakeFromAnybody = owners === undefined;
    this.writer = new WriterConnection({ url, name: `nubo writer ${shard}` });
    this.sql = openSql(url, { max: readConnections, name: `nubo shard ${shard}`, settings: plannerSettings });
    this.loads = new Gatherer({
      ask: (conversations) => loadConversations(this.sql, conversations),
      ...{ keysMax: loadsMax, queriesMax: 2, answerMs: readMs },
    });
    this.tails = new Gatherer({
      ask: (conversations) => loadTails(this.sql, conversations),
      ...{ keysMax: loadsMax, queriesMax: 2, answerMs: readMs },
    });
    this.lookups = new Gatherer({
      ask: async (ids) => {
        const found = await lookupOperations(this.sql, ids);
        return ids.map((id) => found.get(id) ?? 'absent');
      },
      ...{ keysMax: lookupsMax, queriesMax: 2, answerMs: readMs },
    });
    this.questions = new Gatherer({
      ask: async (questions) =>
        (await readTargets(this.sql, questions)).map((target) => target ?? ('absent' as const)),
      ...{ keysMax: lookupsMax, queriesMax: 2, answerMs: readMs },
    });
    this.receipts = new Gatherer({
      ask: (groups) => readWithoutReceipts(this.sql, groups),
      ...{ keysMax: loadsMax, queriesMax: 1, answerMs: readMs },
    });
  }

  withoutReceipts(users: readonly string[], done: Parameters<LogStore['withoutReceipts']>[1]): void {
    this.receipts.add({
      key: users,
      done: (found, message) =>
        done(found === undefined ? { kind: 'failed', message } : { kind: 'asked', users: found }),
    });
  }

  own(done: Parameters<LogStore['own']>[0]): void {
    within(readMs, this.takeOver(), (result, message) => {
      if (result === 'fenced') return done({ kind: 'fenced' });
      if (result !== undefined) return done({ kind: 'owned', ...result });
      // Whatever state the connection is in, the next attempt begins with a new one.
      this.writer.drop();
      done({ kind: 'failed', message });
    });
  }

  /** What the last owner did not flush is flushed before anything of ours is: a flush says how far all is done. */
  private async takeOver(): Promise<Ownership | 'fenced'> {
    const client = await this.writer.acquire();
    const ownership = await takeShard(client, this.shard, {
      owner: this.owner,
      fromAnybody: this.mayTakeFromAnybody,
      predecessors: this.predecessors,
    });
    if (ownership === 'fenced') return ownership;
    this.mayTakeFromAnybody = false;
    await client.query('select nubo_repair_progress($1)', [this.shard]);
    return ownership;
  }

  write(batch: Parameters<LogStore['write']>[0], done: (outcome: WriteOutcome) => void): void {
    const client = this.writer.ready;
    if (client !== undefined) return this.send(client, batch, done);
    this.writer.acquire().then(
      (connected) => setImmediate(() => this.send(connected, batch, done)),
      (error: unknown) => setImmediate(done, { kind: 'retry', message: messageOf(error) }),
    );
  }

  lookup(ids: readonly string[], done: Parameters<LogStore['lookup']>[1]): void {
    let left = ids.length;
    let failed: string | undefined;
    const operations: StoredOperation[] = [];
    const absent: string[] = [];
    const end = () => {
      if (failed !== undefined) return done({ kind: 'failed', message: failed });
      const found: Found = { kind: 'found', operations };
      if (!absent.some(isOld)) return done(found);
      // Asked after the ids: what left the log before they were looked up is behind the horizon by now.
      within(
        readMs,
        readHorizon(this.sql).then((horizon) => ({ horizon })),
        (read, message) => {
          if (read === undefined) return done({ kind: 'failed', message });
          done(read.horizon === undefined ? found : { ...found, horizon: read.horizon });
        },
      );
    };
    if (left === 0) setImmediate(end);
    for (const id of ids) {
      this.lookups.add({
        key: id,
        done: (operation, failure) => {
          if (operation === undefined) failed = failure;
          else if (operation === 'absent') absent.push(id);
          else operations.push(operation);
          left -= 1;
          if (left === 0) end();
        },
      });
    }
  }

  load(conv: string, done: Parameters<LogStore['load']>[1]): void {
    this.loads.add({
      key: conv,
      done: (snapshot, message) =>
        done(snapshot === undefined ? { kind: 'failed', message } : { kind: 'loaded', snapshot }),
    });
  }

  loadTail(conv: string, done: Parameters<LogStore['loadTail']>[1]): void {
    this.tails.add({
      key: conv,
      done: (tail, message) =>
        done(tail === undefined ? { kind: 'failed', message } : { kind: 'tail', tail }),
    });
  }

  read(range: Parameters<LogStore['read']>[0], done: Parameters<LogStore['read']>[1]): void {
    within(readMs, readEvents(this.sql, range), (events, message) =>
      done(events === undefined ? { kind: 'failed', message } : { kind: 'events', events }),
    );
  }

  targets(questions: Parameters<LogStore['targets']>[0], done: Parameters<LogStore['targets']>[1]): void {
    let left = questions.length;
    let failed: string | undefined;
    const targets: Array<Target | undefined> = questions.map(() => undefined);
    const end = () =>
      done(failed === undefined ? { kind: 'targets', targets } : { kind: 'failed', message: failed });
    if (left === 0) setImmediate(end);
    for (const [place, question] of questions.entries()) {
      this.questions.add({
        key: question,
        done: (target, failure) => {
          if (target === undefined) failed = failure;
          else if (target !== 'absent') targets[place] = target;
          left -= 1;
          if (left === 0) end();
        },
      });
    }
  }

  changed(range: Parameters<LogStore['changed']>[0], done: Parameters<LogStore['changed']>[1]): void {
    within(readMs, readChanged(this.sql, range), (messages, message) =>
      done(messages === undefined ? { kind: 'failed', message } : { kind: 'changed', messages }),
    );
  }

  parents(
    { conv, messages }: Parameters<LogStore['parents']>[0],
    done: Parameters<LogStore['parents']>[1],
  ): void {
    within(readMs, readParents(this.sql, conv, messages), (parents, message) =>
      done(parents === undefined ? { kind: 'failed', message } : { kind: 'parents', parents }),
    );
  }

  attachments(
    asked: Parameters<LogStore['attachments']>[0],
    done: Parameters<LogStore['attachments']>[1],
  ): void {
    const read = readyAttachments(this.sql, asked).then((attachments) => ({ attachments }));
    within(readMs, read, (result, message) =>
      done(result === undefined ? { kind: 'failed', message } : { kind: 'attachments', ...result }),
    );
  }

  flush(progress: Parameters<LogStore['flush']>[0], done: Parameters<LogStore['flush']>[1]): void {
    const flushed = flushProgress(this.sql, this.shard, progress).then(() => true);
    within(readMs, flushed, (result, message) =>
      done(result === undefined ? { kind: 'failed', message } : { kind: 'flushed' }),
    );
  }

  unknownUsers(
    users: readonly string[],
    asker: string | undefined,
    done: Parameters<LogStore['unknownUsers']>[2],
  ): void {
    within(readMs, checkUsers(this.sql, [...users], asker), (checked, message) =>
      done(checked === undefined ? { kind: 'failed', message } : { kind: 'checked', ...checked }),
    );
  }

  setBlock(change: Parameters<LogStore['setBlock']>[0], done: Parameters<LogStore['setBlock']>[1]): void {
    within(readMs, setBlock(this.sql, change), (kind, message) =>
      done(kind === undefined ? { kind: 'failed', message } : { kind }),
    );
  }

  /** Ends the connections, in an orderly way where they are idle. */
  async close(): Promise<void> {
    await Promise.all([this.writer.close(), this.sql.end({ timeout: 5 })]);
  }

  private send(
    client: Client,
    batch: Parameters<LogStore['write']>[0],
    done: (outcome: WriteOutcome) => void,
  ): void {
    let composed: ComposedBatch;
    try {
      composed = this.compose(batch);
    } catch (error) {
      setImmediate(done, { kind: 'bad', message: messageOf(error) });
      return;
    }
    client.query(new CopyBatch(composed, done, () => this.writer.drop()));
  }

  /** @throws RangeError when a value is none that the database can hold */
  private compose({ epoch, batch, events }: Parameters<LogStore['write']>[0]): ComposedBatch {
    const { copy, shard } = this;
    const effects = effectsOf(events);
    const commands = [`select nubo_claim(${shard},${epoch},${batch})`];
    if (events.length > 0) commands.push(`copy conversation_log(${logColumns}) from stdin (format binary)`);
    if (effects !== undefined)
      commands.push(`select nubo_apply(${escapeLiteral(JSON.stringify(effects))}::jsonb)`);
    const mentions = mentionEffectsOf(events);
    if (mentions !== undefined)
      commands.push(`select nubo_apply_mentions(${escapeLiteral(JSON.stringify(mentions))}::jsonb)`);
    copy.begin(commands.join(';'));
    if (events.length > 0) {
      copy.beginRows();
      for (const event of sortedById(events)) writeRow(copy, event, { shard, batch });
      copy.endRows();
    }
    return { ...copy.take(), commands: commands.length };
  }
}

/** No month leaves the log while ids of it are taken (L4): only what is older need be asked for. */
function isOld(id: string): boolean {
  return timeOfId(id) < Date.now() - wireLimits.idPastMs;
}

/** One order for every writer, so that the same ids sent to two shards cannot deadlock (L11). */
function sortedById(events: readonly LogEvent[]): readonly LogEvent[] {
  for (let index = 1; index < events.length; index += 1) {
    if ((events[index - 1]?.id ?? '') > (events[index]?.id ?? '')) {
      return [...events].sort((one, other) => (one.id < other.id ? -1 : 1));
    }
  }
  return events;
}
