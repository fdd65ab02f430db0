/**
 * Everybody in a replay: one user and one authenticated socket for each author of the transcript, and one listener
 * for each room, who writes nowhere. Their names begin with the run's own id: a second replay on the same server is
 * one of other people in other rooms, and both can be checked.
 */

import { beginStep } from '../progress.js';
import type { Alarm } from './alarm.js';
import { Connection } from './connection.js';
import { createUsers, mintTokens, type OperatorOptions, type Person } from './operator.js';
import { inParallel } from './parallel.js';
import { authorsOf, type Room } from './transcript.js';

export interface Participant {
  readonly user: string;
  readonly connection: Connection;
}

export interface Cast {
  readonly authors: ReadonlyMap<string, Participant>;
  /** By place of their room. */
  readonly listeners: readonly Participant[];
}

export interface CastTimes {
  usersSeconds: number;
  tokensSeconds: number;
  connectSeconds: number;
}

/** Handshakes at once: fewer than a server's queue of new connections holds. */
const handshakesMax = 200;

/** Nicks of all rooms, each once. */
export function nicksOf(rooms: readonly Room[]): string[] {
  return [...new Set(rooms.flatMap(authorsOf))];
}

export interface CastOptions {
  readonly run: string;
  readonly rooms: readonly Room[];
  readonly operator: OperatorOptions;
  /** `ws://host:port/ws` */
  readonly socketUrl: string;
  readonly alarm: Alarm;
  /** Every connection that was begun is entered here. */
  readonly connections: Connection[];
}

export async function gatherCast(options: CastOptions): Promise<{ cast: Cast; times: CastTimes }> {
  const { run, rooms, operator, socketUrl, connections } = options;
  const nicks = nicksOf(rooms);
  const people: Person[] = [
    ...nicks.map((nick) => ({ sub: `replay/${run}/author/${nick}`, name: nick })),
    ...rooms.map(({ name }) => ({ sub: `replay/${run}/listener/${name}`, name: `listener of ${name}` })),
  ];
  const usersStep = beginStep('users', people.length);
  const users = await createUsers(operator, people, usersStep);
  const usersSeconds = usersStep.end();
  const tokensStep = beginStep('tokens', people.length);
  const tokens = await mintTokens(operator, users, tokensStep);
  const tokensSeconds = tokensStep.end();
  const connectStep = beginStep('connections', people.length);
  const participants: Participant[] = [];
  await inParallel(handshakesMax, people, async ({ name }, index) => {
    const token = tokens[index] ?? '';
    const connection = await Connection.open({ url: socketUrl, token, name, all: connections });
    connection.onLost = options.alarm.raise;
    participants[index] = { user: users[index] ?? '', connection };
    connectStep.add();
  });
  const connectSeconds = connectStep.end();
  const authors = new Map(nicks.map((nick, index) => [nick, participants[index] as Participant]));
  const cast = { authors, listeners: participants.slice(nicks.length) };
  return { cast, times: { usersSeconds, tokensSeconds, connectSeconds } };
}

/** Everybody says goodbye. */
export async function dismissCast({ authors, listeners }: Cast): Promise<void> {
  const everybody = [...authors.values(), ...listeners];
  await inParallel(handshakesMax, everybody, ({ connection }) => connection.close());
}
