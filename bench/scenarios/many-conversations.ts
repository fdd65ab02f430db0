/** What conversations cost that exist and say nothing: the same hundred are busy, among a hundred and among many. */
import type { RunningTarget } from '../contract.js';
import { figures } from '../figures.js';
import { cpuOf } from '../run/ratios.js';
import type { BenchContext, Scenario } from '../run/scenario.js';
import { type Cast, type Shape, separateShape } from '../run/shape.js';

const few = 'nubo, 100 active among 100';
const idle = 'nubo, 100 active among 100,000';
const busy = 'nubo, 100,000 active';

export const manyConversations: Scenario = {
  name: 'many-conversations',
  title: 'CPU a message, 100 active conversations among 100,000 and among 100',
  says: 'What conversations cost that exist and are silent',
  ...{ seconds: 240, rounds: 5, playSeconds: 5 },
  ratios: [
    { ...figures.manyConversations, of: cpuOf(idle), to: cpuOf(few) },
    {
      name: 'CPU µs per message, 100,000 active conversations ÷ 100 among 100',
      ...{ isHigherBetter: false, of: cpuOf(busy), to: cpuOf(few) },
    },
  ],
  async run(bench) {
    const active = bench.options.isSmoke ? 10 : 100;
    const existing = bench.options.isSmoke ? 1_000 : 100_000;
    // A smoke starts no server that it can do without.
    const own = bench.options.isSmoke ? undefined : await bench.ownNubo();
    const small = own ?? (await bench.nubo());
    const large = await bench.ownNubo();
    bench.say(`${existing} conversations are made`);
    const among = await castOf(small, separateShape({ rooms: active, listenersPerRoom: 1, senders: active }));
    const everything = await castOf(large, spreadShape(active, existing));
    const some = { rooms: everything.rooms.slice(0, active), clients: onlyFirst(everything.clients, active) };
    await bench.rounds(async () => {
      // Started again, the one has none of its many in memory, and neither is warmer than the other.
      bench.say('nubo starts again');
      await own?.restart();
      await large.restart();
      await play(bench, small, few, among);
      await play(bench, large, idle, some);
      await play(bench, large, busy, everything);
    });
  },
};

async function play(bench: BenchContext, running: RunningTarget, part: string, cast: Cast): Promise<void> {
  const pace = { loop: 'closed', outstanding: 8 } as const;
  // Some subscribe to a thousand conversations, which have to be read first: few at a time, or the server refuses.
  const crowd = { ...cast, pace, connectAtOnce: 2 };
  bench.record(await bench.play({ running, part, activity: part, crowd }));
}

async function castOf(running: RunningTarget, { population, cast }: Shape): Promise<Cast> {
  const populated = await running.populate(population);
  return { rooms: populated.rooms, clients: cast(populated) };
}

/** Pairs of a listener and a sender, over whom the rooms are dealt out; the first room of each pair is the busy one. */
function spreadShape(pairs: number, rooms: number): Shape {
  const roomsOf = (pair: number) =>
    Array.from({ length: Math.ceil((rooms - pair) / pairs) }, (_, index) => pair + index * pairs);
  return {
    population: { users: 2 * pairs, rooms, membersOf: (room) => [room % pairs, pairs + (room % pairs)] },
    cast: ({ users }) =>
      users.map(({ user, token }, index) => {
        const own = roomsOf(index % pairs);
        return { user, token, hears: index < pairs ? own : [], sends: index < pairs ? [] : own };
      }),
  };
}

/** The same people, each in one of their rooms. */
function onlyFirst(clients: Cast['clients'], active: number): Cast['clients'] {
  return clients.map((client) => ({
    ...client,
    hears: client.hears.filter((room) => room < active),
    sends: client.sends.filter((room) => room < active),
  }));
}
