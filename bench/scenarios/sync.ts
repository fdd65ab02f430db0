/** One cursor for everything: a person in 10,000 conversations asks what has changed, and 20 have. */
import type { Populated } from '../contract.js';
import { coresOf, cpuEach, ofNubo, playOn } from '../generator/special/measure.js';
import type { RestCase } from '../generator/special/tasks.js';
import { given } from '../run/given.js';
import type { Scenario } from '../run/scenario.js';
import { askNubo } from '../targets/asking.js';
import type { RunningNubo } from '../targets/nubo.js';

const whole = { rooms: 10_000, changed: 20 };
const smoke = { rooms: 60, changed: 20 };
const smokeSeconds = 0.6;
/** One after the other: what one person waits for. */
const connections = 1;

interface Answer {
  readonly conversations: ReadonlyArray<{ conv: string; unread?: number }>;
  readonly cursor: string;
  readonly more: boolean;
}

/** Everything up to now, page by page: how many conversations, and the cursor for the next time. */
async function syncAll(nubo: RunningNubo, token: string, cursor?: string) {
  const found = new Map<string, number>();
  let next = cursor;
  for (;;) {
    const place = next === undefined ? '' : `?cursor=${next}`;
    const answer = await askNubo<Answer>(nubo, { token, path: `/sync${place}` });
    for (const { conv, unread = 0 } of answer.conversations) found.set(conv, unread);
    next = answer.cursor;
    if (!answer.more) return { found, cursor: next };
  }
}

/** A message by the other member in each of these rooms. */
async function say(nubo: RunningNubo, { users, rooms }: Populated, changed: number): Promise<Set<string>> {
  const step = Math.floor(rooms.length / changed);
  const said = rooms.filter((_, room) => room % step === 0).slice(0, changed);
  const token = users[0]?.token ?? '';
  for (const room of said)
    await askNubo(nubo, { token, path: `/conversations/${room}/messages`, body: { text: 'something new' } });
  return new Set(said);
}

function caseOf(name: string, token: string, path: string): RestCase {
  return { name, method: 'GET', requests: [{ token, path }] };
}

export const sync: Scenario = {
  name: 'sync',
  title: 'what has changed for a person in 10,000 conversations, one request at a time',
  says: 'Milliseconds of a sync with 20 conversations changed, with none, and of the first page of all',
  ...{ seconds: 90, rounds: 3, playSeconds: 3 },
  ratios: [],
  async run(bench) {
    const { isSmoke } = bench.options;
    const sizes = isSmoke ? smoke : whole;
    const seconds = isSmoke ? smokeSeconds : bench.options.seconds;
    const nubo = await bench.ownNubo();
    bench.say('a person and their conversations are made');
    const populated = await nubo.populate({ users: 2, rooms: sizes.rooms, membersOf: () => [0, 1] });
    const token = populated.users[1]?.token ?? '';
    const all = await syncAll(nubo, token);
    if (all.found.size !== sizes.rooms)
      bench.fault(`sync: ${all.found.size} conversations were told of ${sizes.rooms}`);
    await bench.rounds(async () => {
      const before = await syncAll(nubo, token, all.cursor);
      const said = await say(nubo, populated, sizes.changed);
      const after = await syncAll(nubo, token, before.cursor);
      const isRight = after.found.size === said.size && [...said].every((conv) => after.found.has(conv));
      if (!isRight)
        bench.fault(`sync: ${after.found.size} conversations were told, ${said.size} had changed`);
      const cases = [
        caseOf(`${sizes.changed} changed`, token, `/sync?cursor=${before.cursor}`),
        caseOf('none changed', token, `/sync?cursor=${after.cursor}`),
        caseOf('first page of all', token, '/sync'),
      ];
      const { report, windows } = await playOn(bench, nubo, {
        kind: 'rest',
        ...{ url: nubo.url, cases, connections, seconds },
      });
      for (const { name, requests, non2xx, latency, errors, ...one } of report.cases) {
        if (requests === 0 || non2xx + errors > 0)
          bench.fault(`sync, ${name}: ${non2xx + errors} of ${requests} answers were no success`);
        bench.record({
          ...ofNubo(bench.options, `nubo, ${name}`),
          figures: given({
            requestsPerSecond: requests / one.seconds,
            ...{ requestP50: latency?.p50, requestP99: latency?.p99, requestMax: latency?.max },
            ...{ non2xx, errors },
            ...coresOf(windows.get(name)),
          }),
          ...cpuEach(windows.get(name), requests),
        });
      }
    });
  },
};
