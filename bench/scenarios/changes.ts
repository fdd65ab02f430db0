/**
 * What people do beside writing: they react, edit, delete and pin, in the same rooms at the same time. Each play is the
 * same crowd with other shares, so that what a change costs stands beside what a message costs.
 */
import type { Measurement } from '../contract.js';
import { cpuEach, judge, ofNubo, playOn, spread } from '../generator/special/measure.js';
import type { ChangeShares, ChangesReport, ChangesTask } from '../generator/special/tasks.js';
import { given } from '../run/given.js';
import { cpuOf, figureOf, type RatioPlan, type ReadRound } from '../run/ratios.js';
import type { Scenario } from '../run/scenario.js';

const whole = { rooms: 100, listenersPerRoom: 10, writers: 100, outstanding: 8 };
const smoke = { rooms: 4, listenersPerRoom: 3, writers: 4, outstanding: 4 };
const textBytes = 60;

const plain = 'sends only';
const mixed = '70 % sends';
const reactions = 'half reactions';
const edits = 'half edits';
const plays: Readonly<Record<string, ChangeShares>> = {
  [plain]: { react: 0, edit: 0, delete: 0, pin: 0 },
  [mixed]: { react: 0.15, edit: 0.1, delete: 0.025, pin: 0.025 },
  [reactions]: { react: 0.5, edit: 0, delete: 0, pin: 0 },
  [edits]: { react: 0, edit: 0.5, delete: 0, pin: 0 },
};

/** What one change took of server and database, from a play of which half are changes. */
function changeOf(part: string): ReadRound {
  return (round) => {
    const [both, send] = [cpuOf(part)(round), cpuOf(plain)(round)];
    return both === undefined || send === undefined ? undefined : 2 * both - send;
  };
}

function ratio(name: string, of: ReadRound, to: ReadRound, isHigherBetter = false): RatioPlan {
  return { name, of, to, isHigherBetter };
}

function measurementOf(part: string, report: ChangesReport, codec: string): Omit<Measurement, 'cpu'> {
  const { acked, delivered, measuredSeconds, ack, ackOf, delivery } = report;
  return {
    ...ofNubo({ codec }, part),
    figures: given({
      ...{ ackedPerSecond: acked / measuredSeconds, deliveriesPerSecond: delivered / measuredSeconds },
      ...{ ackP50: ack?.p50, ackP99: ack?.p99, deliveryP50: delivery?.p50, deliveryP99: delivery?.p99 },
      ...Object.assign({}, ...Object.entries(ackOf).map(([kind, times]) => spread(kind, times))),
    }),
  };
}

export const changes: Scenario = {
  name: 'changes',
  title: '100 rooms × 10 listeners, 100 who write × 8: sends, reactions, edits, deletions, pins',
  says: 'Reactions, edits, deletions and pins beside messages, against messages alone',
  ...{ seconds: 250, rounds: 5, playSeconds: 5 },
  ratios: [
    ratio(
      'acked/s with 30 % changes ÷ sends only',
      figureOf(mixed, 'ackedPerSecond'),
      figureOf(plain, 'ackedPerSecond'),
      true,
    ),
    ratio('ack p99 with 30 % changes ÷ sends only', figureOf(mixed, 'ackP99'), figureOf(plain, 'ackP99')),
    ratio('CPU µs (server + Postgres) of a reaction ÷ of a send', changeOf(reactions), cpuOf(plain)),
    ratio('CPU µs (server + Postgres) of an edit ÷ of a send', changeOf(edits), cpuOf(plain)),
  ],
  async run(bench) {
    const { isSmoke, codec, seconds } = bench.options;
    const { rooms, listenersPerRoom, writers, outstanding } = isSmoke ? smoke : whole;
    const nubo = await bench.nubo();
    const listeners = rooms * listenersPerRoom;
    const roomOf = (user: number) =>
      user < listeners ? Math.floor(user / listenersPerRoom) : (user - listeners) % rooms;
    const members: number[][] = Array.from({ length: rooms }, () => []);
    for (let user = 0; user < listeners + writers; user += 1) members[roomOf(user)]?.push(user);
    const populated = await nubo.populate({
      ...{ users: listeners + writers, rooms },
      membersOf: (room) => members[room] ?? [],
    });
    const tokens = populated.users.map(({ token }, user) => ({ token, room: roomOf(user) }));
    await bench.rounds(async () => {
      for (const [part, shares] of Object.entries(plays)) {
        bench.say(part);
        const task: ChangesTask = {
          kind: 'changes',
          ...{ address: nubo.address, codec, rooms: populated.rooms, shares, textBytes, outstanding },
          guests: tokens.slice(0, listeners).map(({ token, room }) => ({ token, hears: [room] })),
          writers: tokens.slice(listeners),
          ...{ warmUpSeconds: isSmoke ? 0.3 : 2, seconds, settleSeconds: 15 },
        };
        const { report, windows } = await playOn(bench, nubo, task);
        judge(bench, `changes, ${part}`, report);
        bench.record({
          ...measurementOf(part, report, codec),
          ...cpuEach(windows.get('changes'), report.acked),
        });
      }
    });
  },
};
