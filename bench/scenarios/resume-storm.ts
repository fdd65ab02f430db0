/** Thousands lose their connection at once, as when a balancer restarts, and come back by seq while life goes on. */
import type { Populated, Population } from '../contract.js';
import { coresOf, cpuEach, judge, ofNubo, playOn, spread } from '../generator/special/measure.js';
import type { StormTask } from '../generator/special/tasks.js';
import { given } from '../run/given.js';
import type { BenchContext, Scenario } from '../run/scenario.js';
import type { RunningNubo } from '../targets/nubo.js';

const roomsEach = 3;
const writers = 20;
/** All at once, as far as the queue of the server's listener lets them. */
const connectAtOnce = 400;
const whole = { clients: 3_000, rooms: 300, perSecond: 600, calmSeconds: 3, awaySeconds: 3, afterSeconds: 2 };
const smoke = {
  clients: 60,
  rooms: 6,
  perSecond: 100,
  calmSeconds: 0.6,
  awaySeconds: 0.4,
  afterSeconds: 0.3,
};

type Sizes = typeof whole;

/** Client `c` hears the rooms c, c + 1 and c + 2; the writers, who come behind the clients, are in all. */
function populationOf({ clients, rooms }: Sizes): Population {
  const membersOf = (room: number) => {
    const members: number[] = [];
    for (let place = 0; place < roomsEach; place += 1)
      for (let client = (room - place + rooms) % rooms; client < clients; client += rooms)
        members.push(client);
    return [...members, ...Array.from({ length: writers }, (_, writer) => clients + writer)];
  };
  return { users: clients + writers, rooms, membersOf };
}

function taskOf(bench: BenchContext, nubo: RunningNubo, populated: Populated, sizes: Sizes): StormTask {
  const { users, rooms } = populated;
  const tokens = users.map(({ token }) => token);
  return {
    kind: 'storm',
    ...{ address: nubo.address, codec: bench.options.codec, rooms, atOnce: connectAtOnce },
    guests: tokens.slice(0, sizes.clients).map((token, client) => ({
      token,
      hears: Array.from({ length: roomsEach }, (_, place) => (client + place) % rooms.length),
    })),
    traffic: {
      writers: tokens.slice(sizes.clients),
      rooms: rooms.map((_, room) => room),
      ...{ perSecond: sizes.perSecond, textBytes: 60 },
    },
    ...{ calmSeconds: sizes.calmSeconds, awaySeconds: sizes.awaySeconds },
    ...{ afterSeconds: sizes.afterSeconds, settleSeconds: 20 },
  };
}

export const resumeStorm: Scenario = {
  name: 'resume-storm',
  title: '3,000 clients × 3 rooms are cut at once and resume by seq under traffic',
  says: 'Time until everybody has what they missed, each seq once and in order',
  ...{ seconds: 75, rounds: 3, playSeconds: 8 },
  ratios: [],
  async run(bench) {
    const sizes = bench.options.isSmoke ? smoke : whole;
    const nubo = await bench.nubo();
    bench.say('people and rooms are made');
    const populated = await nubo.populate(populationOf(sizes));
    await bench.rounds(async () => {
      const { report, windows } = await playOn(bench, nubo, taskOf(bench, nubo, populated, sizes));
      const window = windows.get('storm');
      judge(bench, 'resume-storm', report);
      if (report.missedEvents === 0)
        bench.fault('resume-storm: nobody missed anything, so nothing was resumed');
      bench.record({
        ...ofNubo(bench.options),
        figures: given({
          clients: report.clients,
          allCaughtUpSeconds: report.allCaughtUpSeconds,
          resumesPerSecond: report.clients / report.allCaughtUpSeconds,
          ...spread('caughtUp', report.caughtUp),
          helloP99: report.hello?.p99,
          missedEvents: report.missedEvents,
          gapsTold: report.checks.gapsTold,
          pagesPulled: report.pagesPulled,
          connectsTriedAgain: report.failures,
          ackP99Calm: report.ackCalm?.p99,
          ackP99Storm: report.ackStorm?.p99,
          ...coresOf(window),
        }),
        ...cpuEach(window, report.clients),
      });
    });
  },
};
