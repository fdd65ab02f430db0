/** The checker of the special load: it must find what is wrong, and nothing where nothing is. */
import { expect, test } from 'vitest';
import { keyOf } from '#bench/generator/order.js';
import { Book } from '#bench/generator/special/book.js';
import { Circle } from '#bench/generator/special/circle.js';
import type { Listener } from '#bench/generator/special/listener.js';
import { RoomStream } from '#bench/generator/special/room-stream.js';

const conv = 'the room';
const server = { address: { host: '127.0.0.1', port: 1 }, codec: 'msgpack' } as const;

/** Two listeners of one room of which ten events are there, and one writer who wrote ten messages after these. */
function scene(): { book: Book; circle: Circle; one: Listener; other: Listener } {
  const book = new Book([conv], 1);
  const guest = { token: '', hears: [0] };
  const circle = new Circle(server, book, [guest, guest]);
  const [one, other] = circle.listeners as [Listener, Listener];
  for (const listener of [one, other]) {
    listener.ack(0, undefined, 10);
    listener.resumed(conv, 10);
  }
  for (let number = 0; number < 10; number += 1) {
    const due = performance.now();
    book.next(0, 0, due);
    book.onAck(0, 11 + number, { mark: keyOf(0, number), due });
  }
  return { book, circle, one, other };
}

/** Shows these seqs, as the messages that were written. */
function show(listener: Listener, seqs: readonly number[], isOfPage = false): void {
  for (const seq of seqs) listener.event(conv, seq, keyOf(0, seq - 11), isOfPage);
}

const all = [11, 12, 13, 14, 15, 16, 17, 18, 19, 20];

/** What the checks say is wrong. */
function wrongIn(circle: Circle): Record<string, number> {
  const { lost, duplicates, disordered, foreign } = circle.checks();
  return Object.fromEntries(
    Object.entries({ lost, duplicates, disordered, foreign }).filter(([, count]) => count > 0),
  );
}

test('who is shown everything once and in order has nothing against it', () => {
  const { circle, one, other, book } = scene();
  show(one, all);
  show(other, all);
  const checks = circle.checks();
  expect(checks).toMatchObject({ sent: 10, acked: 10, unanswered: 0, due: 20, delivered: 20 });
  expect(wrongIn(circle)).toEqual({});
  expect([one.isComplete, other.isComplete]).toEqual([true, true]);
  expect(book.delivery.count).toBe(20);
});

test('a lost one, a lost last one and a stranger who saw nothing are found', () => {
  const { circle, one, other } = scene();
  show(
    one,
    all.filter((seq) => seq !== 14),
  );
  show(other, all.slice(0, -1));
  expect([one.isComplete, other.isComplete]).toEqual([false, false]);
  expect(wrongIn(circle)).toEqual({ lost: 2, disordered: 1 });
});

test('duplicates, swaps and strange texts are found', () => {
  const { circle, one, other } = scene();
  show(one, [11, 12, 12, ...all.slice(2)]);
  show(other, [11, 13, 12, ...all.slice(3)]);
  // Seq 12 came after 13: it is skipped, and late it is taken for a repetition.
  expect(wrongIn(circle)).toMatchObject({ duplicates: 2, disordered: 1 });
  other.event(conv, 21, keyOf(0, 99), false);
  other.event(conv, 22, -1, false);
  other.event('another room', 1, undefined, false);
  expect(wrongIn(circle)).toMatchObject({ foreign: 3 });
});

test('two texts for one seq are found', () => {
  const { circle, one, other } = scene();
  show(one, all);
  show(other, all.slice(0, 9));
  other.event(conv, 20, keyOf(0, 1), false);
  expect(wrongIn(circle)).toEqual({ disordered: 1 });
});

test('a lost one is found, too, when one that was never acked was shown in its stead', () => {
  const { book, circle, one, other } = scene();
  book.next(0, 0, performance.now());
  show(
    one,
    [...all, 21].filter((seq) => seq !== 14),
  );
  show(other, [...all, 21]);
  expect(wrongIn(circle)).toEqual({ lost: 1, disordered: 1 });
  expect(circle.checks().unanswered).toBe(1);
});

test('an ack without a seq, two acks of one seq, and one message as two are found', () => {
  const { book, circle, one, other } = scene();
  for (const listener of [one, other]) show(listener, all);
  const due = performance.now();
  for (let number = 10; number < 13; number += 1) book.next(0, 0, due);
  book.onAck(0, undefined, { mark: keyOf(0, 10), due });
  book.onAck(0, 20, { mark: keyOf(0, 11), due });
  expect(wrongIn(circle)).toEqual({ disordered: 2 });
  book.onAck(0, 21, { mark: keyOf(0, 12), due });
  // The same message, stored again behind itself.
  for (const listener of [one, other])
    for (const seq of [21, 22]) listener.event(conv, seq, keyOf(0, 12), false);
  expect(wrongIn(circle)).toEqual({ disordered: 2, duplicates: 1 });
});

test('a message in another room than it was sent to is found', () => {
  const book = new Book([conv, 'the other room'], 1);
  book.next(0, 1, performance.now());
  book.shown(0, 1, keyOf(0, 0), false);
  expect(book.checks(0).foreign).toBe(1);
});

test('what a gap told is pulled and not lost; a page with a hole is found', () => {
  const { circle, one, other } = scene();
  for (const listener of [one, other]) {
    show(listener, [11, 12]);
    listener.gap(conv, 12, 18);
    show(listener, [19, 20]);
  }
  expect(one.isComplete).toBe(false);
  show(one, [13, 14, 15, 16, 17, 18], true);
  one.ack(1_000_000, undefined, 20);
  expect(one.isComplete).toBe(true);
  show(other, [13, 14, 16, 17, 18], true);
  other.ack(1_000_000, undefined, 20);
  expect(circle.checks().gapsTold).toBe(2);
  expect(wrongIn(circle)).toEqual({ lost: 1, disordered: 1 });
});

test('after a lost connection it goes on where it was', () => {
  const stream = new RoomStream(0);
  stream.begin();
  stream.beginAt(5);
  expect([stream.onLive(6), stream.onGap(6, 9), stream.onLive(10)]).toEqual([
    undefined,
    undefined,
    undefined,
  ]);
  expect([stream.has, stream.delivered, stream.lacksPulling]).toEqual([6, 2, true]);
  // What it had beyond the gap comes again, with the rest.
  stream.begin();
  expect([stream.has, stream.delivered, stream.lacksPulling]).toEqual([6, 1, false]);
  for (const seq of [7, 8, 9, 10, 11]) expect(stream.onLive(seq)).toBeUndefined();
  expect([stream.has, stream.delivered]).toEqual([11, 6]);
  expect(stream.onLive(11)).toBe('duplicate');
  expect(stream.onGap(13, 20)).toBe('gap beyond');
});
