/** The same ids, sent to conversations of two shards at the same moment and in opposite order (L11, P3). */
import { uuidv7 } from 'uuidv7';
import type { Ack, WireError } from '#src/wire/events.js';
import type { WireSocket } from '#test/support/wire-socket.js';

export interface CrosswiseResult {
  ids: number;
  /** Ids of which one message was acked and the other told `conflict`. */
  settled: number;
  /** In conversations of the first shard. */
  wonByFirst: number;
  wrong: string[];
}

const idsPerRound = 10;

/**
 * @param options.rooms one of each shard
 * @param options.sockets of members of both; two of one user, or of different users
 */
export async function sendCrosswise(options: {
  rooms: readonly [string, string];
  sockets: readonly [WireSocket, WireSocket];
  count: number;
}): Promise<CrosswiseResult> {
  const { rooms, sockets, count } = options;
  const result: CrosswiseResult = { ids: 0, settled: 0, wonByFirst: 0, wrong: [] };
  while (result.ids < count) {
    const ids = Array.from({ length: idsPerRound }, () => uuidv7());
    const [first, second] = await Promise.all([
      sendAll(sockets[0], rooms[0], ids),
      sendAll(sockets[1], rooms[1], ids.toReversed()),
    ]);
    for (const id of ids) {
      const answers = [first.get(id), second.get(id)];
      result.ids += 1;
      const acks = answers.filter((answer) => answer !== undefined && 'ack' in answer);
      const conflicts = answers.filter(
        (answer) =>
          answer !== undefined && 'err' in answer && answer.code === 'conflict' && answer.stored === false,
      );
      if (acks.length === 1 && conflicts.length === 1) result.settled += 1;
      else result.wrong.push(`${id}: ${JSON.stringify(answers)}`);
      if (answers[0] !== undefined && 'ack' in answers[0]) result.wonByFirst += 1;
    }
  }
  return result;
}

async function sendAll(
  socket: WireSocket,
  conv: string,
  ids: readonly string[],
): Promise<Map<string, Ack | WireError>> {
  const refs = ids.map(() => socket.nextRef());
  const answers = Promise.all(refs.map((ref) => socket.answerOf(ref)));
  socket.post(
    ids.map((id, index) => ({ op: 'send', ref: refs[index] ?? 0, id, conv, text: `crosswise ${id}` })),
  );
  const all = await answers;
  return new Map(ids.map((id, index) => [id, all[index] as Ack | WireError]));
}
