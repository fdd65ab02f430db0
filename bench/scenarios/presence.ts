/**
 * Everybody in a room types, is away and back and reads all the time, and watches others: what it costs each client must
 * not grow with the room. And when one speaks, how long is it until the last of them has been shown it?
 */
import type { Measurement, Play } from '../contract.js';
import { coresOf, cpuEach, ofNubo, spread } from '../generator/special/measure.js';
import { type Attended, playPresences } from '../generator/special/play-presence.js';
import type { PresenceTask } from '../generator/special/tasks.js';
import { given } from '../run/given.js';
import { figureOf } from '../run/ratios.js';
import type { BenchContext, Scenario } from '../run/scenario.js';

const whole = { sizes: [100, 1_000, 10_000], messages: 60, messagesPerSecond: 3, calmSeconds: 10 };
const smoke = { sizes: [8, 40], messages: 4, messagesPerSecond: 20, calmSeconds: 2 };
const smokeSeconds = 2;
/** As many as a client may watch. */
const watchedEach = 256;
const typingEverySeconds = 2;
const textBytes = 100;
const settleSeconds = 10;
const atOnce = 64;
/** What `NUBO_EPHEMERAL_BYTES_PER_SECOND` is unless it is set, and two frames may fall into one second of a clock. */
const budgetBytes = 2_048;
const bytesMost = 2 * budgetBytes;

function partOf(size: number): string {
  return `${size} members`;
}

function ratioTo100(size: number) {
  return {
    name: `bytes per client and second in a room of ${size.toLocaleString('en-US')} ÷ in one of 100`,
    isHigherBetter: false,
    of: figureOf(partOf(size), 'bytesPerSecond'),
    to: figureOf(partOf(100), 'bytesPerSecond'),
  };
}

function judge(bench: BenchContext, size: number, attended: Attended): void {
  const fault = (why: string) => bench.fault(`presence, ${partOf(size)}: ${why}`);
  const { lost, refused, details, calm, busy, bytesInASecondMost, bytesPerSecond } = attended;
  if (lost > 0 || refused > 0)
    fault(
      `${lost} connections or events were lost, ${refused} operations refused: ${details.slice(0, 5).join('; ')}`,
    );
  if (calm.wrong + busy.wrong > 0) fault(`${calm.wrong + busy.wrong} deliveries were lost or came twice`);
  if (attended.typingShown === 0 || attended.updatesShown === 0)
    fault('nobody was shown anything, so nothing was measured');
  if (bytesPerSecond > budgetBytes) fault(`a client was sent ${Math.round(bytesPerSecond)} bytes a second`);
  if (bytesInASecondMost > bytesMost) fault(`a client was sent ${bytesInASecondMost} bytes in a second`);
}

function measurementOf(bench: BenchContext, size: number, attended: Attended): Measurement {
  const { windows, calm, busy, measuredSeconds } = attended;
  const window = windows.get('presence');
  const asked = attended.typingSent + attended.changesSent + attended.readsSent;
  return {
    ...ofNubo(bench.options, partOf(size)),
    figures: given({
      bytesPerSecond: attended.bytesPerSecond,
      bytesInASecondMost: attended.bytesInASecondMost,
      ...spread('lastDelivery', calm.last),
      ...spread('lastDeliveryUnderLoad', busy.last),
      ...{ clients: attended.clients, clientProcesses: attended.processes },
      ...{ updatesShown: attended.updatesShown, typingShown: attended.typingShown },
      receiptsShown: attended.receiptsShown,
      operationsPerSecond: asked / measuredSeconds,
      ...coresOf(window),
    }),
    ...cpuEach(window, asked),
    ...(window === undefined ? {} : { play: playOf(attended, window.generator) }),
  };
}

/** What was said before the load, for the plots: each delivery there is that to the last. */
function playOf(
  { calm, busy, clients, measuredSeconds, lost, refused, details }: Attended,
  cpuSeconds: number,
): Play {
  const sent = (calm.last?.count ?? 0) + (busy.last?.count ?? 0);
  const delivered = sent * clients - calm.wrong - busy.wrong;
  return {
    ...{ seconds: [], measuredSeconds, acked: sent, delivered, deliveryHistogram: calm.histogram },
    ...(calm.last === undefined ? {} : { delivery: calm.last }),
    ...{ connectsPerSecond: 0, cpuSeconds, isBottleneck: false },
    checks: {
      ...{ sent, acked: sent, refused, unanswered: 0, delivered, due: sent * clients },
      ...{ lost: calm.wrong + busy.wrong, duplicates: 0, disordered: 0, foreign: 0, gapsTold: 0 },
      ...{ disconnects: lost, details },
    },
  };
}

export const presence: Scenario = {
  name: 'presence',
  title: 'Everybody types, comes, goes and reads, in rooms of 100, 1,000 and 10,000',
  says: 'Bytes per client and second of presence, typing and receipts; from a send to its last delivery',
  ...{ seconds: 330, rounds: 1, playSeconds: 20 },
  ratios: [ratioTo100(1_000), ratioTo100(10_000)],
  async run(bench) {
    const { isSmoke, codec, members } = bench.options;
    const { sizes: usual, ...plan } = isSmoke ? smoke : whole;
    const sizes = members ?? usual;
    const seconds = isSmoke ? smokeSeconds : Math.ceil(bench.options.seconds);
    const nubo = isSmoke ? await bench.nubo() : await bench.ownNubo();
    // Whoever founds a room is a member of it, and never there.
    const guests = sizes.map((size) => size - 1);
    const users = Math.max(...guests);
    bench.say(`${users} people and ${sizes.length} rooms are made`);
    const populated = await nubo.populate({
      ...{ users, rooms: sizes.length },
      membersOf: (room) => Array.from({ length: guests[room] ?? 0 }, (_, user) => user),
    });
    await bench.rounds(async () => {
      for (const [room, size] of sizes.entries()) {
        const task: Omit<PresenceTask, 'part' | 'parts'> = {
          kind: 'presence',
          ...{ address: nubo.address, codec, rooms: populated.rooms, room },
          people: populated.users.slice(0, size - 1),
          ...{ watchedEach, typingEverySeconds, atOnce, textBytes, seconds, settleSeconds, ...plan },
        };
        const attended = await playPresences(task, {
          ...{ running: nubo, signal: bench.signal, onProgress: ({ text }) => bench.say(text) },
        });
        judge(bench, size, attended);
        bench.record(measurementOf(bench, size, attended));
      }
    });
  },
};
