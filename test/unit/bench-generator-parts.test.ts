/** The generator's small parts: marks, texts, latencies, schedule, skew. */
import fc from 'fast-check';
import { build, decodeFromCompressedBase64 } from 'hdr-histogram-js';
import { expect, test } from 'vitest';
import { ByteLog } from '#bench/generator/byte-log.js';
import { Latencies } from '#bench/generator/latencies.js';
import { markBytes, refOf, senderOf, writeMark } from '#bench/generator/mark.js';
import { Schedule } from '#bench/generator/schedule.js';
import { acked, SentWindow, shown } from '#bench/generator/sent.js';
import { Texts, textsFor } from '#bench/generator/texts.js';
import { readTranscript, skewed } from '#bench/generator/transcript.js';

test('a mark says who and which, anywhere in bytes, and what is none is known', () => {
  fc.assert(
    fc.property(
      fc.nat(2 ** 24 - 1),
      fc.integer({ min: 0, max: 2 ** 32 - 1 }),
      fc.nat(9),
      (sender, ref, at) => {
        const bytes = Buffer.alloc(40, 0x78);
        writeMark(bytes, at, sender, ref);
        expect([senderOf(bytes, at), refOf(bytes, at)]).toEqual([sender, ref]);
        expect(bytes.toString('latin1', at, at + markBytes)).toMatch(/^[0-9a-f]{6} [0-9a-f]{8} $/);
      },
    ),
  );
  expect(senderOf(Buffer.from('hello, this is no mark'), 0)).toBe(-1);
  expect(senderOf(Buffer.from('00012a 0000'), 0)).toBe(-1);
  expect(refOf(Buffer.from('00012a 0000x000 '), 0)).toBe(-1);
});

test('a text is known again as it is and however JSON escapes it, and no other is taken for it', () => {
  const texts = new Texts(['"q" \\ <a> ü 😀', 'second']);
  const text = Buffer.from(texts.marked(1, 1)).toString();
  const escapers = [
    (value: string) => value,
    (value: string) => `${JSON.stringify(value).slice(1, -1)}"`,
    (value: string) => `${JSON.stringify(value).slice(1, -1).replaceAll('<', '\\u003c')}"`,
    (value: string) =>
      `${JSON.stringify(value)
        .slice(1, -1)
        .replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)}"`,
  ];
  const sender = [0, 1].find((index) => Buffer.from(texts.marked(index, 1)).includes('😀')) ?? 0;
  for (const escaped of escapers) {
    const shownText = Buffer.from(`..${escaped(Buffer.from(texts.marked(sender, 1)).toString())}`);
    expect(texts.isSame(sender, 1, shownText, 2)).toBe(true);
    const last = shownText.lastIndexOf(0x20) + 1;
    shownText[last] = 0x21;
    expect(texts.isSame(sender, 1, shownText, 2)).toBe(false);
    expect(texts.isSame(sender, 1, shownText.subarray(0, 20), 2)).toBe(false);
  }
  expect(text.length).toBeGreaterThan(markBytes);
});

test('the texts of the transcript hold nothing that a protocol refuses, and those of bytes have so many', () => {
  const texts = textsFor('transcript');
  for (let ref = 1; ref <= 6000; ref++) {
    const text = Buffer.from(texts.marked(0, ref));
    expect(text.subarray(markBytes).some((byte) => byte < 0x20)).toBe(false);
    expect(text.toString().isWellFormed()).toBe(true);
  }
  expect(textsFor({ bytes: 100 }).marked(5, 5)).toHaveLength(100);
  expect(() => textsFor({ bytes: 15 })).toThrow(/at least/);
});

test('the skew of the transcript is kept for any number of people', () => {
  const { perPerson, perRoom } = readTranscript();
  expect(perPerson[0]).toBeGreaterThan(20 * (perPerson.at(-1) ?? 0));
  expect(perRoom.reduce((sum, count) => sum + count, 0)).toBe(
    perPerson.reduce((sum, count) => sum + count, 0),
  );
  for (const count of [1, 10, 100, 5000]) {
    const weights = skewed(perPerson, count);
    expect(weights).toHaveLength(count);
    expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1);
    expect(weights).toEqual(weights.toSorted((one, other) => other - one));
  }
  const [most = 0] = skewed(perPerson, 100);
  expect(most).toBeGreaterThan(0.05);
});

test('latencies are those of an HDR histogram of three digits', () => {
  const value = fc.double({ min: 0.001, max: 100_000, noNaN: true });
  fc.assert(
    fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), (values) => {
      const latencies = new Latencies();
      const reference = build({ highestTrackableValue: 2 ** 31 - 1, numberOfSignificantValueDigits: 3 });
      for (const milliseconds of values) {
        latencies.record(milliseconds);
        reference.recordValue(Math.max(1, Math.round(milliseconds * 1000)));
      }
      const got = latencies.percentiles();
      expect(got?.count).toBe(values.length);
      for (const [name, percentile] of [
        ['p50', 50],
        ['p99', 99],
        ['max', 100],
      ] as const) {
        const exact = reference.getValueAtPercentile(percentile) / 1000;
        expect(Math.abs((got?.[name] ?? 0) - exact)).toBeLessThanOrEqual(exact / 500);
        expect(Math.abs((latencies.at(percentile) ?? 0) - exact)).toBeLessThanOrEqual(exact / 500);
      }
      expect(decodeFromCompressedBase64(latencies.encoded()).totalCount).toBe(values.length);
    }),
  );
  const empty = new Latencies();
  expect(empty.percentiles()).toBeUndefined();
  expect(empty.at(50)).toBeUndefined();
  empty.record(-0.01);
  expect(empty.at(50)).toBe(0.001);
  empty.record(5_000_000);
  expect(empty.at(100)).toBeGreaterThan(2_000_000);
});

test('a schedule is even in time, by weight among senders, and forgets nothing however late it is asked', () => {
  const schedule = new Schedule({ weights: [1, 0, 3, 6], perSecond: 1000 });
  schedule.begin(5);
  const counts = [0, 0, 0, 0];
  const dues: number[] = [];
  for (const now of [5, 6, 6.5, 105, 20_004.5])
    schedule.take(now, (sender, due) => {
      expect(due).toBeLessThanOrEqual(now);
      counts[sender] = (counts[sender] ?? 0) + 1;
      dues.push(due);
    });
  expect(dues).toHaveLength(20_000);
  expect(dues).toEqual(dues.map((_, index) => 5 + index));
  for (const [index, share] of [0.1, 0, 0.3, 0.6].entries())
    expect((counts[index] ?? 0) / 20_000).toBeCloseTo(share, 1.5);
  expect(counts[1]).toBe(0);
  expect(() => new Schedule({ weights: [0], perSecond: 1 })).toThrow(/weights/);
  expect(() => new Schedule({ weights: [1], perSecond: 0 })).toThrow(/rate/);
});

test('a window of what was sent keeps what is not settled and nothing else', () => {
  const window = new SentWindow();
  for (let ref = 1; ref <= 1000; ref++) {
    expect(window.add(ref * 10, 0)).toBe(ref);
    if (ref > 20) {
      window.mark(ref - 20, acked);
      window.mark(ref - 20, shown);
    }
    expect(window.dueOf(ref)).toBe(ref * 10);
  }
  expect(window.low).toBe(981);
  expect(window.stateOf(5)).toBe(acked | shown);
  expect(window.dueOf(5)).toBeNaN();
  window.mark(990, acked);
  expect(window.low).toBe(981);
  expect([window.has(0), window.has(1), window.has(1000), window.has(1001)]).toEqual([
    false,
    true,
    true,
    false,
  ]);
});

test('a log of bytes compares over its segments and is dropped behind who is last', () => {
  const log = new ByteLog();
  const bytes = Buffer.from(Array.from({ length: 200_000 }, (_, index) => (index * 7 + (index >> 8)) & 0xff));
  for (let at = 0; at < bytes.length; at += 777) {
    const end = Math.min(bytes.length, at + 777);
    log.append(bytes, at, end);
    log.mark(end, end);
  }
  expect(log.end).toBe(bytes.length);
  for (const position of [0, 65_000, 131_000, 199_000]) {
    expect(log.compare(position, bytes.subarray(position), bytes.length - position)).toBe(
      bytes.length - position,
    );
    const wrong = Buffer.from(bytes.subarray(position));
    wrong[wrong.length - 1] = (wrong.at(-1) ?? 0) ^ 1;
    expect(log.compare(position, wrong, wrong.length)).toBe(-1);
  }
  expect(log.slice(65_000, 70_000)).toEqual(bytes.subarray(65_000, 70_000));
  expect(log.compare(199_990, Buffer.concat([bytes.subarray(199_990), Buffer.from('more')]), 14)).toBe(10);
  const frame = log.frameWith(777 * 200);
  expect(log.endOf(frame)).toBe(777 * 200);
  log.drop(frame);
  expect(log.start).toBe(777 * 200);
  expect(log.frameWith(777)).toBe(-1);
  expect(log.endOf(frame + 1)).toBe(777 * 201);
  expect(log.compare(log.start, bytes.subarray(log.start), bytes.length - log.start)).toBe(
    bytes.length - log.start,
  );
  log.truncate(777 * 250);
  expect(log.end).toBe(777 * 250);
});
