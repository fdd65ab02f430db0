/**
 * The one connection a shard writes through. It is made when it is first needed, and again after it was lost;
 * attempts that fail are followed by a pause, so that a writer that keeps asking does not spin.
 *
 * States: none → connecting → ready → none …, or closed for ever.
 */
import { Client } from 'pg';
import { messageOf } from './sql.js';

export interface WriterConnectionOptions {
  readonly url: string;
  readonly name: string;
}

const connectMs = 5_000;
/** Ends a statement that hangs on something; a batch takes a few milliseconds. */
const statementMs = 20_000;
/** A batch waits this long for a row another transaction holds: then it is written again. */
const lockMs = 5_000;
const pauseMsMin = 50;
const pauseMsMax = 1_000;
/** Fresh tables have no statistics yet, and each of our statements has its index. */
const plannerSettings = '-c enable_seqscan=off -c jit=off';
/** The server, too, notices within half a minute that we are gone without a word: no timeout of its own ends a COPY. */
const keepaliveSettings =
  '-c tcp_keepalives_idle=10 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3 -c tcp_user_timeout=30000';

export class WriterConnection {
  private readonly options: WriterConnectionOptions;
  private client: Client | undefined;
  private connecting: Promise<Client> | undefined;
  private failures = 0;
  private isClosed = false;
  private endPause: (() => void) | undefined;

  constructor(options: WriterConnectionOptions) {
    this.options = options;
  }

  /** The connection if it is there now. */
  get ready(): Client | undefined {
    return this.client;
  }

  /**
   * Connects if need be, after a pause when the last attempts failed.
   *
   * @throws Error when the database cannot be reached
   */
  async acquire(): Promise<Client> {
    if (this.client !== undefined) return this.client;
    this.connecting ??= this.connect().finally(() => {
      this.connecting = undefined;
    });
    return this.connecting;
  }

  /** Gives the connection up at once: what was under way on it becomes unknown. */
  drop(): void {
    const client = this.client;
    this.client = undefined;
    if (client !== undefined) abandon(client);
  }

  async close(): Promise<void> {
    this.isClosed = true;
    this.endPause?.();
    const client = this.client;
    this.client = undefined;
    if (client !== undefined) await client.end();
  }

  private async connect(): Promise<Client> {
    if (this.failures > 0) await this.pause(Math.min(pauseMsMax, pauseMsMin * 2 ** (this.failures - 1)));
    if (this.isClosed) throw new Error('the store is closed');
    const client = new Client({
      connectionString: this.options.url,
      application_name: this.options.name,
      connectionTimeoutMillis: connectMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: 10_000,
      statement_timeout: statementMs,
      lock_timeout: lockMs,
      idle_in_transaction_session_timeout: statementMs,
      options: `${plannerSettings} ${keepaliveSettings}`,
    });
    const forget = () => {
      if (this.client === client) this.client = undefined;
    };
    client.on('error', forget);
    client.on('end', forget);
    try {
      await client.connect();
    } catch (error) {
      this.failures = Math.min(this.failures + 1, 10);
      abandon(client);
      throw new Error(messageOf(error), { cause: error });
    }
    if (this.isClosed) {
      abandon(client);
      throw new Error('the store is closed');
    }
    this.failures = 0;
    // A server that closes its end answers nothing more: no need to wait for our own end of the socket.
    streamOf(client).on('end', () => streamOf(client).destroy());
    this.client = client;
    return client;
  }

  private async pause(ms: number): Promise<void> {
    if (this.isClosed) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.endPause = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.endPause = undefined;
  }
}

/** The driver documents `connection.stream` for its extensions and leaves it out of the client's types. */
function streamOf(client: Client): import('node:stream').Duplex {
  return (client as unknown as { connection: { stream: import('node:stream').Duplex } }).connection.stream;
}

function abandon(client: Client): void {
  streamOf(client).destroy();
}
