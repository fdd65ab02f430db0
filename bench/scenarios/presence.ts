/**
 * Everybody in a room types and is away and back all the time, and watches others: what it costs each client must not
 * grow with the room.
 */
import { coresOf, cpuEach, ofNubo, playOn } from '../generator/special/measure.js';
import type { PresenceTask } from '../generator/special/tasks.js';
import { given } from '../run/given.js';
import { figureOf } from '../run/ratios.js';
import type { Scenario } from '../run/scenario.js';

const whole = { sizes: [100, 1_000, 10_000], calmSeconds: 10, seconds: 20 };
const smoke = { sizes: [8, 40], calmSeconds: 2, seconds: 2 };
/** As many as a client may watch. */
const watchedEach = 256;
const typingEverySeconds = 2;
const atOnce = 64;
/** What `NUBO_EPHEMERAL_BYTES_PER_SECOND` is unless it is set, and two frames may fall into one second of a clock. */
const bytesMost = 2 * 2_048;

function partOf(size: number): string {
  return `${size} members`;
}

export const presence: Scenario = {
  name: 'presence',
  title: 'Everybody types and comes and goes, in rooms of 100, 1,000 and 10,000',
  says: 'Bytes per client and second of presence and typing: flat, and within the budget',
  ...{ seconds: 160, rounds: 1, playSeconds: 20 },
  ratios: [
    {
      name: 'bytes per client and second in a room of 1,000 ÷ in one of 100',
      isHigherBetter: false,
      of: figureOf(partOf(1_000), 'bytesPerSecond'),
      to: figureOf(partOf(100), 'bytesPerSecond'),
    },
    {
      name: 'bytes per client and second in a room of 10,000 ÷ in one of 100',
      isHigherBetter: false,
      of: figureOf(partOf(10_000), 'bytesPerSecond'),
      to: figureOf(partOf(100), 'bytesPerSecond'),
    },
  ],
  async run(bench) {
    const { sizes, calmSeconds, seconds } = bench.options.isSmoke ? smoke : whole;
    const nubo = bench.options.isSmoke ? await bench.nubo() : await bench.ownNubo();
    const users = Math.max(...sizes);
    bench.say(`${users} people and ${sizes.length} rooms are made`);
    const populated = await nubo.populate({
      ...{ users, rooms: sizes.length },
      membersOf: (room) => Array.from({ length: sizes[room] ?? 0 }, (_, user) => user),
    });
    await bench.rounds(async () => {
      for (const [room, size] of sizes.entries()) {
        const task: PresenceTask = {
          kind: 'presence',
          ...{ address: nubo.address, codec: bench.options.codec, rooms: populated.rooms, room },
          people: populated.users.slice(0, size),
          ...{ watchedEach, typingEverySeconds, atOnce, calmSeconds, seconds },
        };
        const { report, windows } = await playOn(bench, nubo, task);
        if (report.lost > 0 || report.refused > 0)
          bench.fault(`presence: ${report.lost} connections were lost, ${report.refused} operations refused`);
        if (report.typingShown === 0 || report.updatesShown === 0)
          bench.fault('presence: nobody was shown anything, so nothing was measured');
        if (report.bytesInASecondMost > bytesMost)
          bench.fault(`presence: a client was sent ${report.bytesInASecondMost} bytes in a second`);
        const window = windows.get('presence');
        bench.record({
          ...ofNubo(bench.options, partOf(size)),
          figures: given({
            ...{ bytesPerSecond: report.bytesPerSecond, bytesInASecondMost: report.bytesInASecondMost },
            ...{
              clients: report.clients,
              updatesShown: report.updatesShown,
              typingShown: report.typingShown,
            },
            operationsPerSecond: (report.typingSent + report.changesSent) / report.measuredSeconds,
            ...coresOf(window),
          }),
          ...cpuEach(window, report.typingSent + report.changesSent),
        });
      }
    });
  },
};
