/** How long an ack takes: alone on the server, and when the server is half busy. */
import { figures } from '../figures.js';
import { latencyFloor } from '../limits/index.js';
import { figureOf } from '../run/ratios.js';
import type { BenchContext, Scenario } from '../run/scenario.js';
import { Casts, separateShape } from '../run/shape.js';
import type { RunningNubo } from '../targets/nubo.js';

const alone = 'nubo, one in flight';
const halfBusy = 'nubo, at half of capacity';
const capacity = 'nubo, capacity';

export const latency: Scenario = {
  name: 'latency',
  title: 'ack latency, one in flight and at half of capacity',
  says: 'One in flight against the floor; an open loop at half of capacity',
  ...{ seconds: 180, rounds: 5, playSeconds: 5 },
  ratios: [
    {
      ...figures.latencyToFloor,
      of: figureOf(alone, 'ackP50'),
      to: figureOf('latency floor', 'p50Milliseconds'),
    },
    { ...figures.latencyAtHalf, of: figureOf(halfBusy, 'ackP99') },
  ],
  async run(bench) {
    const rooms = bench.options.isSmoke ? 50 : 1_000;
    const casts = new Casts();
    const single = separateShape({ rooms: 1, listenersPerRoom: 1, senders: 1 });
    const many = separateShape({ rooms, listenersPerRoom: 1, senders: rooms });
    const nubo = await bench.nubo();
    await bench.rounds(async () => {
      await floor(bench, nubo);
      const pace = { loop: 'closed', outstanding: 1 } as const;
      bench.record(
        await bench.play({
          ...{ running: nubo, part: alone, activity: alone },
          crowd: { ...(await casts.at(nubo, single)), pace },
        }),
      );
      await floor(bench, nubo);
      // Of the same traffic: with more outstanding, messages, acks and events would travel several to a frame, and an
      // open loop, in which each travels alone, could never be served at half of that rate.
      const full = bench.record(
        await bench.play({
          ...{ running: nubo, part: capacity, activity: `${capacity}, ${rooms} senders × 1` },
          crowd: { ...(await casts.at(nubo, many)), pace },
        }),
      );
      const perSecond = Math.max(1, Math.round((full.figures.ackedPerSecond ?? 0) / 2));
      bench.record(
        await bench.play({
          ...{ running: nubo, part: halfBusy, activity: `${halfBusy}, ${perSecond}/s` },
          crowd: { ...(await casts.at(nubo, many)), pace: { loop: 'open', perSecond } },
        }),
      );
    });
  },
};

async function floor(bench: BenchContext, { postgresUrl, postgresPid }: RunningNubo): Promise<void> {
  const { isSmoke, seconds } = bench.options;
  bench.say('latency floor');
  bench.record(
    await latencyFloor({
      database: { url: postgresUrl, pid: postgresPid },
      ...{ texts: 'transcript', seconds: isSmoke ? 0.5 : Math.min(3, seconds), signal: bench.signal },
    }),
  );
}
