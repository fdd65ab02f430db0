/** The `postgres` clients of nubo: small pools, without the delay of Nagle, never silent for ever. */
import { connect, type Socket } from 'node:net';
import postgres, { type Options, type Sql } from 'postgres';

export interface SqlOptions {
  /** Connections at most. */
  readonly max?: number;
  /** Shown in pg_stat_activity. */
  readonly name?: string;
  /** Milliseconds after which the server ends a statement; 0: never (migrations). */
  readonly statementMs?: number;
  /** Settings of the session, by name. */
  readonly settings?: Readonly<Record<string, string | boolean | number>>;
}

/** What the connection is waited for, in seconds. */
const connectSeconds = 5;
/** A socket that is silent this much longer than a statement may take is dead. */
const silenceMs = 5_000;

interface SocketTarget {
  readonly host: string[];
  readonly port: number[];
  readonly path: string | false | undefined;
}

/**
 * @param url `postgres://user:password@host:port/database`
 * @returns a client that connects when it is first used, and again by itself; end it with `sql.end()`
 */
export function openSql(
  url: string,
  { max = 4, name = 'nubo', statementMs = 20_000, settings = {} }: SqlOptions = {},
): Sql {
  // Without noDelay each exchange of more than one packet waits about 40 ms for a delayed acknowledgement.
  const socket = ({ host, port, path }: SocketTarget): Socket => {
    const target = !path ? { host: host[0] ?? 'localhost', port: port[0] ?? 5432 } : { path };
    const opened = connect({ ...target, noDelay: true, keepAlive: true, keepAliveInitialDelay: 10_000 });
    if (statementMs > 0) {
      opened.setTimeout(statementMs + silenceMs, () => opened.destroy(new Error('the database is silent')));
    }
    // The driver asks for these when it speaks TLS.
    return Object.assign(opened, { host: host[0], port: port[0] });
  };
  // `socket` is documented by the driver and missing in its types.
  const options: Options<Record<never, never>> & { socket: typeof socket } = {
    max,
    socket,
    connect_timeout: connectSeconds,
    idle_timeout: 20,
    onnotice: () => {},
    backoff: (attempt: number) => Math.min(1, 0.05 * 2 ** attempt),
    connection: { application_name: name, statement_timeout: statementMs, ...settings },
  };
  return postgres(url, options);
}

/** Is this the outage of a connection, rather than an answer of the server? */
export function isOutage(error: unknown): boolean {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (typeof code !== 'string') return false;
  return /^(?:E[A-Z]+|CONNECTION_.*|CONNECT_TIMEOUT|57P0[123]|53...|08...)$/.test(code);
}

/** A sentence for logs and outcomes, whatever was thrown. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.message !== '') return error.message;
  // An AggregateError of several addresses has no words of its own.
  return (error as { code?: string }).code ?? error.name;
}
