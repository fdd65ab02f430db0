/** One session of Postgres that may hold the server's lock (L13): the lock lives exactly as long as its session. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';

export interface LockSession {
  /** Resolves with the reason when the session has ended, by itself or by `end`. */
  readonly ended: Promise<string>;
  /**
   * @returns true when this session holds the lock, false when another server does
   * @throws Error when the database is away, or does not let go of what an earlier session of ours holds
   */
  take(): Promise<boolean>;
  /** Asks for a sign of life; a session that gives none is ended. */
  check(): Promise<void>;
  end(): Promise<void>;
}

/** Any number that nobody else uses in this database. */
const serverLock = 6_827_311_002;
const connectMs = 5_000;
const answerMs = 10_000;
/** A network that went silent does not answer a goodbye. */
const goodbyeMs = 1_000;
/** An earlier backend of ours that was told to end needs a moment. */
const formerAttemptsMax = 20;
const formerPauseMs = 50;

export class PostgresLockSession implements LockSession {
  readonly ended: Promise<string>;
  readonly client: Client;
  private readonly name: string;
  private tellEnded: (reason: string) => void = () => {};

  private constructor(url: string, server: string) {
    this.name = `nubo server lock ${server}`;
    this.ended = new Promise((resolve) => {
      this.tellEnded = resolve;
    });
    this.client = new Client({
      connectionString: url,
      application_name: this.name,
      connectionTimeoutMillis: connectMs,
      keepAlive: true,
      query_timeout: answerMs,
    });
    this.client.on('error', (error) => this.cut(error.message));
    this.client.on('end', () => this.tellEnded('the connection ended'));
  }

  /** @param server names this process: its sessions know each other by it */
  static async open(url: string, server: string): Promise<PostgresLockSession> {
    const session = new PostgresLockSession(url, server);
    try {
      await session.client.connect();
      // The server, too, should notice soon that we are gone without a word.
      await session.client.query(
        'set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 3',
      );
      return session;
    } catch (error) {
      session.cut('it could not be opened');
      throw error;
    }
  }

  async take(): Promise<boolean> {
    for (let attempt = 0; attempt < formerAttemptsMax; attempt += 1) {
      const { rows } = await this.client.query<{ locked: boolean }>(
        'select pg_try_advisory_lock($1) as locked',
        [serverLock],
      );
      if (rows[0]?.locked === true) return true;
      if ((await this.holder()) === 'another') return false;
      await sleep(formerPauseMs);
    }
    throw new Error('an earlier session of this server still holds the lock');
  }

  async check(): Promise<void> {
    await this.client.query('select 1').catch((error: Error) => this.cut(error.message));
  }

  async end(): Promise<void> {
    const late = sleep(goodbyeMs, undefined, { ref: false });
    await Promise.race([this.client.end().catch(() => {}), late]);
    this.cut('it was ended');
  }

  /**
   * Postgres may not have noticed yet that an earlier connection of ours is gone. Only its own backends are ended by
   * a server: whoever else has the lock has it by right.
   */
  private async holder(): Promise<'another' | 'nobody or us'> {
    const { rows } = await this.client.query<{ pid: number; ours: boolean }>(
      `select held.pid, coalesce(activity.application_name = $2, false) as ours
       from pg_locks held left join pg_stat_activity activity on activity.pid = held.pid
       where held.locktype = 'advisory' and held.granted and held.objsubid = 1
         and held.database = (select oid from pg_database where datname = current_database())
         and held.classid = ($1::bigint >> 32)::oid and held.objid = ($1::bigint & 4294967295)::oid`,
      [serverLock, this.name],
    );
    if (rows.some(({ ours }) => !ours)) return 'another';
    for (const { pid } of rows) await this.client.query('select pg_terminate_backend($1)', [pid]);
    return 'nobody or us';
  }

  /** Without a goodbye. The driver documents `connection.stream` for its extensions and leaves it out of its types. */
  private cut(reason: string): void {
    this.tellEnded(reason);
    (
      this.client as unknown as { connection: { stream: import('node:stream').Duplex } }
    ).connection.stream.destroy();
  }
}
