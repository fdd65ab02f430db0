/** Durable sending alone: as many rooms as listeners, so that the log is the work and fan-out is not. */
import { figures } from '../figures.js';
import { Copies } from '../run/copies.js';
import { PeerTurns } from '../run/peer-turns.js';
import { cpuOf, figureOf } from '../run/ratios.js';
import type { Scenario } from '../run/scenario.js';
import { Casts, separateShape } from '../run/shape.js';

export const durable: Scenario = {
  name: 'durable',
  title: 'durable sending, 1,000 rooms × 1 listener, 1,000 senders × 4',
  says: 'Acked messages a second against raw COPY at the same mean batch',
  ...{ seconds: 400, rounds: 5, playSeconds: 5 },
  ratios: [
    {
      ...figures.durableToCopy,
      of: figureOf('nubo', 'ackedPerSecond'),
      to: figureOf('raw COPY', 'rowsPerSecond'),
    },
    { ...figures.durableCpuToCopy, of: cpuOf('nubo'), to: cpuOf('raw COPY') },
  ],
  async run(bench) {
    const rooms = bench.options.isSmoke ? 100 : 1_000;
    const shape = separateShape({ rooms, listenersPerRoom: 1, senders: rooms });
    const pace = { loop: 'closed', outstanding: 4 } as const;
    const activity = `${rooms} × 1, ${rooms} senders × 4`;
    const casts = new Casts();
    const nubo = await bench.nubo();
    const copies = new Copies(bench, nubo, rooms);
    // Others whose ack means that it is on the disk.
    const peers = new PeerTurns(bench, await bench.peers(({ ack }) => ack === 'committed and fsynced'));
    await bench.rounds(async () => {
      await copies.around(async () => {
        const crowd = { ...(await casts.at(nubo, shape)), pace };
        return bench.play({ running: nubo, activity: `nubo, ${activity}`, crowd });
      });
      await peers.take(async ({ target, running }) => {
        const crowd = { ...(await casts.at(running, shape)), pace };
        bench.record(await bench.play({ target, running, activity: `${target.name}, ${activity}`, crowd }));
      });
    });
  },
};
