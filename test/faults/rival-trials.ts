/**
 * Two servers and one database: the second is refused while the first holds it, and a first one that lost it must end
 * when it comes back, without having written beside the second (L2, L13).
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from 'postgres';
import { uuidv7 } from 'uuidv7';
import type { Load } from '#test/support/load.js';
import { makePeople, type Person } from '#test/support/operator.js';
import { startServer, type TestServer } from '#test/support/server.js';
import { TcpProxy } from '#test/support/tcp-proxy.js';
import { WireSocket } from '#test/support/wire-socket.js';

/**
 * How the first server loses its database. `cut`: it knows, and its way stays cut until another has the database; a
 * way that is open again at once brings the lock back, which is no loss. `frozen`: it finds out when it wakes up.
 */
export const losses = ['cut', 'frozen', 'frozen and cut'] as const;
export type Loss = (typeof losses)[number];

export interface RivalTrial {
  readonly loss: Loss;
  /** What the second one was told while the first one held the database. */
  readonly refusal: string;
  /** What the first one said when it ended. */
  readonly lastWords: string;
  /** With which code it closed the socket of somebody who had stayed with it. */
  readonly closeCode: number;
  /** What it was sent after it had lost its database, by somebody who knew of no other. */
  readonly sentToFirst: number;
  /** Of those, how many it acked, and how many are in the log: none. */
  readonly ackedByFirst: number;
  readonly storedByFirst: number;
  /** Acks of the second server. */
  readonly ackedBySecond: number;
}

export interface Rivals {
  /** Connected through the proxy, under load. */
  readonly first: TestServer;
  readonly load: Load;
  readonly proxy: TcpProxy;
  /** Straight to the database, like `database`. */
  readonly sql: Sql;
  readonly database: string;
  /** For the second server. */
  readonly url: string;
  /** Data folders are made below it. */
  readonly folder: string;
}

const endMsMax = 20_000;
const unreadyMsMax = 10_000;
const loadMs = 400;

/** @returns the second server, which serves the load now */
export async function rival(rivals: Rivals, loss: Loss): Promise<{ trial: RivalTrial; second: TestServer }> {
  const { first, load, url, folder, sql } = rivals;
  const start = (name: string) => startServer({ data: join(folder, name), env: envFor(url) });
  const witness = await makeWitness(first);
  load.begin();
  const refusal = await start('refused').then(
    async (server) => {
      server.kill('nubo');
      throw new Error('a second server was let in');
    },
    (error: unknown) => sentenceOf(String(error)),
  );
  const comeBack = await lose(rivals, loss);
  if (loss === 'cut') witness.send();
  const second = await start(`second ${performance.now()}`);
  load.pause();
  const before = load.book.acks.length;
  await load.moveTo(second.address);
  load.begin();
  await sleep(loadMs);
  const reopened = await comeBack();
  witness.send();
  const code = await Promise.race([first.ended, sleep(endMsMax, undefined)]);
  if (code === undefined)
    throw new Error(`the first server is still there ${endMsMax} ms after it lost its database`);
  if (code !== 1) throw new Error(`the first server ended with ${code}:\n${first.output()}`);
  // The first one must not have taken the second along.
  const acked = load.book.acks.length;
  await sleep(loadMs);
  if (load.book.acks.length === acked)
    throw new Error(`the second server does not write:\n${second.output()}`);
  load.pause();
  await load.settled();
  await reopened?.close();
  const trial = {
    loss,
    refusal,
    lastWords: lastWordsOf(first.output()),
    ...(await witness.account(sql)),
    ackedBySecond: load.book.acks.length - before,
  };
  return { trial, second };
}

/** Somebody who stays with the first server, and writes down what it answers. */
interface Witness {
  send(): void;
  /** Once the first server has ended. */
  account(
    sql: Sql,
  ): Promise<Pick<RivalTrial, 'closeCode' | 'sentToFirst' | 'ackedByFirst' | 'storedByFirst'>>;
}

async function makeWitness(first: TestServer): Promise<Witness> {
  const [person] = (await makePeople(first, ['witness'])) as [Person];
  const socket = await WireSocket.open({ address: first.address, token: person.token });
  const conv = uuidv7();
  await socket.do({ op: 'create', id: conv, type: 'group' });
  const sent: string[] = [];
  let ackedByFirst = 0;
  return {
    send() {
      const id = uuidv7();
      sent.push(id);
      socket.ask({ op: 'send', id, conv, text: 'to the wrong one' }).then(
        (answer) => {
          if ('ack' in answer) ackedByFirst += 1;
        },
        // No answer at all: the connection ended.
        () => {},
      );
    },
    async account(sql) {
      const { code: closeCode } = await socket.closed;
      const [row] = await sql<Array<{ stored: number }>>`
        select count(*)::int as stored from conversation_log where id = any(${sent}::uuid[])`;
      return { closeCode, sentToFirst: sent.length, ackedByFirst, storedByFirst: row?.stored ?? -1 };
    },
  };
}

/** @returns what brings the first server back to its database, and gives the new way there if one was made */
async function lose(
  { first, proxy, sql, database }: Rivals,
  loss: Loss,
): Promise<() => Promise<TcpProxy | undefined>> {
  if (loss === 'cut') {
    const { port } = proxy;
    await proxy.close();
    await untilUnready(first);
    const { hostname, port: target } = new URL(database);
    return () => TcpProxy.start({ host: hostname, port: Number(target) }, port);
  }
  process.kill(first.pid, 'SIGSTOP');
  // What the database does by itself with a server that is silent for long.
  await sql`
    select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'nubo server lock%'`;
  return async () => {
    if (loss === 'frozen and cut') proxy.cutAll();
    process.kill(first.pid, 'SIGCONT');
    return undefined;
  };
}

/** It says itself that it cannot serve, and names the lock. */
async function untilUnready({ address, output }: TestServer): Promise<void> {
  const until = performance.now() + unreadyMsMax;
  for (;;) {
    const response = await fetch(`${address}/readyz`);
    const { checks } = (await response.json()) as { checks: Record<string, string> };
    if (response.status === 503 && 'database lock' in checks) return;
    if (performance.now() > until)
      throw new Error(`still ready without its lock: ${JSON.stringify(checks)}\n${output()}`);
    await sleep(50);
  }
}

/** Of all servers of a run, so that a token of one is good for the next. */
const secret = randomBytes(32).toString('base64');

export function envFor(url: string): Record<string, string> {
  return {
    NUBO_POSTGRES_URL: url,
    NUBO_ENV: 'development',
    NUBO_HOST: '127.0.0.1',
    NUBO_SHARDS: '1',
    NUBO_SECRET: secret,
  };
}

function sentenceOf(text: string): string {
  return /^nubo: (.*)$/m.exec(text)?.[1] ?? `no sentence in: ${text}`;
}

function lastWordsOf(output: string): string {
  return (
    /"msg":"((?:This server was fenced off|Another nubo has this database)[^"]*)"/.exec(output)?.[1] ?? ''
  );
}
