/** The rooms of a replay on the server: made by their listeners, joined by those who write in them. */
import { uuidv7 } from 'uuidv7';
import { beginStep } from '../progress.js';
import type { Cast, Participant } from './cast.js';
import type { SentLine } from './check.js';
import { Listener } from './listener.js';
import { inParallel } from './parallel.js';
import { persist, type Retries } from './persist.js';
import { authorsOf, type Room } from './transcript.js';

export interface Stage {
  readonly room: Room;
  readonly conv: string;
  readonly listener: Listener;
  readonly listenerUser: string;
  readonly authors: ReadonlyMap<string, Participant>;
  /** Filled while the transcript is sent. */
  readonly sent: SentLine[];
  /** Of the acks, Unix ms; by place in `sent`. */
  readonly ackedAt: number[];
}

/** Joins under way at once, over all rooms. */
const joinsMax = 512;

/** Each listener creates a channel and subscribes: the creation is seq 1. */
export async function openRooms(rooms: readonly Room[], cast: Cast, retries: Retries): Promise<Stage[]> {
  const stages: Stage[] = [];
  await inParallel(rooms.length, rooms, async (room, index) => {
    const { user, connection } = cast.listeners[index] as Participant;
    const create = { op: 'create', id: uuidv7(), type: 'channel', title: room.name } as const;
    const { conv = create.id } = await persist(connection, create, () => `Room ${room.name}`, retries);
    const listener = new Listener(connection, conv, retries);
    await listener.subscribe();
    const authors = authorsOf(room).map((nick) => [nick, cast.authors.get(nick) as Participant] as const);
    stages[index] = {
      ...{ room, conv, listener, listenerUser: user },
      ...{ authors: new Map(authors), sent: [], ackedAt: [] },
    };
  });
  return stages;
}

/** Everybody joins where they write, before the first line: the seqs 2 … authors + 1. Answers joins and seconds. */
export async function joinRooms(
  stages: readonly Stage[],
  retries: Retries,
): Promise<{ joins: number; seconds: number }> {
  const joins = stages.flatMap(({ conv, room, authors }) =>
    [...authors].map(([nick, { connection }]) => ({ conv, room: room.name, nick, connection })),
  );
  const step = beginStep('joins', joins.length);
  await inParallel(joinsMax, joins, async ({ conv, room, nick, connection }) => {
    await persist(connection, { op: 'join', id: uuidv7(), conv }, () => `${nick} joining ${room}`, retries);
    step.add();
  });
  return { joins: joins.length, seconds: step.end() };
}
