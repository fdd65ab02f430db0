/** A conversation that fails on everything, in a whole shard: what becomes of a front that registers with it (P6). */
import { expect, test } from 'vitest';
import type { LogStore } from '#src/storage/ports.js';
import type { ToFront } from '#src/threads/messages.js';
import { createPublisher } from '#src/threads/publisher.js';
import { createSimulation } from '#test/support/sim-clock.js';
import { createShardCore } from '#workers/shard-core.js';

const conv = '018f0000-0000-7000-8000-000000000001';
/** A store that is asked and never answers. */
const store: LogStore = {
  ...{
    own() {},
    write() {},
    lookup() {},
    load() {},
    loadTail() {},
    flush() {},
    read() {},
    unknownUsers() {},
    setBlock() {},
    withoutReceipts() {},
    targets() {},
    changed() {},
    parents() {},
    attachments() {},
  },
};
const rate = { perSecond: 1_000, burst: 1_000 };

function createBrokenShard() {
  const simulation = createSimulation(1);
  const posts: Array<{ front: number; message: ToFront }> = [];
  const post = (front: number, message: ToFront) => {
    posts.push({ front, message });
    return true;
  };
  const publisher = createPublisher({
    posts: (front) => {
      const hear = (message: ToFront) => post(front, message);
      return { post: hear, postOrQueue: hear, onCredit: () => () => {} };
    },
  });
  let crashes = 0;
  const core = createShardCore({
    ...{ ports: simulation.ports, store, publisher, post, rates: { standard: rate, high: rate } },
    ...{ fronts: () => [0, 1], frontCount: 2 },
    fatal: (_reason, message) => {
      throw new Error(message);
    },
    wrapConversation: () => ({
      receive() {
        throw new Error('planted');
      },
      mayPassivate: () => true,
    }),
    onCrash: () => {
      crashes += 1;
    },
  });
  const register = (front: number, have: number) => {
    core.onRequest({ kind: 'register', front, conv, have });
    simulation.run({ untilMs: simulation.now() + 60_000 });
    core.stop();
  };
  return { publisher, posts, register, crashes: () => crashes };
}

test.each([
  ['as much as was published', 5, []],
  ['one less', 4, [{ front: 0, message: { kind: 'missed', conv, head: 5 } }]],
])(
  'P6 a front that has %s is interested from then on, though the conversation cannot take it',
  (_, have, told) => {
    const { publisher, posts, register, crashes } = createBrokenShard();
    publisher.subscribe(1, conv, 5);
    register(0, have);
    expect(crashes()).toBe(3);
    expect(posts).toEqual(told);
    posts.length = 0;
    publisher.missed(conv, 6);
    expect(posts.map(({ front }) => front).toSorted()).toEqual([0, 1]);
  },
);

test('P6 where nobody else is interested, what the front has is what was published', () => {
  const { publisher, posts, register } = createBrokenShard();
  register(0, 4);
  expect(publisher.lastSeq(conv)).toBe(4);
  expect(posts).toEqual([]);
});
