/** What may be found in a mirror, or come to it, that should not: nothing wrong is served, and each is counted. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { uuidv7 } from 'uuidv7';
import { messages } from '#src/entities/messages.js';
import { openSql } from '#src/storage/postgres/sql.js';
import { redisKeys } from '#src/storage/redis/keys.js';
import type { LogEvent } from '#src/wire/events.js';
import { metricOf, readMetrics } from '#test/support/metrics-text.js';
import { makePeople, type Person } from '#test/support/operator.js';
import { WireSocket } from '#test/support/wire-socket.js';
import type { TieredServer } from './tiered-server.js';

/** More than an actor remembers, so that what is old comes from a mirror. */
const roomMessages = 600;
const pageEvents = 50;
const patienceMs = 15_000;

export interface DrillResult {
  readonly name: string;
  readonly tries: number;
  /** Pages that were not as they were written, or not shown. */
  readonly wrong: number;
  /** What /metrics counted of it. */
  readonly counted: number;
  /** So many are to be counted; absent: one a try. */
  readonly least?: number;
}

export class Drills {
  private readonly tiered: TieredServer;
  private readonly socket: WireSocket;
  private readonly person: Person;
  private readonly conv: string;
  private readonly texts: readonly string[];

  private constructor(
    tiered: TieredServer,
    made: { socket: WireSocket; person: Person; conv: string; texts: string[] },
  ) {
    this.tiered = tiered;
    this.socket = made.socket;
    this.person = made.person;
    this.conv = made.conv;
    this.texts = made.texts;
  }

  /** A room with a past, which both mirrors hold. */
  static async prepare(tiered: TieredServer): Promise<Drills> {
    const { server } = tiered;
    const [person] = (await makePeople(server, ['drills'])) as [Person];
    const socket = await WireSocket.open({ address: server.address, token: person.token });
    const conv = uuidv7();
    await socket.do({ op: 'create', id: conv, type: 'group', members: [] });
    const texts = Array.from({ length: roomMessages }, (_, index) => `message ${index} ☕`);
    for (const text of texts) await socket.do({ op: 'send', id: uuidv7(), conv, text });
    const drills = new Drills(tiered, { socket, person, conv, texts });
    await drills.untilMetric('nubo_mirror_backlog_items', {}, (value) => value === 0);
    return drills;
  }

  close(): void {
    this.socket.close();
  }

  /** Bytes of somebody else in the place of a message. */
  async foreignBytes(tries: number): Promise<DrillResult> {
    return this.inRedis('foreign bytes in a field of the cache', 'foreign', tries, async (redis, key) => {
      const seq = 2 + Math.floor(Math.random() * (pageEvents - 2));
      await redis.hset(
        key,
        `${this.conv}:${seq}`,
        Buffer.from(['not ours', '', '\u0000'.repeat(40)][seq % 3] ?? ''),
      );
    });
  }

  /** A key of nubo's that is no hash. */
  async wrongType(tries: number): Promise<DrillResult> {
    return this.inRedis('a cache that is of the wrong type', 'wrongType', tries, async (redis, key) => {
      await redis.del(key);
      await redis.set(key, 'somebody else');
    });
  }

  /** A value that Postgres holds and Mongo cannot: its times end before those of Postgres. */
  async poison(tries: number): Promise<DrillResult> {
    const labels = { mirror: 'mongo' };
    const before = await this.metric('nubo_mirror_poisoned_total', labels);
    const sql = openSql(this.tiered.server.runtime.postgresUrl, { max: 1 });
    let wrong = 0;
    try {
      for (let index = 0; index < tries; index += 1) {
        await sql`update users set created_at = ${`290000-01-0${1 + (index % 9)}`}::text::timestamptz
          where id = ${this.person.user}`;
        await this.untilMetric('nubo_mirror_poisoned_total', labels, (value) => value >= before + index + 1);
        // What comes after it is mirrored all the same.
        await this.socket.do({ op: 'send', id: uuidv7(), conv: this.conv, text: `after poison ${index}` });
        await this.untilMetric('nubo_mirror_lag_seconds', labels, (value) => value === 0);
        wrong += await this.readWrong();
      }
    } finally {
      await sql`update users set created_at = now() where id = ${this.person.user}`;
      await sql.end();
    }
    const counted = (await this.metric('nubo_mirror_poisoned_total', labels)) - before;
    return { name: 'a document that Mongo cannot hold', tries, wrong, counted };
  }

  /** With both mirrors frozen, what was acked over REST is in the page that is asked for next. */
  async frozenPostThenGet(tries: number): Promise<DrillResult> {
    const { redis, mongo, server } = this.tiered;
    const path = `${server.address}/conversations/${this.conv}/messages`;
    const headers = { authorization: `Bearer ${this.person.token}`, 'content-type': 'application/json' };
    const read = (query: string) =>
      fetch(`${path}?${query}`, { headers }).then(
        (answer) => answer.json() as Promise<{ events?: LogEvent[] }>,
      );
    let wrong = 0;
    redis.freeze();
    mongo.freeze();
    try {
      for (let index = 0; index < tries; index += 1) {
        const body = JSON.stringify({ text: `while both are frozen ${index}` });
        const id = uuidv7();
        const posted = await fetch(path, {
          method: 'POST',
          headers: { ...headers, 'idempotency-key': id },
          body,
        });
        const { seq = 0 } = (await posted.json()) as { seq?: number };
        const { events = [] } = await read(`after=${seq - 10}&limit=${pageEvents}`);
        if (!posted.ok || events.at(-1)?.seq !== seq || events.at(-1)?.id !== id) wrong += 1;
        // And one that no actor remembers.
        const { events: old = [] } = await read(`after=1&limit=${pageEvents}`);
        wrong += this.isAsWritten(old) ? 0 : 1;
      }
      return { name: 'POST then GET with both frozen', tries, wrong, counted: tries };
    } finally {
      redis.thaw();
      mongo.thaw();
    }
  }

  private async inRedis(
    name: string,
    reason: string,
    tries: number,
    harm: (redis: Redis, key: string) => Promise<void>,
  ): Promise<DrillResult> {
    const redis = new Redis(this.tiered.redis.url);
    const labels = { mirror: 'redis', reason };
    const before = await this.metric('nubo_mirror_unreadable_total', labels);
    let wrong = 0;
    try {
      for (let index = 0; index < tries; index += 1) {
        await this.readWrong();
        await harm(redis, redisKeys('nubo:').cache(messages.name));
        wrong += (await this.readWrong()) + (await this.readWrong());
      }
    } finally {
      redis.disconnect();
    }
    const counted = (await this.metric('nubo_mirror_unreadable_total', labels)) - before;
    return { name, tries, wrong, counted };
  }

  /** 1 when the oldest page is not as it was written. */
  private async readWrong(): Promise<number> {
    const answer = await this.socket.ask({ op: 'history', conv: this.conv, after: 1, limit: pageEvents });
    return 'ack' in answer && this.isAsWritten(answer.events ?? []) ? 0 : 1;
  }

  private isAsWritten(events: readonly LogEvent[]): boolean {
    return (
      events.length === pageEvents &&
      events.every(
        (event, index) =>
          event.ev === 'message.new' && event.seq === index + 2 && event.text === this.texts[index],
      )
    );
  }

  private async metric(name: string, labels: Readonly<Record<string, string>>): Promise<number> {
    return metricOf(await readMetrics(this.tiered.server), name, labels) ?? 0;
  }

  private async untilMetric(
    name: string,
    labels: Readonly<Record<string, string>>,
    isReached: (value: number) => boolean,
  ): Promise<void> {
    const until = performance.now() + patienceMs;
    for (;;) {
      const value = await this.metric(name, labels);
      if (isReached(value)) return;
      if (performance.now() > until) throw new Error(`${name} stays at ${value}`);
      await sleep(100);
    }
  }
}
