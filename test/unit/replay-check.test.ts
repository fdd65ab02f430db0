/** A checker that finds nothing must be shown to find something: every fault is planted, and counted. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { addFindings, checkRoom, type Findings, noFindings } from '#cli/replay/check.js';
import { claimsOf, holds } from '#cli/replay/result.js';
import { faultlessRoom, type PlantedRoom } from '#test/support/replay-room.js';

const lines = [
  { author: 0, text: 'has anybody tried \\. or "\\N" yet?' },
  { author: 1, text: '\u000304red\u0003 and \u0002bold\u0002' },
  { author: 0, text: 'waves', isAction: true },
  { author: 2, text: 'naïve ☃ 🐧' },
  { author: 1, text: '' },
  { author: 0, text: 'bye' },
];
/** Rows and events: the creation, three joins, six messages. */
const firstMessage = 4;
const all = firstMessage + lines.length;

/** What differs from a room without faults. */
function faultsOf(room: PlantedRoom): Partial<Findings> {
  const { stored, heard, ...faults } = checkRoom(room);
  const counts = { stored: stored - lines.length, heard: heard - all, ...faults };
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0));
}

function planted(plant: (room: PlantedRoom) => void): Partial<Findings> {
  const room = faultlessRoom(3, lines);
  plant(room);
  return faultsOf(room);
}

function change<Item>(items: Item[], index: number, changes: Partial<Item>): void {
  items[index] = { ...(items[index] as Item), ...changes };
}

test('P2 P4 a room where everything agrees has no faults', () => {
  expect(planted(() => {})).toEqual({});
  const findings = checkRoom(faultlessRoom(3, lines));
  expect(findings).toMatchObject({ stored: 6, heard: 10 });
});

test('P1 a message that is acked and not stored is lost', () => {
  const faults = planted(({ stored }) => stored.splice(firstMessage + 2, 1));
  expect(faults).toMatchObject({ lost: 1, stored: -1, seqBreaks: 1, numberBreaks: 1, heardDifferent: 1 });
});

test('P1 a last message that is missing is lost, though nothing follows it', () => {
  const faults = planted(({ stored, seen }) => {
    stored.pop();
    seen.pop();
  });
  expect(faults).toEqual({ lost: 1, stored: -1, heard: -1, seqBreaks: 1, numberBreaks: 1 });
});

test('P2 a message that is stored twice is a duplicate, under its own id or another', () => {
  for (const id of [undefined, '0190aaaa-0000-7000-8000-000000000000']) {
    const faults = planted(({ stored, seen }) => {
      const last = { ...(stored.at(-1) as PlantedRoom['stored'][number]), seq: all + 1, number: 7 };
      stored.push(id === undefined ? last : { ...last, id });
      seen.push({ ...(seen.at(-1) as PlantedRoom['seen'][number]), id: id ?? last.id, seq: all + 1 });
    });
    expect(faults).toEqual({ duplicates: 1, stored: 1, heard: 1, seqBreaks: 1, numberBreaks: 1 });
  }
});

test('P4 two messages that changed places break the order', () => {
  const faults = planted(({ stored, seen, sent }) => {
    const [one, other] = [stored[firstMessage], stored[firstMessage + 1]];
    if (one === undefined || other === undefined) throw new Error('the room is too small');
    stored[firstMessage] = { ...other, seq: one.seq, number: one.number };
    stored[firstMessage + 1] = { ...one, seq: other.seq, number: other.number };
    change(sent, 0, { ackedSeq: other.seq });
    change(sent, 1, { ackedSeq: one.seq });
    for (const row of stored.slice(firstMessage, firstMessage + 2))
      change(seen, row.seq - 1, {
        id: row.id,
        from: row.actor,
        text: Buffer.from(row.body ?? []).toString(),
      });
  });
  expect(faults).toEqual({ orderBreaks: 1 });
});

test('P4 a seq or a number that is left out, or there twice, breaks the sequence', () => {
  const gap = planted(({ stored, seen, sent }) => {
    change(stored, all - 1, { seq: all + 1 });
    change(seen, all - 1, { seq: all + 1 });
    change(sent, lines.length - 1, { ackedSeq: all + 1 });
  });
  expect(gap).toEqual({ seqBreaks: 2, heardBreaks: 1 });
  expect(planted(({ stored }) => change(stored, all - 1, { number: 7 }))).toEqual({ numberBreaks: 2 });
  expect(planted(({ stored }) => change(stored, all - 1, { number: 5 }))).toEqual({ numberBreaks: 2 });
  expect(planted(({ stored }) => change(stored, all - 1, { seq: all - 1 }))).toMatchObject({ seqBreaks: 2 });
});

test('P2 an ack that named another seq is counted, and an ack that never came', () => {
  for (const ackedSeq of [1, undefined])
    expect(planted(({ sent }) => change(sent, 3, { ackedSeq }))).toEqual({ ackFaults: 1 });
});

test('W16 one changed byte of a text is seen, and a text that is missing', () => {
  for (const body of [Buffer.from('naive ☃ 🐧'), Buffer.from('nai\u0308ve ☃ 🐧'), undefined]) {
    const faults = planted(({ stored }) => change(stored, firstMessage + 3, { body }));
    expect(faults).toEqual({ bytesDifferent: 1, heardDifferent: 1 });
  }
  expect(planted(({ stored }) => change(stored, firstMessage + 4, { body: undefined }))).toMatchObject({
    bytesDifferent: 1,
  });
});

test('P2 another author, another action and another time are seen', () => {
  const author = planted(({ stored, authors }) => change(stored, all - 1, { actor: authors[1] as string }));
  expect(author).toEqual({ authorsDifferent: 1, heardDifferent: 1 });
  const action = planted(({ stored }) => change(stored, firstMessage + 2, { isAction: false }));
  expect(action).toEqual({ actionsDifferent: 1, heardDifferent: 1 });
  expect(planted(({ stored }) => change(stored, all - 1, { at: undefined }))).toEqual({ timesDifferent: 1 });
});

test('P6 an event missed, repeated, out of order or changed on its way to a listener is seen', () => {
  expect(planted(({ seen }) => seen.splice(5, 1))).toEqual({ heard: -1, heardBreaks: 1 });
  expect(planted(({ seen }) => seen.pop())).toEqual({ heard: -1, heardBreaks: 1 });
  expect(planted(({ seen }) => seen.splice(0))).toEqual({ heard: -all, heardBreaks: 1 });
  expect(planted(({ seen }) => seen.splice(5, 0, seen[4] as never))).toEqual({ heard: 1, heardBreaks: 1 });
  expect(planted(({ seen }) => seen.splice(5, 2, ...seen.slice(5, 7).toReversed()))).toMatchObject({
    heardBreaks: 3,
  });
  expect(planted(({ seen }) => change(seen, 6, { text: 'waved' }))).toEqual({ heardDifferent: 1 });
  expect(planted(({ seen, listener }) => change(seen, 6, { from: listener }))).toEqual({ heardDifferent: 1 });
});

test('P4 a membership that is missing, somebody else’s or too late is seen', () => {
  const wrong = planted(({ stored, listener }) => change(stored, 2, { actor: listener }));
  expect(wrong).toMatchObject({ membershipFaults: 2 });
  const left = planted(({ stored }) => change(stored, 2, { kind: 'member.leave' }));
  expect(left).toMatchObject({ membershipFaults: 2 });
  const created = planted(({ stored, authors }) => change(stored, 0, { actor: authors[0] as string }));
  expect(created).toMatchObject({ membershipFaults: 1 });
  const late = planted(({ stored }) => {
    const [join, message] = [stored[1], stored[firstMessage]];
    if (join === undefined || message === undefined) throw new Error('the room is too small');
    stored[1] = { ...message, seq: join.seq };
    stored[firstMessage] = { ...join, seq: message.seq };
  });
  expect(late).toMatchObject({ membershipFaults: 1 });
});

const randomLines = fc.array(
  fc.record({ author: fc.nat(2), text: fc.string({ unit: 'binary' }), isAction: fc.boolean() }),
  { minLength: 2, maxLength: 30 },
);

test('P1 P4 P6 in any room: nothing is found without a fault, and something with any one fault', () => {
  const faults: Array<(room: PlantedRoom, place: number) => void> = [
    ({ stored }, place) => stored.splice(place, 1),
    ({ seen }, place) => seen.splice(place, 1),
    ({ stored }, place) => stored.push(stored[place] as never),
    ({ seen }, place) => seen.splice(place, 0, seen[place] as never),
    ({ stored }, place) => change(stored, place, { seq: stored.length + 1 }),
    ({ stored }, place) => change(stored, place, { number: -1 }),
    ({ stored }, place) => change(stored, place, { actor: 'nobody' }),
    ({ stored }, place) => change(stored, place, { id: 'another' }),
    ({ seen }, place) => change(seen, place, { id: 'another' }),
    ({ stored }, place) => change(stored, place, { kind: undefined }),
  ];
  fc.assert(
    fc.property(randomLines, fc.nat(), fc.nat(faults.length - 1), (someLines, place, fault) => {
      const room = faultlessRoom(3, someLines);
      const isClean = (one: PlantedRoom) =>
        claimsOf(checkRoom(one), {
          messages: someLines.length,
          acked: someLines.length,
          rooms: 1,
          joins: 3,
        }).every(holds);
      expect(isClean(room)).toBe(true);
      faults[fault]?.(room, place % room.stored.length);
      expect(isClean(room)).toBe(false);
    }),
    { numRuns: 500 },
  );
});

test('P1 findings of rooms add up', () => {
  const total = noFindings();
  for (let room = 0; room < 3; room += 1) addFindings(total, checkRoom(faultlessRoom(3, lines)));
  expect(total).toEqual({ ...noFindings(), stored: 18, heard: 30 });
});
