/**
 * A connection to Postgres reduced to what a limit needs: bytes out, and the moment the server is ready again. The
 * driver opens it (log-in, TLS, prepared statements) and then hands its socket over.
 */
import type { Duplex } from 'node:stream';
import { Client } from 'pg';

const error = 0x45; // E
const readyForQuery = 0x5a; // Z
const headerBytes = 5;

export class PostgresSocket {
  /** Of the backend that serves it: a process of the server's machine. */
  readonly backendPid: number;
  private readonly stream: Duplex;
  private rest: Uint8Array | undefined;
  private failure: string | undefined;
  private done: ((failure?: string) => void) | undefined;

  /** @param client connected, with nothing under way; it must not be used by itself any more */
  constructor(client: Client, backendPid: number) {
    this.backendPid = backendPid;
    this.stream = (client as unknown as { connection: { stream: Duplex } }).connection.stream;
    this.stream.removeAllListeners('data');
    this.stream.on('data', (bytes: Uint8Array) => this.read(bytes));
    client.on('error', (cause) => this.finish(cause.message));
    client.on('end', () => this.finish('the connection was closed'));
  }

  /** Sends a whole exchange; `done` is called when the server is ready for the next, with its error if it had one. */
  exchange(bytes: Uint8Array, done: (failure?: string) => void): void {
    this.done = done;
    this.stream.write(bytes);
  }

  close(): void {
    this.done = undefined;
    this.stream.destroy();
  }

  /** Messages are a letter and a length; of their contents only those of an error matter. */
  private read(chunk: Uint8Array): void {
    const bytes = this.rest === undefined ? chunk : Buffer.concat([this.rest, chunk]);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    let isReady = false;
    while (at + headerBytes <= bytes.length) {
      const end = at + 1 + view.getInt32(at + 1);
      if (end > bytes.length) break;
      if (bytes[at] === error) this.failure ??= errorText(bytes.subarray(at + headerBytes, end));
      else if (bytes[at] === readyForQuery) isReady = true;
      at = end;
    }
    this.rest = at === bytes.length ? undefined : bytes.slice(at);
    if (isReady) this.finish(this.failure);
  }

  private finish(failure: string | undefined): void {
    const { done } = this;
    this.done = undefined;
    this.failure = undefined;
    done?.(failure);
  }
}

/** Fields are a letter and a text that ends in NUL; M is the message. */
function errorText(fields: Uint8Array): string {
  const texts = Buffer.from(fields).toString('utf8').split('\0');
  return texts.find((text) => text.startsWith('M'))?.slice(1) ?? 'an error without a message';
}

/**
 * As the engine's writer connects: by indexes alone, without a compiler, without Nagle's delay (the driver sees to it).
 *
 * @param prepare runs before the socket is taken over
 */
export async function openPostgresSocket(
  url: string,
  prepare: (client: Client) => Promise<unknown>,
): Promise<PostgresSocket> {
  const client = new Client({
    ...{ connectionString: url, application_name: 'nubo bench limit', connectionTimeoutMillis: 5_000 },
    options: '-c enable_seqscan=off -c jit=off',
  });
  await client.connect();
  await prepare(client);
  const { rows } = await client.query<{ pid: number }>('select pg_backend_pid() as pid');
  return new PostgresSocket(client, rows[0]?.pid ?? 0);
}
