/** Authenticated connects, from TCP connect to `hello`, against bare upgrades by the same clients. */
import type { Measurement } from '../contract.js';
import { figures } from '../figures.js';
import { coresOf, cpuEach, ofNubo, spread } from '../generator/special/measure.js';
import { type Connected, generators, playConnects } from '../generator/special/play-connects.js';
import type { ConnectTask } from '../generator/special/tasks.js';
import type { ConnectionsServerChild } from '../limits/connections-server-child.js';
import { withProcesses } from '../limits/processes.js';
import { figureOf } from '../run/ratios.js';
import type { BenchContext, Scenario } from '../run/scenario.js';
import { cpuSecondsOf } from '../targets/processes.js';

const atOnce = 100;
const whole = { warmUp: 2_000, connects: 8_000 };
const smoke = { warmUp: 50, connects: 200 };
const barePart = 'bare upgrades';

function figuresOf(played: Connected): Pick<Measurement, 'figures' | 'cpu'> {
  const { connects, seconds, connect, failures, window } = played;
  return {
    figures: {
      connectsPerSecond: connects / seconds,
      ...spread('connect', connect),
      failures,
      ...coresOf(window),
    },
    ...cpuEach(window, connects),
  };
}

/** The bare server takes the same requests, tokens and all, upgrades them, and does nothing else. */
function bareUpgrades(
  bench: BenchContext,
  task: Omit<ConnectTask, 'address' | 'isBare'>,
): Promise<Measurement> {
  bench.say('bare upgrades');
  return withProcesses(async (processes) => {
    const server = processes.start<ConnectionsServerChild>('connections-server-child');
    const [port = 0] = await server.call('listen', { topics: 0, rooms: 1, ports: 1 });
    const cpu = () => ({ server: cpuSecondsOf(server.pid), database: 0 });
    const played = await playConnects(
      { ...task, address: { host: '127.0.0.1', port }, isBare: true },
      { running: { cpu }, signal: bench.signal },
    );
    return {
      ...{ part: barePart, kind: 'limit' },
      label: `bare uWebSockets.js, ${atOnce} upgrades at a time from ${generators} processes, the same requests`,
      ...figuresOf(played),
    };
  }, bench.signal);
}

const cpuOfServer = (part: string) => (round: readonly Measurement[]) => {
  const each = round.filter((one) => one.part === part).map(({ cpu }) => cpu?.server ?? Number.NaN);
  return each.length === 0 ? undefined : each.reduce((sum, micros) => sum + micros, 0) / each.length;
};

export const connectRate: Scenario = {
  name: 'connect-rate',
  title: 'authenticated connects, 100 at a time from two processes, 8,000 after the first 2,000',
  says: 'Connects a second to `hello`, against bare upgrades of uWebSockets.js',
  ...{ seconds: 75, rounds: 5, playSeconds: 2 },
  ratios: [
    {
      ...figures.connectsToBare,
      of: figureOf('nubo', 'connectsPerSecond'),
      to: figureOf(barePart, 'connectsPerSecond'),
    },
    {
      name: 'CPU µs of the server per authenticated connect ÷ bare',
      isHigherBetter: false,
      ...{ of: cpuOfServer('nubo'), to: cpuOfServer(barePart) },
    },
  ],
  async run(bench) {
    const { warmUp, connects } = bench.options.isSmoke ? smoke : whole;
    const nubo = await bench.nubo();
    await bench.rounds(async () => {
      // Others each time: nobody is known from the round before.
      bench.say('people are made');
      const { users } = await nubo.populate({ users: warmUp + connects, rooms: 0, membersOf: () => [] });
      const task = {
        kind: 'connect',
        ...{ codec: bench.options.codec, tokens: users.map(({ token }) => token), atOnce, warmUp },
      } as const;
      bench.record(await bareUpgrades(bench, task));
      bench.say('authenticated connects');
      const played = await playConnects(
        { ...task, address: nubo.address, isBare: false },
        { running: nubo, signal: bench.signal },
      );
      const { failures, details } = played;
      if (failures > 0) bench.fault(`connect-rate: ${failures} connects failed: ${details.join('; ')}`);
      bench.record({ ...ofNubo(bench.options), ...figuresOf(played) });
      bench.record(await bareUpgrades(bench, task));
    });
  },
};
