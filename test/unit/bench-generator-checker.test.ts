/**
 * The generator's checker against planted faults: whatever is lost, repeated, swapped, altered or made up is found, by
 * those who decode and by those who compare, with numbers of the server's own and without.
 */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Checks } from '#bench/contract.js';
import { Checker } from '#bench/generator/checker.js';
import { markBytes } from '#bench/generator/mark.js';
import { RoomStream } from '#bench/generator/room-stream.js';
import { textsFor } from '#bench/generator/texts.js';
import { deliveryLine, lineConnection, pingLine } from './bench-generator-lines.js';

const senders = 2;
const messages = 60;
const listeners = 3;
const firstNumber = 500;

interface Way {
  readonly isNumbered: boolean;
  readonly isShared: boolean;
}

/** A room of three listeners, sixty messages sent and acked, and what a server without faults would send to each. */
function stage({ isNumbered, isShared }: Way, isAcked: (place: number) => boolean = () => true) {
  const texts = textsFor({ bytes: 40 });
  const clients = [
    ...Array.from({ length: senders }, () => ({ hears: [], sends: [0] })),
    ...Array.from({ length: listeners }, () => ({ hears: [0], sends: [] })),
  ];
  const checker = new Checker({ clients, rooms: 2, texts });
  const stream = isShared
    ? new RoomStream(checker, 0, (sink) => lineConnection(sink, { isNumbered }))
    : undefined;
  const gives = Array.from({ length: listeners }, () => listen(checker, isNumbered, stream));
  stream?.begin();
  const lines: Buffer[] = [];
  for (let place = 0; place < messages; place++) {
    const sender = place % senders;
    const ref = checker.send(sender, 1000 + place);
    lines.push(deliveryLine(texts.marked(sender, ref), firstNumber + place));
    if (isAcked(place)) checker.ack(sender, ref);
  }
  const sweep = () => {
    checker.sweep();
    stream?.sweep();
  };
  return { checker, stream, gives, lines, sweep };
}

function listen(checker: Checker, isNumbered: boolean, stream: RoomStream | undefined) {
  const cursor = checker.listen(0);
  let given = 0;
  let boundary = 0;
  const pongs: Uint8Array[] = [];
  const write = (bytes: Uint8Array) => pongs.push(bytes);
  const connection = lineConnection(
    {
      ...{ write, ready() {}, acked() {}, refused() {}, failed() {} },
      delivered: (_, bytes, at, seq) => checker.deliver(cursor, bytes, at, seq),
      gap: (_, from, to) => checker.gap(cursor, from, to),
      boundary(end) {
        boundary = end;
      },
    },
    { isNumbered },
  );
  const decode = (bytes: Uint8Array) => {
    given += bytes.length;
    connection.received(bytes);
  };
  const isAtBoundary = () => given === boundary;
  const follow = stream?.add({ cursor, decode, isAtBoundary, write });
  const give = follow === undefined ? decode : (bytes: Buffer) => void follow(bytes, bytes.length);
  return { pongs, give };
}

type Stage = ReturnType<typeof stage>;

/** Gives each listener its lines, by turns and in pieces of so many bytes; sweeps meanwhile. */
function deliver({ gives, sweep }: Stage, streams: readonly (readonly Buffer[])[], piece = 97): void {
  const all = streams.map((lines) => Buffer.concat(lines));
  const longest = Math.max(...all.map(({ length }) => length));
  for (let at = 0; at < longest; at += piece) {
    for (const [index, bytes] of all.entries()) {
      if (at < bytes.length) gives[index]?.give(Buffer.from(bytes.subarray(at, at + piece)));
    }
    sweep();
  }
}

const clean: Partial<Checks> = { lost: 0, duplicates: 0, disordered: 0, foreign: 0, gapsTold: 0 };

/** What one listener is sent instead, and what the checker has to say. */
interface Plant {
  readonly name: string;
  change(lines: readonly Buffer[], place: number): Buffer[];
  readonly found: Partial<Checks>;
}

const plants: readonly Plant[] = [
  { name: 'a lost delivery', change: (lines, place) => lines.toSpliced(place, 1), found: { lost: 1 } },
  {
    name: 'ten lost deliveries',
    change: (lines, place) => lines.toSpliced(place, 10),
    found: { lost: 10 },
  },
  {
    name: 'a repeated delivery',
    change: (lines, place) => lines.toSpliced(place + 5, 0, lines[place] as Buffer),
    found: { duplicates: 1 },
  },
  {
    name: 'an altered text',
    change: (lines, place) =>
      lines.with(place, Buffer.from((lines[place] as Buffer).toString().replace(/x\n$/, 'y\n'))),
    found: { foreign: 1 },
  },
  {
    name: 'a message nobody sent',
    change: (lines, place) => {
      const ghost = Buffer.from(`${'00000100000fff '.padEnd(markBytes, ' ')}${'x'.repeat(24)}`);
      return lines.toSpliced(place, 0, deliveryLine(ghost, firstNumber + place));
    },
    found: { foreign: 1 },
  },
];

const ways: readonly (Way & { name: string })[] = [true, false].flatMap((isNumbered) =>
  [true, false].map((isShared) => ({
    ...{ isNumbered, isShared },
    name: `${isShared ? 'compared' : 'decoded'}, ${isNumbered ? 'with' : 'without'} numbers`,
  })),
);

describe.each(ways)('$name', (way) => {
  test('nothing is wrong when nothing is wrong, whatever the pieces', () => {
    for (const piece of [1, 7, 56, 97, 10_000]) {
      const played = stage(way);
      deliver(played, Array(listeners).fill(played.lines), piece);
      const due = listeners * messages;
      expect(played.checker.isSettled()).toBe(true);
      expect(played.checker.checks()).toMatchObject({ ...clean, delivered: due, due, unanswered: 0 });
      if (way.isShared && piece > 60) expect(played.stream?.compared).toBeGreaterThan(0);
    }
  });

  test.each(plants)('$name is found, whoever is sent it and wherever', ({ change, found }) => {
    for (const piece of [29, 97, 10_000]) {
      for (const place of [0, 1, 30, messages - 12]) {
        for (let victim = 0; victim < listeners; victim++) {
          const played = stage(way);
          const streams = Array.from({ length: listeners }, (_, index) =>
            index === victim ? change(played.lines, place) : played.lines,
          );
          deliver(played, streams, piece);
          const checks = played.checker.checks();
          expect(checks, `${piece} ${place} ${victim} ${checks.details.join()}`).toMatchObject({
            ...clean,
            ...found,
          });
          expect(checks.details.length).toBeGreaterThan(0);
        }
      }
    }
  });

  test('two that changed places are found, and nothing is said to be lost', () => {
    for (let victim = 0; victim < listeners; victim++) {
      const played = stage(way);
      const { lines } = played;
      const [one, other] = [lines[20] as Buffer, lines[21] as Buffer];
      const swapped = lines.with(20, other).with(21, one);
      deliver(
        played,
        Array.from({ length: listeners }, (_, index) => (index === victim ? swapped : lines)),
      );
      const checks = played.checker.checks();
      expect(checks).toMatchObject({ lost: 0, duplicates: 0, foreign: 0 });
      expect(checks.disordered).toBeGreaterThan(0);
    }
  });

  test('what nobody was shown is lost to all, and not before it was acked', () => {
    const played = stage(way);
    deliver(played, Array(listeners).fill(played.lines.toSpliced(30, 1)));
    expect(played.checker.checks()).toMatchObject({ ...clean, lost: listeners });
    const other = stage(way, (place) => place !== 30);
    deliver(other, Array(listeners).fill(other.lines.toSpliced(30, 1)));
    const due = listeners * (messages - 1);
    expect(other.checker.checks()).toMatchObject({ ...clean, unanswered: 1, delivered: due, due });
  });

  test('what the server says will not come is not lost, and is counted', () => {
    const played = stage(way);
    const lines = played.lines.toSpliced(30, 4, Buffer.from(`G ${firstNumber + 30} ${firstNumber + 33}\n`));
    deliver(played, [played.lines, lines, played.lines]);
    // Without numbers nobody can say what the gap covers.
    const lost = way.isNumbered ? 0 : 4;
    expect(played.checker.checks()).toMatchObject({ ...clean, lost, gapsTold: 1 });
  });

  test('a ping of one connection, cut anywhere, is answered there and wrongs nobody', () => {
    for (const piece of [1, 3, 56, 97, 10_000]) {
      const played = stage(way);
      const pinged = played.lines.toSpliced(20, 0, pingLine);
      const late = played.lines.toSpliced(21, 0, pingLine);
      deliver(played, [pinged, pinged, late], piece);
      expect(played.checker.checks()).toMatchObject(clean);
      expect(played.gives.map(({ pongs }) => pongs.length)).toEqual([1, 1, 1]);
    }
  });

  test('one whose connection ended is owed nothing more', () => {
    const played = stage(way);
    deliver(played, [played.lines, played.lines, played.lines.slice(0, 30)]);
    const [cursor] = played.checker.rooms[0]?.cursors.slice(2) ?? [];
    expect(played.checker.checks()).toMatchObject({ lost: 30 });
    played.checker.disconnect(4, cursor === undefined ? [] : [cursor], 'gone');
    expect(played.checker.checks()).toMatchObject({ ...clean, disconnects: 1, due: 150 });
  });
});

test('a fault is found in whatever order and pieces the listeners are read', () => {
  const plan = fc.record({
    way: fc.constantFrom(...ways),
    plant: fc.constantFrom(undefined, ...plants),
    place: fc.nat(messages - 12),
    victim: fc.nat(listeners - 1),
    reads: fc.array(fc.tuple(fc.nat(listeners - 1), fc.integer({ min: 1, max: 700 }), fc.boolean())),
  });
  fc.assert(
    fc.property(plan, ({ way, plant, place, victim, reads }) => {
      const played = stage(way);
      const rest: Buffer[] = Array.from({ length: listeners }, (_, index) =>
        Buffer.concat(index === victim && plant ? plant.change(played.lines, place) : played.lines),
      );
      const give = (index: number, count: number) => {
        const bytes = rest[index] as Buffer;
        if (bytes.length === 0) return;
        played.gives[index]?.give(Buffer.from(bytes.subarray(0, count)));
        rest[index] = bytes.subarray(count);
      };
      for (const [index, count, isSwept] of reads) {
        give(index, count);
        if (isSwept) played.sweep();
      }
      for (let index = 0; index < listeners; index++) give(index, 100_000);
      expect(played.checker.checks()).toMatchObject({ ...clean, ...plant?.found });
    }),
    { numRuns: 500 },
  );
});

test('second answers, answers to nothing and messages of another room are foreign', () => {
  const { checker, gives } = stage({ isNumbered: false, isShared: false });
  expect(checker.ack(0, 1)).toBeNaN();
  expect(checker.ack(0, 1000)).toBeNaN();
  expect(checker.refuse(0, 2, 'late')).toBe(false);
  expect(checker.checks()).toMatchObject({ foreign: 3 });
  const other = checker.listen(1);
  const text = textsFor({ bytes: 40 }).marked(0, 1);
  checker.deliver(other, Buffer.from(text), 0, undefined);
  expect(checker.checks()).toMatchObject({ foreign: 4 });
  expect(gives.length).toBe(listeners);
});

test('memory follows who is slowest: what all have passed is dropped', () => {
  const played = stage({ isNumbered: true, isShared: true });
  const order = played.checker.rooms[0]?.order;
  deliver(played, [played.lines, played.lines, played.lines.slice(0, 30)]);
  expect(order?.base).toBe(30);
  deliver(played, [[], [], played.lines.slice(30)]);
  expect(order?.base).toBe(messages);
  expect(played.checker.windows[0]?.low).toBe(messages / senders + 1);
});
