/**
 * What presence and typing cost one client in a room where everybody types and comes and goes: a socket of a real front,
 * with the actors that merge (E8). Counted are the bytes of the frames it is given.
 */
import { expect, test } from 'vitest';
import type { ConversationPorts } from '#actors/conversation/ports.js';
import { Typing } from '#actors/conversation/typing.js';
import type { ControlEvent } from '#src/wire/events.js';
import { wireLimits } from '#src/wire/limits.js';
import { testId } from '#test/support/front-harness.js';
import { PresenceWorld } from '#test/support/presence-world.js';

const room = testId(0xcc);
const seconds = 20;
const budget = 2_048;

/** Bytes a client of this room is given a second, most and on average, over some seconds of everybody at once. */
async function bytesOf(members: number, codec: 'json' | 'msgpack'): Promise<{ most: number; mean: number }> {
  const world = new PresenceWorld({ ephemeralBytesPerSecond: budget });
  const { harness } = world;
  const watcher = await harness.live(testId(1), { codec });
  harness.subscribe(watcher, room, 0);
  const users = Array.from({ length: members }, (_, n) => testId(1_000 + n));
  world.watch(watcher, ...users.slice(0, wireLimits.watchedUsersMax));
  watcher.socket.frames.length = 0;
  const ports = {
    clock: { now: () => harness.now },
    timers: { after: (ms: number, run: () => void) => harness.after(ms, run) },
    publisher: {
      ephemeral: (conv: string, event: ControlEvent | readonly ControlEvent[], at: number) =>
        harness.answer({ kind: 'ephemeral', conv, event, at }),
    },
  } as unknown as ConversationPorts;
  const typing: Typing = new Typing(
    { address: `conversation/${room}`, id: room, crashes: 0, tellSelf: () => typing.onDue() },
    ports,
  );
  const bytes: number[] = [];
  for (let second = 0; second < seconds; second += 1) {
    // A front of their own, so that the test need not hold thousands of sockets.
    const present = users.map((user, n) => [user, (n + second) % 2 === 0 ? 'online' : 'gone'] as const);
    world.actor.receive({ kind: 'present', front: 7, users: present });
    for (const [n, user] of users.entries()) typing.note(user, (n + second) % 3 !== 0);
    world.advance(1_000);
    bytes.push(watcher.socket.frames.splice(0).reduce((sum, frame) => sum + frame.length, 0));
  }
  expect(harness.faults).toEqual([]);
  return { most: Math.max(...bytes), mean: bytes.reduce((sum, one) => sum + one, 0) / seconds };
}

test.each(['json', 'msgpack'] as const)(
  'E8 presence and typing stay within the budget of a client, and flat, at 10, 100, 1,000 and 10,000 members, %s',
  async (codec) => {
    const few = await bytesOf(10, codec);
    const [hundred, thousand, tenThousand] = [
      await bytesOf(100, codec),
      await bytesOf(1_000, codec),
      await bytesOf(10_000, codec),
    ];
    console.log(`bytes a second, ${codec}:`, JSON.stringify({ few, hundred, thousand, tenThousand }));
    for (const { most } of [few, hundred, thousand, tenThousand]) expect(most).toBeLessThanOrEqual(budget);
    expect(hundred.mean).toBeGreaterThan(500);
    expect(thousand.mean / hundred.mean).toBeLessThan(1.1);
    expect(tenThousand.mean / hundred.mean).toBeLessThan(1.1);
  },
);
