/** Pages of history by seq, as people scroll: from the disk, from the database's memory, and from the conversation's. */
import { coresOf, cpuEach, ofNubo, playOn } from '../generator/special/measure.js';
import type { HistoryTask, HistoryWindow } from '../generator/special/tasks.js';
import { given } from '../run/given.js';
import type { BenchContext, Scenario } from '../run/scenario.js';

const pageEvents = 50;
const textBytes = 60;
const whole = { rooms: 40, messagesEach: 5_000, readers: 16, outstanding: 2 };
const smoke = { rooms: 2, messagesEach: 500, readers: 2, outstanding: 2 };

/** What is not dense, not full or not what was written is a fault; so is a page that was refused. */
function judgeWindow(bench: BenchContext, { name, wrong, refused, reads, details }: HistoryWindow): void {
  if (reads === 0) bench.fault(`history, ${name}: nothing was read`);
  if (wrong + refused === 0) return;
  bench.fault(`history, ${name}: ${wrong} pages were wrong and ${refused} refused: ${details.join('; ')}`);
}

export const history: Scenario = {
  name: 'history',
  title: 'history by seq over WebSocket, 32 reads outstanding, pages of 50',
  says: 'Pages a second: cold after a restart, warm, and the newest; each checked for density and text',
  ...{ seconds: 90, rounds: 3, playSeconds: 5 },
  ratios: [],
  async run(bench) {
    const { codec, isSmoke, seconds } = bench.options;
    const { rooms, messagesEach, readers, outstanding } = isSmoke ? smoke : whole;
    const nubo = await bench.ownNubo();
    bench.say('people and rooms are made');
    const everybody = Array.from({ length: readers }, (_, reader) => reader);
    const populated = await nubo.populate({ users: readers, rooms, membersOf: () => everybody });
    const server = () => ({ address: nubo.address, codec, rooms: populated.rooms });
    const tokens = populated.users.map(({ token }) => token);
    const filled = await playOn(bench, nubo, {
      kind: 'fill',
      ...{ ...server(), token: tokens[0] ?? '', messagesEach, textBytes },
    });
    await bench.rounds(async () => {
      // Its caches and the database's are empty then; the system's own are not.
      bench.say('nubo starts again');
      await nubo.restart();
      const task: HistoryTask = {
        kind: 'history',
        ...{ ...server(), tokens, ...filled.report, pageEvents, outstanding, seconds },
        windows: [
          { name: 'cold', reads: 'every page' },
          { name: 'warm', reads: 'every page' },
          { name: 'newest', reads: 'newest' },
        ],
      };
      const { report, windows } = await playOn(bench, nubo, task);
      for (const window of report.windows) {
        judgeWindow(bench, window);
        bench.record({
          ...ofNubo(bench.options, `nubo, ${window.name}`),
          figures: given({
            readsPerSecond: window.reads / window.seconds,
            eventsPerSecond: window.events / window.seconds,
            megabytesPerSecond: window.bytes / window.seconds / 1e6,
            ...{ readP50: window.read?.p50, readP99: window.read?.p99 },
            pages: window.reads,
            ...coresOf(windows.get(window.name)),
          }),
          ...cpuEach(windows.get(window.name), window.reads),
        });
      }
    });
  },
};
