/**
 * Search over REST in real messages: common and rare words, in one conversation and in all of a person's, each alone; and
 * how long after its ack a message is found.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Populated } from '../contract.js';
import { Latencies } from '../generator/latencies.js';
import { coresOf, cpuEach, ofNubo, playOn } from '../generator/special/measure.js';
import type { RestCase } from '../generator/special/tasks.js';
import { readTranscript } from '../generator/transcript.js';
import { given } from '../run/given.js';
import type { BenchContext, Scenario } from '../run/scenario.js';
import { askNubo } from '../targets/asking.js';
import type { RunningNubo } from '../targets/nubo.js';

const whole = { users: 100, rooms: 500, messagesEach: 200, connections: 8, finds: 20 };
const smoke = { users: 6, rooms: 10, messagesEach: 40, connections: 2, finds: 2 };
/** Rooms of each user but the first, who writes and is in all. */
const roomsEach = 50;
const smokeSeconds = 0.6;
/** Filling the index may take a while on a busy machine, in milliseconds. */
const patienceMs = 120_000;

/** Words of the transcript by how often they are said: the most common ones, and some that are said a few times. */
function wordsOfTranscript(): { common: string[]; rare: string[] } {
  const counts = new Map<string, number>();
  for (const text of readTranscript().texts)
    for (const word of new Set(text.toLowerCase().match(/(?<![\w'./-])[a-z]{2,}(?![\w'./-])/g)))
      counts.set(word, (counts.get(word) ?? 0) + 1);
  const ranked = [...counts].toSorted(([, one], [, other]) => other - one);
  const rare = ranked.filter(([word, count]) => count >= 3 && count <= 5 && word.length >= 5);
  return { common: ranked.slice(0, 20).map(([word]) => word), rare: rare.slice(0, 50).map(([word]) => word) };
}

function casesOf({ users, rooms }: Populated, roomsOf: (user: number) => readonly number[]): RestCase[] {
  const { common, rare } = wordsOfTranscript();
  const pairs = common.map((word, place) => `${word} ${rare[place % rare.length]}`);
  const asked = (words: readonly string[], isInOne: boolean) =>
    users.map(({ token }, user) => {
      const mine = roomsOf(user);
      const room = rooms[mine[user % mine.length] ?? 0] ?? '';
      const q = encodeURIComponent(words[user % words.length] ?? '');
      return { token, path: isInOne ? `/conversations/${room}/search?q=${q}` : `/search?q=${q}` };
    });
  return [
    { name: 'common word, one room', method: 'GET', requests: asked(common, true) },
    { name: 'rare word, one room', method: 'GET', requests: asked(rare, true) },
    { name: 'common word, all rooms', method: 'GET', requests: asked(common, false) },
    { name: 'rare word, all rooms', method: 'GET', requests: asked(rare, false) },
    { name: 'common and rare word, all rooms', method: 'GET', requests: asked(pairs, false) },
  ];
}

/** Sends a message with a word that nobody has said, and asks for it until it is found; milliseconds from its ack on. */
async function findNew(nubo: RunningNubo, token: string, room: string): Promise<number> {
  const word = `w${crypto.randomUUID().replaceAll('-', '')}`;
  const body = { text: `something new: ${word}` };
  await askNubo(nubo, { token, path: `/conversations/${room}/messages`, body });
  const startedAt = performance.now();
  for (;;) {
    const { found } = await askNubo<{ found: unknown[] }>(nubo, { token, path: `/search?q=${word}` });
    const tookMs = performance.now() - startedAt;
    if (found.length > 0) return tookMs;
    if (tookMs > patienceMs) throw new Error(`a message was not found in ${patienceMs} ms`);
    await sleep(5);
  }
}

async function measureFinds(bench: BenchContext, nubo: RunningNubo, populated: Populated, finds: number) {
  const latencies = new Latencies();
  for (let count = 0; count < finds && !bench.signal.aborted; count += 1) {
    const room = populated.rooms[count % populated.rooms.length] ?? '';
    latencies.record(await findNew(nubo, populated.users[0]?.token ?? '', room));
  }
  const percentiles = latencies.percentiles();
  bench.record({
    ...ofNubo(bench.options, 'nubo, from ack to found'),
    figures: given({ foundP50: percentiles?.p50, foundMax: percentiles?.max }),
  });
}

export const search: Scenario = {
  name: 'search',
  title: 'search over REST, 8 connections, 100,000 real messages in 500 rooms',
  says: 'Searches a second: common and rare words, in one room and in all of a person; from ack to found',
  ...{ seconds: 120, rounds: 3, playSeconds: 4 },
  ratios: [],
  async run(bench) {
    const { codec, isSmoke } = bench.options;
    const { users, rooms, messagesEach, connections, finds } = isSmoke ? smoke : whole;
    const seconds = isSmoke ? smokeSeconds : bench.options.seconds;
    const roomsOf = (user: number) =>
      Array.from({ length: Math.min(roomsEach, rooms) }, (_, place) => (user * 5 + place) % rooms);
    const members = Array.from({ length: rooms }, (): number[] => []);
    for (let user = 0; user < users; user += 1)
      for (const room of user === 0 ? members.keys() : roomsOf(user)) members[room]?.push(user);
    const nubo = await bench.ownNubo();
    bench.say('people and rooms are made');
    const populated = await nubo.populate({ users, rooms, membersOf: (room) => members[room] ?? [] });
    const token = populated.users[0]?.token ?? '';
    await playOn(bench, nubo, {
      kind: 'fill',
      ...{ address: nubo.address, codec, rooms: populated.rooms, token, messagesEach },
    });
    bench.say('the index comes up');
    await findNew(nubo, token, populated.rooms[0] ?? '');
    const cases = casesOf(populated, roomsOf);
    await bench.rounds(async () => {
      const { report, windows } = await playOn(bench, nubo, {
        kind: 'rest',
        ...{ url: nubo.url, cases, connections, seconds },
      });
      for (const { name, requests, non2xx, errors, latency, ...one } of report.cases) {
        if (requests === 0) bench.fault(`search, ${name}: nothing was answered`);
        if (non2xx + errors > 0)
          bench.fault(`search, ${name}: ${non2xx} answers were no success, ${errors} requests failed`);
        bench.record({
          ...ofNubo(bench.options, `nubo, ${name}`),
          figures: given({
            requestsPerSecond: requests / one.seconds,
            ...{ requestP50: latency?.p50, requestP99: latency?.p99, requestMax: latency?.max },
            ...coresOf(windows.get(name)),
          }),
          ...cpuEach(windows.get(name), requests),
        });
      }
      bench.say('new messages are looked for');
      await measureFinds(bench, nubo, populated, finds);
    });
  },
};
