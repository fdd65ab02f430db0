/**
 * The process that copies: one connection, one batch in flight. The next batch is encoded while the server works on the
 * last one, by the engine's own encoder, so the rate is the server's and the encoding is in the CPU.
 */
import { performance } from 'node:perf_hooks';
import { BinaryCopy } from '#src/storage/postgres/binary-copy.js';
import { logColumns, writeRow } from '#src/storage/postgres/log-rows.js';
import type { LogEvent } from '#src/wire/events.js';
import type { Crowd } from '../contract.js';
import { cpuSecondsOf, cpuSecondsOfTree } from '../targets/processes.js';
import { answerCalls } from './child.js';
import { groupsOf, LogRows } from './log-rows.js';
import { openPostgresSocket, type PostgresSocket } from './postgres-socket.js';
import { sampleTexts } from './sample-texts.js';

export interface CopyJob {
  /** A database with nubo's tables and no rows. */
  readonly url: string;
  readonly postmaster: number | undefined;
  readonly texts: Crowd['texts'];
  readonly rooms: number;
  readonly isClaimed: boolean;
}

export interface CopySpell {
  /** Rows in each batch; a fraction is met on average. */
  readonly batch: number;
  readonly seconds: number;
}

export interface CopyReport {
  readonly rows: number;
  readonly batches: number;
  readonly seconds: number;
  /** CPU seconds; NaN where they cannot be seen. */
  readonly client: number;
  readonly backend: number;
  /** Of all of Postgres' processes. */
  readonly database: number;
}

/** Rows are made ahead, outside of the measured time: at most so many at once, and no more than can be copied. */
const rowsAheadMax = 200_000;
const rowsPerSecondMax = 300_000;
const shard = 0;

class Copier {
  private readonly socket: PostgresSocket;
  private readonly job: CopyJob;
  private readonly rows: LogRows;
  /** By turns: one belongs to the socket while the other is filled. */
  private readonly buffers = [new BinaryCopy(), new BinaryCopy()] as const;
  private committed = 0;

  constructor(job: CopyJob, socket: PostgresSocket) {
    this.job = job;
    this.socket = socket;
    this.rows = new LogRows({ rooms: job.rooms, texts: sampleTexts(job.texts) });
  }

  /** Copies for so many seconds of copying: what it takes to make rows is not among them. */
  async spell({ batch, seconds }: CopySpell): Promise<CopyReport> {
    let total: CopyReport = { rows: 0, batches: 0, seconds: 0, client: 0, backend: 0, database: 0 };
    while (total.seconds < seconds) {
      const useful = Math.ceil((seconds - total.seconds) * rowsPerSecondMax);
      const rows = this.rows.take(Math.max(2 * Math.ceil(batch), Math.min(rowsAheadMax, useful)));
      const groups = groupsOf(rows, batch);
      const from = this.sample();
      const done = await this.copyAll(groups, (seconds - total.seconds) * 1000);
      const to = this.sample();
      total = {
        rows: total.rows + done.rows,
        batches: total.batches + done.batches,
        seconds: total.seconds + to.at - from.at,
        client: total.client + to.client - from.client,
        backend: total.backend + to.backend - from.backend,
        database: total.database + to.database - from.database,
      };
    }
    return total;
  }

  /** Until they are all committed, or the time is over; a batch that was begun is finished. */
  private copyAll(
    groups: ReadonlyArray<readonly LogEvent[]>,
    ms: number,
  ): Promise<{ rows: number; batches: number }> {
    const endsAt = performance.now() + ms;
    return new Promise((resolve, reject) => {
      let next = this.encode(groups[0] ?? [], 1);
      let rows = 0;
      let batches = 0;
      const send = () => {
        this.socket.exchange(next, (failure) => {
          if (failure !== undefined) return reject(new Error(`The COPY failed: ${failure}`));
          rows += groups[batches]?.length ?? 0;
          batches += 1;
          if (batches < groups.length && performance.now() < endsAt) return send();
          this.committed += batches;
          resolve({ rows, batches });
        });
        const following = groups[batches + 1];
        if (following !== undefined) next = this.encode(following, batches + 2);
      };
      send();
    });
  }

  /** @param after how many batches after the last committed one */
  private encode(events: readonly LogEvent[], after: number): Uint8Array {
    const batch = this.committed + after;
    const copy = this.buffers[batch % 2 === 0 ? 0 : 1];
    const claim = this.job.isClaimed ? `select nubo_claim(${shard},1,${batch});` : '';
    copy.begin(`${claim}copy conversation_log(${logColumns}) from stdin (format binary)`);
    copy.beginRows();
    for (const event of events) writeRow(copy, event, { shard, batch });
    copy.endRows();
    const { bytes, release } = copy.take();
    // Filled again only after the server has answered, and so has read it all.
    release();
    return bytes;
  }

  private sample() {
    const { user, system } = process.cpuUsage();
    const { postmaster } = this.job;
    return {
      at: performance.now() / 1000,
      client: (user + system) / 1e6,
      backend: cpuSecondsOf(this.socket.backendPid),
      database: postmaster === undefined ? Number.NaN : cpuSecondsOfTree(postmaster),
    };
  }
}

let copier: Copier | undefined;

const handlers = {
  async open(job: CopyJob): Promise<void> {
    const socket = await openPostgresSocket(job.url, (client) =>
      client.query('insert into writers (shard, epoch) values ($1, 1)', [shard]),
    );
    copier = new Copier(job, socket);
  },
  async copy(spell: CopySpell): Promise<CopyReport> {
    if (copier === undefined) throw new Error('not opened');
    return copier.spell(spell);
  },
};

export type CopyChild = typeof handlers;
answerCalls(handlers);
