/** Two servers and one database: the second is refused, or the first is fenced off (L2, L13). */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Sql } from 'postgres';
import { uuidv7 } from 'uuidv7';
import type { Load } from '#test/support/load.js';
import { makePeople, type Person } from '#test/support/operator.js';
import { startServer, type TestServer } from '#test/support/server.js';
import type { TcpProxy } from '#test/support/tcp-proxy.js';
import { WireSocket } from '#test/support/wire-socket.js';

/** How the first server loses its database without knowing it. */
export const losses = ['cut', 'frozen', 'frozen and cut'] as const;
export type Loss = (typeof losses)[number];

export interface RivalTrial {
  readonly loss: Loss;
  /** What the second one was told while the first one held the database. */
  readonly refusal: string;
  /** What the first one said when it ended. */
  readonly lastWords: string;
  /** Acks of the second server. */
  readonly ackedBySecond: number;
}

export interface Rivals {
  /** Connected through the proxy, under load. */
  readonly first: TestServer;
  readonly load: Load;
  readonly proxy: TcpProxy;
  /** Straight to the database. */
  readonly sql: Sql;
  readonly url: string;
  /** Data folders are made below it. */
  readonly folder: string;
}

const endMsMax = 20_000;
const loadMs = 400;

/** @returns the second server, which serves the load now */
export async function rival(rivals: Rivals, loss: Loss): Promise<{ trial: RivalTrial; second: TestServer }> {
  const { first, load, url, folder } = rivals;
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
  await lose(rivals, loss);
  const second = await start(`second ${performance.now()}`);
  load.pause();
  const before = load.book.acks.length;
  await load.moveTo(second.address);
  load.begin();
  await sleep(loadMs);
  if (loss === 'frozen and cut') rivals.proxy.cutAll();
  if (loss !== 'cut') process.kill(first.pid, 'SIGCONT');
  await refusedBy(witness);
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
  const trial = {
    loss,
    refusal,
    lastWords: lastWordsOf(first.output()),
    ackedBySecond: load.book.acks.length - before,
  };
  return { trial, second };
}

/** Somebody who stays with the first server. */
interface Witness {
  readonly socket: WireSocket;
  readonly conv: string;
}

async function makeWitness(first: TestServer): Promise<Witness> {
  const [person] = (await makePeople(first, ['witness'])) as [Person];
  const socket = await WireSocket.open({ address: first.address, token: person.token });
  const conv = uuidv7();
  await socket.do({ op: 'create', id: conv, type: 'group' });
  return { socket, conv };
}

/** Two never write: what is sent to the first server now is not acked. */
async function refusedBy({ socket, conv }: Witness): Promise<void> {
  const answer = await socket
    .ask({ op: 'send', id: uuidv7(), conv, text: 'to the wrong one' })
    .catch(() => undefined);
  socket.close();
  if (answer !== undefined && 'ack' in answer) throw new Error('the first server wrote beside the second');
}

async function lose({ first, proxy, sql }: Rivals, loss: Loss): Promise<void> {
  if (loss === 'cut') {
    proxy.cutAll();
    return;
  }
  process.kill(first.pid, 'SIGSTOP');
  // What the database does by itself with a server that is silent for long.
  await sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'nubo server lock'`;
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
  return /"msg":"(This server was fenced off[^"]*)"/.exec(output)?.[1] ?? '';
}
