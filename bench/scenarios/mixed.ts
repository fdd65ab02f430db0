/** Chat as it is: the transcript's rooms, who is in which, and how unequally people speak. Everybody hears, too. */
import { join } from 'node:path';
import { readTranscript } from '#cli/replay/transcript.js';
import { projectRoot } from '#src/project-root.js';
import { PeerTurns } from '../run/peer-turns.js';
import type { Scenario, StartedTarget } from '../run/scenario.js';
import { Casts, type Shape } from '../run/shape.js';

/** Of the whole crowd: far below what a server can take, and above, where rooms are large. */
const rates = [200, 1_000] as const;
const peopleMax = 2_000;
const smokePeopleMax = 100;

export const mixed: Scenario = {
  name: 'mixed',
  title: 'the transcript’s rooms and people, an open loop of 200 and 1,000 messages/s',
  says: 'Real rooms, memberships and talkers, at fixed rates, against peers',
  ...{ seconds: 900, rounds: 5, playSeconds: 5 },
  ratios: [],
  async run(bench) {
    const shape = transcriptShape(bench.options.isSmoke ? smokePeopleMax : peopleMax);
    const casts = new Casts();
    const nubo = await bench.nubo();
    const peers = new PeerTurns(bench, await bench.peers());
    const turn = async (
      { running, target }: Pick<StartedTarget, 'running'> & Partial<StartedTarget>,
      perSecond: number,
    ) => {
      const part = `${target?.name ?? 'nubo'}, ${perSecond} messages/s`;
      const crowd = { ...(await casts.at(running, shape)), pace: { loop: 'open', perSecond } } as const;
      const played = { running, part, activity: part, crowd, ...(target === undefined ? {} : { target }) };
      bench.record(await bench.play(played));
    };
    await bench.rounds(async () => {
      for (const perSecond of bench.options.isSmoke ? [200] : rates) {
        await turn({ running: nubo }, perSecond);
        await peers.take((peer) => turn(peer, perSecond));
      }
    });
  },
};

/** The most talkative people of the transcript, in the rooms they write in, with as much of the traffic as they made. */
function transcriptShape(most: number): Shape {
  const transcript = readTranscript(
    process.env.NUBO_BENCH_TRANSCRIPT ?? join(projectRoot, 'samples/ubuntu-irc.ndjson.gz'),
  );
  const people = new Map<string, { messages: number; readonly rooms: Set<number> }>();
  for (const [index, { lines }] of transcript.rooms.entries())
    for (const { nick } of lines) {
      const person = people.get(nick) ?? { messages: 0, rooms: new Set<number>() };
      people.set(nick, person);
      person.messages += 1;
      person.rooms.add(index);
    }
  const cast = [...people.values()].toSorted((one, other) => other.messages - one.messages).slice(0, most);
  const members: number[][] = transcript.rooms.map(() => []);
  for (const [index, { rooms }] of cast.entries()) for (const room of rooms) members[room]?.push(index);
  // A room whose people were all left out is not there.
  const kept = [...members.keys()].filter((room) => members[room]?.length !== 0);
  const placeOf = new Map(kept.map((room, place) => [room, place]));
  return {
    population: {
      users: cast.length,
      rooms: kept.length,
      membersOf: (room) => members[kept[room] ?? -1] ?? [],
    },
    cast: ({ users }) =>
      users.map(({ user, token }, index) => {
        const own = [...(cast[index]?.rooms ?? [])].map((room) => placeOf.get(room) ?? -1);
        return { user, token, hears: own, sends: own, weight: cast[index]?.messages ?? 1 };
      }),
  };
}
