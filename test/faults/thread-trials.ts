/** Single failures of actors and threads under load, each with what must hold around it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import type { WireError } from '#src/wire/events.js';
import type { Load } from '#test/support/load.js';
import { Listener } from '#test/support/load-listener.js';
import { makePeople, type Person } from '#test/support/operator.js';
import { WireSocket } from '#test/support/wire-socket.js';
import type { FaultyServer } from './faulty-server.js';

/** A room apart from the load, with somebody who writes by hand and two who listen, in both codecs. */
export interface Room {
  readonly conv: string;
  readonly writer: WireSocket;
  readonly writerPerson: Person;
  readonly listeners: readonly Listener[];
}

export async function makeRoom(
  server: FaultyServer,
  options: { shard: number; name: string },
): Promise<Room> {
  const { shard, name } = options;
  const people = await makePeople(server, [`${name} writer`, `${name} one`, `${name} other`]);
  const [writerPerson, ...others] = people as [Person, ...Person[]];
  const writer = await WireSocket.open({ address: server.address, token: writerPerson.token });
  let conv = uuidv7();
  while (server.shardOf(conv) !== shard) conv = uuidv7();
  await writer.do({ op: 'create', id: conv, type: 'group', members: others.map(({ user }) => user) });
  const listeners = others.map((person, index) => new Listener({ person, conv, index, isTenacious: false }));
  await Promise.all(listeners.map((listener) => listener.connect(server.address)));
  return { conv, writer, writerPerson, listeners };
}

export function leaveRoom({ writer, listeners }: Room): void {
  writer.close();
  for (const listener of listeners) listener.close();
}

export interface CrashTrial {
  /** Milliseconds from the throw until its successor took the message that caused it, */
  readonly backMs: number;
  /** and until its sender had the ack. */
  readonly answeredMs: number;
  /** The longest time without an ack in the other rooms around it. */
  readonly neighboursSilentMs: number;
}

/** Around a failure, in milliseconds. */
const aroundMs = 400;

/** The conversation throws once, with other messages under way: it comes back by itself and answers all (A4). */
export async function crashConversation(server: FaultyServer, room: Room, load: Load): Promise<CrashTrial> {
  const { conv, writer } = room;
  const begun = performance.now();
  const id = uuidv7();
  await server.plant({ kind: 'conversation throws', shard: server.shardOf(conv), message: id, times: 1 });
  const around = [uuidv7(), id, uuidv7()];
  const answers = around.map((each) => sendFirmly(writer, conv, each));
  const answer = await answers[1];
  const { threwAt, tookAt } = await server.crashOf(id);
  await Promise.all(answers);
  await sleep(Math.max(0, aroundMs - (performance.now() - begun)));
  return {
    backMs: tookAt - threwAt,
    answeredMs: (answer?.answeredAt ?? Number.NaN) - threwAt,
    neighboursSilentMs: load.book.longestSilence(new Set(load.rooms), begun, performance.now()),
  };
}

/** A message that crashes three instances is set aside, and the others in its room are stored (A5). */
export async function poisonConversation(server: FaultyServer, room: Room): Promise<WireError> {
  const { conv, writer } = room;
  const id = uuidv7();
  await server.plant({ kind: 'conversation throws', shard: server.shardOf(conv), message: id, times: 1000 });
  const answers = [
    sendFirmly(writer, conv, uuidv7()),
    writer.ask({ op: 'send', id, conv, text: 'poison' }),
    sendFirmly(writer, conv, uuidv7()),
  ] as const;
  const [, poison] = await Promise.all(answers);
  await sendFirmly(writer, conv, uuidv7());
  if (!('err' in poison)) throw new Error('the poison was acked');
  return poison;
}

/** Again and again, under the same id, until it is acked; when (Unix ms) that was. */
export async function sendFirmly(
  socket: WireSocket,
  conv: string,
  id: string,
): Promise<{ seq: number; answeredAt: number }> {
  for (;;) {
    const answer = await socket.ask({ op: 'send', id, conv, text: `by hand ${id}` });
    if ('ack' in answer) return { seq: answer.seq ?? 0, answeredAt: Date.now() };
    if (answer.stored === false) throw new Error(`refused: ${JSON.stringify(answer)}`);
    await sleep(Math.min(answer.retryMs ?? 50, 100));
  }
}

export interface SilenceTrial {
  /** Messages that were committed and that nobody was told of. */
  readonly unheard: number;
  /** Milliseconds from the shard's death until both listeners had them. */
  readonly heardMs: number;
  /** They were told `gap` rather than the events. */
  readonly gaps: number;
}

/**
 * The shard dies between commit and publish, and nobody writes to the room again: those who listen and keep their
 * socket hear of what was committed (P6, A10). The sender's retries get the original acks (P2).
 */
export async function dieAfterCommit(server: FaultyServer, room: Room, count: number): Promise<SilenceTrial> {
  const { conv, writer, listeners } = room;
  const before = Math.max(...listeners.map((listener) => listener.has));
  const gapsBefore = gapsOf(room);
  const ids = Array.from({ length: count }, () => uuidv7());
  const refs = ids.map(() => writer.nextRef());
  const answers = Promise.all(refs.map((ref) => writer.answerOf(ref)));
  const shard = server.shardOf(conv);
  await server.plant({ kind: 'shard dies after commit', shard, message: ids.at(-1) ?? '' });
  writer.post(
    ids.map((id, index) => ({ op: 'send', ref: refs[index] ?? 0, id, conv, text: `silent ${index}` })),
  );
  const refusals = (await answers).filter((answer) => 'err' in answer);
  const diedAt = performance.now();
  if (
    refusals.length === 0 ||
    refusals.some(({ code, stored }) => code !== 'unavailable' || stored === false)
  )
    throw new Error(`the death was answered with ${JSON.stringify(refusals[0])}`);
  await hears(listeners, before + count);
  const heardMs = performance.now() - diedAt;
  for (const [index, id] of ids.entries()) {
    const { seq } = await sendFirmly(writer, conv, id);
    if (seq !== before + 1 + index)
      throw new Error(`message ${index} was stored as ${seq}, not as ${before + 1 + index}`);
  }
  return { unheard: refusals.length, heardMs, gaps: gapsOf(room) - gapsBefore };
}

function gapsOf({ listeners }: Room): number {
  return listeners.reduce((sum, listener) => sum + listener.gaps.length, 0);
}

const hearMsMax = 10_000;

async function hears(listeners: readonly Listener[], seq: number): Promise<void> {
  const until = performance.now() + hearMsMax;
  while (listeners.some((listener) => listener.has < seq)) {
    if (performance.now() > until) {
      const has = listeners.map((listener) => listener.has).join(' and ');
      throw new Error(`${hearMsMax} ms after the commit of ${seq} the listeners have ${has}`);
    }
    await sleep(2);
  }
}

export interface DeathTrial {
  /** Milliseconds until every thread served again. */
  readonly backMs: number;
  /** The longest time without an ack in rooms of other shards around it. */
  readonly neighboursSilentMs: number;
}

export async function killThread(
  server: FaultyServer,
  load: Load,
  fault:
    | { kind: 'shard throws' | 'shard exhausts its heap'; shard: number }
    | { kind: 'front throws'; front: number },
): Promise<DeathTrial> {
  const deaths = server.deaths();
  const begun = performance.now();
  await server.plant(fault);
  while (server.deaths() === deaths) await sleep(1);
  const diedAt = performance.now();
  await server.ready();
  const backAt = performance.now();
  await sleep(aroundMs);
  const others = load.rooms.filter((conv) => !('shard' in fault) || server.shardOf(conv) !== fault.shard);
  return {
    backMs: backAt - diedAt,
    neighboursSilentMs: load.book.longestSilence(new Set(others), begun, performance.now()),
  };
}
