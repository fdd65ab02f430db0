/** What it costs to write everything to Redis and Mongo as well: the wait for an ack, and how much can be sent. */
import { figures } from '../figures.js';
import { benchMongo, benchRedis } from '../mirrors/servers.js';
import { untilLevel, watched } from '../mirrors/watch.js';
import { given } from '../run/given.js';
import { figureOf } from '../run/ratios.js';
import type { BenchContext, PlannedCrowd, Scenario } from '../run/scenario.js';
import { Casts, separateShape } from '../run/shape.js';
import type { RunningNubo } from '../targets/nubo.js';

const paced = { alone: 'nubo, paced', mirrored: 'nubo with mirrors, paced' } as const;
const full = { alone: 'nubo, saturated', mirrored: 'nubo with mirrors, saturated' } as const;
const perSecond = { whole: 5_000, smoke: 300 };
/** What a saturated play leaves behind is waited for, so that the next one begins level. */
const levelSecondsMax = 60;

interface Side {
  readonly name: keyof typeof paced;
  readonly nubo: RunningNubo;
  readonly label: string;
}

export const mirrored: Scenario = {
  name: 'mirrored',
  title: 'durable sending with Redis and Mongo, and without, 1,000 rooms × 1 listener',
  says: 'Ack p99 at 5,000 messages/s and acked/s at saturation, with both mirrors ÷ without; how far mirrors lag',
  ...{ seconds: 400, rounds: 5, playSeconds: 8 },
  ratios: [
    { ...figures.mirroredP99, of: figureOf(paced.mirrored, 'ackP99'), to: figureOf(paced.alone, 'ackP99') },
    { ...figures.mirrorLag, of: figureOf(paced.mirrored, 'mirrorLagSeconds') },
    {
      ...figures.mirroredDurable,
      of: figureOf(full.mirrored, 'ackedPerSecond'),
      to: figureOf(full.alone, 'ackedPerSecond'),
    },
  ],
  async run(bench) {
    const servers = [await benchRedis(bench), await benchMongo(bench)].filter(
      (server) => server !== undefined,
    );
    try {
      const rooms = bench.options.isSmoke ? 50 : 1_000;
      const shape = separateShape({ rooms, listenersPerRoom: 1, senders: rooms });
      const casts = new Casts();
      const sides: Side[] = [{ name: 'alone', nubo: await bench.ownNubo(), label: 'nubo without mirrors' }];
      if (servers.length > 0) {
        const settings = Object.assign({}, ...servers.map((server) => server.settings)) as Record<
          string,
          string
        >;
        const label = `nubo with ${servers.map(({ name }) => name).join(' and ')}`;
        sides.push({ name: 'mirrored', nubo: await bench.ownNubo(settings), label });
      }
      await bench.rounds(async (index) => {
        // By turns first: what a play leaves behind is not always the other's.
        const order = index % 2 === 0 ? sides : sides.toReversed();
        for (const side of order) await playPaced(bench, side, await casts.at(side.nubo, shape));
        for (const side of order) await playFull(bench, side, await casts.at(side.nubo, shape));
      });
    } finally {
      await Promise.all(servers.map((server) => server.stop()));
    }
  },
};

type Cast = Pick<PlannedCrowd, 'rooms' | 'clients'>;

async function playPaced(bench: BenchContext, side: Side, cast: Cast): Promise<void> {
  const rate = bench.options.isSmoke ? perSecond.smoke : perSecond.whole;
  await play(bench, side, paced[side.name], { ...cast, pace: { loop: 'open', perSecond: rate } });
}

async function playFull(bench: BenchContext, side: Side, cast: Cast): Promise<void> {
  await play(bench, side, full[side.name], { ...cast, pace: { loop: 'closed', outstanding: 4 } });
}

async function play(bench: BenchContext, side: Side, part: string, crowd: PlannedCrowd): Promise<void> {
  const { nubo, label } = side;
  const playing = () => bench.play({ running: nubo, part, label, activity: part, crowd });
  const { value, figures: seen } = await watched(nubo, playing);
  if (side.name === 'alone') {
    const { serverMegabytes, mostServerMegabytes } = seen;
    bench.record({
      ...value,
      figures: { ...value.figures, ...given({ serverMegabytes, mostServerMegabytes }) },
    });
    return;
  }
  bench.say('mirrors catch up');
  const levelAfterSeconds = await untilLevel(nubo, { secondsMax: levelSecondsMax, signal: bench.signal });
  if (levelAfterSeconds === undefined)
    bench.miss(`${part}: mirrors were not level within ${levelSecondsMax} s`);
  bench.record({ ...value, figures: { ...value.figures, ...seen, ...given({ levelAfterSeconds }) } });
}
