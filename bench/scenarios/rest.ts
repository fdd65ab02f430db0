/** REST, by autocannon: a health check, two reads and a durable write, each alone. */
import type { Populated } from '../contract.js';
import { coresOf, cpuEach, ofNubo, playOn } from '../generator/special/measure.js';
import type { RestCase, RestCaseReport } from '../generator/special/tasks.js';
import { given } from '../run/given.js';
import type { BenchContext, Scenario } from '../run/scenario.js';
import { askNubo } from '../targets/asking.js';
import type { RunningNubo } from '../targets/nubo.js';

const whole = { users: 100, rooms: 200, messagesEach: 200, connections: 32 };
const smoke = { users: 5, rooms: 10, messagesEach: 60, connections: 4 };
const roomsEach = 20;
const smokeSeconds = 0.6;
const postName = 'POST message';

function casesOf({ users, rooms }: Populated, roomsOf: (user: number) => readonly number[]): RestCase[] {
  const asked = (pathOf: (room: string) => string) =>
    users.map(({ token }, user) => {
      const mine = roomsOf(user);
      return { token, path: pathOf(rooms[mine[user % mine.length] ?? 0] ?? '') };
    });
  return [
    { name: 'GET health', method: 'GET', requests: [{ path: '/healthz' }] },
    { name: 'GET conversations', method: 'GET', requests: asked(() => '/conversations?limit=20') },
    {
      ...{ name: 'GET history', method: 'GET' },
      requests: asked((room) => `/conversations/${room}/messages?limit=50`),
    },
    {
      ...{
        name: postName,
        method: 'POST',
        body: JSON.stringify({ text: 'the quick brown fox jumps over the lazy dog' }),
      },
      requests: asked((room) => `/conversations/${room}/messages`),
    },
  ];
}

/** The heads of all rooms together: each message that was answered with 201 must have moved one of them by one. */
async function headsOf(nubo: RunningNubo, { rooms, users }: Populated, ownerOf: (room: number) => number) {
  let sum = 0;
  for (const [room, conversation] of rooms.entries()) {
    const token = users[ownerOf(room)]?.token ?? '';
    const path = `/conversations/${conversation}/messages?limit=1`;
    sum += (await askNubo<{ head: number }>(nubo, { token, path })).head;
  }
  return sum;
}

function judgeCase(bench: BenchContext, { name, requests, non2xx, errors }: RestCaseReport): void {
  if (requests === 0) bench.fault(`rest, ${name}: nothing was answered`);
  if (non2xx + errors > 0)
    bench.fault(`rest, ${name}: ${non2xx} of ${requests} answers were no success, ${errors} requests failed`);
}

export const rest: Scenario = {
  name: 'rest',
  title: 'REST, 32 connections',
  says: 'Requests a second: health, conversation list, history, POST message',
  ...{ seconds: 90, rounds: 3, playSeconds: 4 },
  ratios: [],
  async run(bench) {
    const { codec, isSmoke } = bench.options;
    const { users, rooms, messagesEach, connections } = isSmoke ? smoke : whole;
    const seconds = isSmoke ? smokeSeconds : bench.options.seconds;
    const roomsOf = (user: number) =>
      Array.from({ length: Math.min(roomsEach, rooms) }, (_, place) => (user * 2 + place) % rooms);
    const members = Array.from({ length: rooms }, (): number[] => []);
    // The first user writes the history of all rooms.
    for (let user = 0; user < users; user += 1)
      for (const room of user === 0 ? members.keys() : roomsOf(user)) members[room]?.push(user);
    const nubo = await bench.nubo();
    bench.say('people and rooms are made');
    const populated = await nubo.populate({ users, rooms, membersOf: (room) => members[room] ?? [] });
    await playOn(bench, nubo, {
      kind: 'fill',
      ...{ address: nubo.address, codec, rooms: populated.rooms, token: populated.users[0]?.token ?? '' },
      ...{ messagesEach, textBytes: 60 },
    });
    const cases = casesOf(populated, roomsOf);
    await bench.rounds(async () => {
      const before = await headsOf(nubo, populated, () => 0);
      const { report, windows } = await playOn(bench, nubo, {
        kind: 'rest',
        ...{ url: nubo.url, cases, connections, seconds },
      });
      const stored = (await headsOf(nubo, populated, () => 0)) - before;
      for (const one of report.cases) {
        const { name, requests, non2xx, latency, bytes, succeededInAll } = one;
        judgeCase(bench, one);
        // What was under way when the warm-up and the case ended is stored and was not answered any more.
        const isRight = stored >= succeededInAll && stored <= succeededInAll + 2 * connections;
        if (name === postName && !isRight)
          bench.fault(`rest: ${succeededInAll} messages were answered with success and ${stored} are stored`);
        bench.record({
          ...ofNubo(bench.options, `nubo, ${name}`),
          figures: given({
            requestsPerSecond: requests / one.seconds,
            ...{ requestP50: latency?.p50, requestP99: latency?.p99, requestMax: latency?.max },
            ...{ non2xx, errors: one.errors, megabytesPerSecond: bytes / one.seconds / 1e6 },
            ...coresOf(windows.get(name)),
          }),
          ...cpuEach(windows.get(name), requests),
        });
      }
    });
  },
};
