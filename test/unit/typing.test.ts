/** Typing in one conversation, as the actor merges it. */
import { expect, test } from 'vitest';
import type { ConversationPorts } from '#actors/conversation/ports.js';
import { Typing } from '#actors/conversation/typing.js';
import { encodeMessages } from '#src/wire/codec.js';
import type { ControlEvent } from '#src/wire/events.js';
import { messageEvent, testId } from '#test/support/front-harness.js';

const conv = testId(0xcc);
const [alice, bob] = [testId(1), testId(2)];

/** A room, and every frame it was given with its time. */
function createRoom() {
  let now = 1_000_000;
  let timers: Array<{ at: number; run: () => void }> = [];
  const frames: Array<{ at: number; events: readonly ControlEvent[] }> = [];
  const ports = {
    clock: { now: () => now },
    timers: {
      after(ms: number, run: () => void) {
        timers.push({ at: now + ms, run });
        return () => {};
      },
    },
    publisher: {
      ephemeral: (_conv: string, event: ControlEvent | readonly ControlEvent[]) =>
        void frames.push({ at: now, events: 'ev' in event ? [event] : event }),
    },
  } as unknown as ConversationPorts;
  const context = {
    address: `conversation/${conv}`,
    id: conv,
    crashes: 0,
    tellSelf: () => typing.onDue(),
  } as const;
  const typing: Typing = new Typing(context, ports);
  return {
    typing,
    frames,
    get timers() {
      return timers.length;
    },
    advance(ms: number) {
      const until = now + ms;
      for (;;) {
        const next = timers.filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) break;
        timers = timers.filter((each) => each !== next);
        now = next.at;
        next.run();
      }
      now = until;
    },
    take: () => frames.splice(0).map(({ events }) => events.map(words)),
  };
}

function words(event: ControlEvent): string {
  if (event.ev === 'typing.start')
    return `+${Number.parseInt(event.from.slice(-12), 16)}${event.count === undefined ? '' : ` of ${event.count}`}`;
  return event.ev === 'typing.stop' ? `-${Number.parseInt(event.from.slice(-12), 16)}` : event.ev;
}

test('E7 the first to type is told at once; what others do in the same second comes as one frame', () => {
  const room = createRoom();
  room.typing.note(alice, true);
  expect(room.take()).toEqual([['+1']]);
  room.typing.note(bob, true);
  room.typing.note(alice, false);
  room.typing.note(alice, true);
  room.typing.note(alice, false);
  expect(room.take()).toEqual([]);
  room.advance(1_000);
  expect(room.take()).toEqual([['-1', '+2']]);
});

test('E7 saying so again costs the room nothing, and whoever is not heard of for a while has stopped', () => {
  const room = createRoom();
  for (let time = 0; time < 9_000; time += 100) {
    room.typing.note(alice, true);
    room.advance(100);
  }
  // Readers forget, so those who go on are told again; ninety times said, four times told.
  expect(room.take()).toEqual([['+1'], ['+1'], ['+1'], ['+1']]);
  room.advance(5_000);
  expect(room.take().flat()).toEqual(['+1']);
  room.advance(2_000);
  expect(room.take()).toEqual([['-1']]);
  room.advance(60_000);
  expect(room.take()).toEqual([]);
  expect(room.timers).toBe(0);
});

test('E7 a few are named, the others are a number, and those move up when one stops', () => {
  const room = createRoom();
  for (let n = 1; n <= 5; n += 1) room.typing.note(testId(n), true);
  room.advance(1_000);
  expect(room.take()).toEqual([['+1'], ['+2 of 5', '+3 of 5']]);
  room.typing.note(testId(2), false);
  room.advance(1_000);
  expect(room.take()).toEqual([['-2', '+4 of 4']]);
  room.typing.note(testId(5), false);
  room.advance(1_000);
  // Nobody new is named: one of them is told again without the number.
  expect(room.take()).toEqual([['+1']]);
});

test('E7 who has said it, or has left, types no more', () => {
  const room = createRoom();
  room.typing.note(alice, true);
  room.typing.note(bob, true);
  room.advance(1_000);
  room.take();
  room.typing.onEvent({ ...messageEvent(conv, 1), from: alice });
  room.typing.onEvent({ ...messageEvent(conv, 2), ev: 'member.leave', from: bob });
  room.advance(1_000);
  // A message says by itself that its sender has stopped.
  expect(room.take()).toEqual([['-2']]);
});

test.each(['json', 'msgpack'] as const)(
  'E7 E8 a room of any size costs its readers the same, %s',
  (codec) => {
    const bytesPerSecond = [3, 100, 10_000].map((members) => {
      const room = createRoom();
      for (let second = 0; second < 20; second += 1) {
        // Everybody starts and stops, half of them each second.
        for (let n = 0; n < members; n += 1) room.typing.note(testId(n), (n + second) % 2 === 0);
        room.advance(1_000);
      }
      const sizes = room.frames.map(({ events }) => encodeMessages(codec, events).length);
      const times = room.frames.map(({ at }) => at);
      expect(times.every((at, index) => index === 0 || at - (times[index - 1] ?? 0) >= 1_000)).toBe(true);
      expect(sizes.length).toBeGreaterThan(10);
      return Math.max(...sizes);
    });
    expect(Math.max(...bytesPerSecond)).toBeLessThanOrEqual(1_024);
    expect((bytesPerSecond[2] ?? 0) / (bytesPerSecond[1] ?? 1)).toBeLessThan(1.1);
  },
);
