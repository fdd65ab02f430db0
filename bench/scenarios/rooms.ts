/** Rooms of the usual size, side by side with everybody else's servers. */
import { figures } from '../figures.js';
import { Copies } from '../run/copies.js';
import { PeerTurns } from '../run/peer-turns.js';
import { figureOf } from '../run/ratios.js';
import type { Scenario } from '../run/scenario.js';
import { Casts, separateShape } from '../run/shape.js';

const acked = (part: string) => figureOf(part, 'ackedPerSecond');

interface RoomsOptions {
  readonly rooms: number;
  readonly senders: number;
  readonly outstanding: number;
}

/** @param sizes of a whole run; a smoke has a tenth of it */
function run(sizes: RoomsOptions): Scenario['run'] {
  return async (bench) => {
    const scale = bench.options.isSmoke ? 0.1 : 1;
    const { outstanding } = sizes;
    const [rooms, senders] = [sizes.rooms * scale, sizes.senders * scale];
    const shape = separateShape({ rooms, listenersPerRoom: 10, senders });
    const pace = { loop: 'closed', outstanding } as const;
    const activity = `${rooms} × 10, ${senders} senders × ${outstanding}`;
    const casts = new Casts();
    const nubo = await bench.nubo();
    const copies = new Copies(bench, nubo, rooms);
    const peers = new PeerTurns(bench, await bench.peers());
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
  };
}

const toCopy = {
  name: 'durable acked/s ÷ raw COPY rows/s at the same mean batch',
  isHigherBetter: true,
  of: acked('nubo'),
  to: figureOf('raw COPY', 'rowsPerSecond'),
};

export const rooms: Scenario = {
  name: 'rooms',
  title: '100 rooms × 10 listeners, 100 senders × 8',
  says: 'Ordinary rooms, against peers',
  ...{ seconds: 600, rounds: 5, playSeconds: 5 },
  ratios: [
    { ...figures.roomsToCentrifugo, of: acked('nubo'), to: acked('centrifugo') },
    { ...figures.roomsToJetStream, of: acked('nubo'), to: acked('jetstream-always') },
    { ...figures.roomsToTinode, of: acked('nubo'), to: acked('tinode') },
    toCopy,
  ],
  run: run({ rooms: 100, senders: 100, outstanding: 8 }),
};

export const manyRooms: Scenario = {
  name: 'many-rooms',
  title: '1,000 rooms × 10 listeners, 1,000 senders × 4',
  says: 'Ten thousand listeners in a thousand busy rooms, against peers',
  ...{ seconds: 1_200, rounds: 5, playSeconds: 5 },
  ratios: [toCopy],
  run: run({ rooms: 1_000, senders: 1_000, outstanding: 4 }),
};
