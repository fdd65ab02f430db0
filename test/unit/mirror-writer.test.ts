import { expect, test } from 'vitest';
import { Backlog, backlogLimits, CommittedBatch } from '#actors/mirror-writer/backlog.js';
import { MirrorWriter, type MirrorWriterMessage } from '#actors/mirror-writer/mirror-writer.js';
import type { MirrorReport } from '#actors/mirror-writer/ports.js';
import type { Change } from '#src/entities/entity.js';
import { changeOfEvent } from '#src/entities/messages.js';
import type { Applied, ChangeSource, Mirror, MirrorStep } from '#src/storage/tiers/ports.js';
import type { LogEvent } from '#src/wire/events.js';

type Done<Name extends 'position' | 'clear'> =
  Parameters<Mirror[Name]> extends [...unknown[], infer Last] ? Last : never;

/** A writer whose mirror and source answer when the test says so. */
function createBench({
  isWhole = false,
  pollMs,
  firstHead = 1_000,
  busy = 0,
}: {
  isWhole?: boolean;
  pollMs?: number;
  firstHead?: number;
  busy?: number;
} = {}) {
  const asked = {
    position: [] as Array<Done<'position'>>,
    clear: [] as Array<Done<'clear'>>,
    apply: [] as Array<{ step: MirrorStep; done: (result: Applied) => void }>,
    head: [] as Array<Parameters<ChangeSource['head']>[0]>,
    read: [] as Array<{ after: number; done: Parameters<ChangeSource['read']>[1] }>,
    walk: [] as Array<{ cursor: string | undefined; done: Parameters<ChangeSource['walk']>[1] }>,
  };
  const timers: Array<{ ms: number; run: () => void }> = [];
  const reports: MirrorReport[] = [];
  const levels: Array<readonly [began: number, askedAt: number]> = [];
  const inbox: MirrorWriterMessage[] = [];
  const unused = () => {
    throw new Error('a writer reads no pages');
  };
  const clock = { now: 1_000 };
  const writer = new MirrorWriter(
    {
      address: 'redis-writer/log-0',
      id: 'log-0',
      crashes: 0,
      tellSelf: (message) => void inbox.push(message),
    },
    {
      clock: { now: () => clock.now },
      timers: {
        after: (ms, run) => {
          timers.push({ ms, run });
          return () => {};
        },
      },
      mirror: {
        ...{ name: 'redis', isWhole, events: unused, get: unused, fill: unused, put: unused },
        position: (_source, done) => void asked.position.push(done),
        apply: (step, done) => void asked.apply.push({ step, done }),
        clear: (done) => void asked.clear.push(done),
      },
      source: {
        name: 'log/0',
        head: (done) => void asked.head.push(done),
        read: ({ after }, done) => void asked.read.push({ after, done }),
        walk: ({ cursor }, done) => void asked.walk.push({ cursor, done }),
      },
      ...(pollMs === undefined ? {} : { pollMs }),
      busy: () => busy,
      level: { now: () => clock.now, reached: (...level) => void levels.push(level) },
      report: (report) => void reports.push(report),
    },
  );
  const turn = (...messages: MirrorWriterMessage[]): void => {
    inbox.push(...messages);
    for (const message of inbox.splice(0)) writer.receive(message);
    writer.endTurn();
  };
  /** The next answer to what was asked, as a turn. */
  const answer = <Name extends keyof typeof asked>(name: Name): (typeof asked)[Name][number] => {
    const call = asked[name].shift();
    if (call === undefined) throw new Error(`nothing was asked of ${name}`);
    return call;
  };
  const kinds = (): string[] => reports.map(({ kind }) => kind).filter((kind) => kind !== 'standing');
  answer('head')({ kind: 'head', head: firstHead });
  turn();
  return { asked, timers, reports, levels, turn, answer, kinds, clock };
}

type Bench = ReturnType<typeof createBench>;

/** Brings it to where it follows from `position`, with nothing more in the source. */
function follow(bench: Bench, position: number): void {
  bench.answer('position')({ kind: 'position', position });
  bench.turn();
  bench.answer('head')({ kind: 'head', head: position });
  bench.turn();
  bench.answer('read').done({ kind: 'changes', changes: [], to: position, isAll: true });
  bench.turn();
}

function applied(bench: Bench): MirrorStep {
  const { step, done } = bench.answer('apply');
  done({ kind: 'applied', poisoned: [] });
  bench.clock.now += 100;
  bench.turn();
  return step;
}

let made = 0;
function message(text = 'x'): LogEvent {
  made += 1;
  return { ev: 'message.new', conv: 'c', seq: made, number: made, id: `id-${made}`, from: 'u', at: 1, text };
}

const changesOf = (events: readonly LogEvent[], batch: number) =>
  events.map((event) => changeOfEvent(event, batch));
const batchOf = (batch: number, at: number, ...events: LogEvent[]) =>
  new CommittedBatch({ batch, events, at }, changesOf);
const committed = (batch: number, ...events: LogEvent[]): MirrorWriterMessage => ({
  kind: 'committed',
  batch: batchOf(batch, 1_000, ...events),
});

test('T2 what gathers while a step is under way goes in the next one, from where the mirror stands', () => {
  const bench = createBench();
  follow(bench, 4);
  bench.turn(committed(5, message()));
  bench.turn(committed(6, message()), committed(7, message(), message()));
  expect(applied(bench)).toMatchObject({ source: 'log/0', from: 4, to: 5 });
  const step = applied(bench);
  expect(step).toMatchObject({ from: 5, to: 7 });
  expect(step.changes.map(({ version }) => version)).toEqual([6, 7, 7]);
  expect(bench.asked.apply).toHaveLength(0);
});

test('T2 small steps are apart, large ones are not', () => {
  const bench = createBench();
  follow(bench, 0);
  bench.turn(committed(1, message()));
  bench.answer('apply').done({ kind: 'applied', poisoned: [] });
  bench.turn(committed(2, message()));
  expect(bench.asked.apply).toHaveLength(0);
  const wait = bench.timers.at(-1);
  expect(wait?.ms).toBe(50);
  bench.turn(committed(3, message()));
  bench.clock.now += 50;
  wait?.run();
  bench.turn();
  expect(applied(bench)).toMatchObject({ from: 1, to: 3 });
  bench.clock.now -= 100;
  bench.turn(committed(4, ...Array.from({ length: backlogLimits.stepItemsMax }, () => message())));
});

test('T2 large steps leave most of the time of a busy thread to others, and go on at once where there is time', () => {
  for (const [busy, ms] of [
    [0.95, 80],
    [0.5, undefined],
  ] as const) {
    const bench = createBench({ busy });
    follow(bench, 0);
    const large = Array.from({ length: backlogLimits.stepItemsMax }, () => message());
    bench.turn(committed(1, ...large), committed(2, ...large));
    const timers = bench.timers.length;
    const { done } = bench.answer('apply');
    bench.clock.now += 20;
    done({ kind: 'applied', poisoned: [] });
    bench.turn();
    expect(bench.timers[timers]?.ms).toBe(ms);
    expect(bench.asked.apply).toHaveLength(busy > 0.9 ? 0 : 1);
  }
});

test('T2 a repair leaves most of the time of a busy thread to others', () => {
  for (const [busy, ms] of [
    [0.95, 80],
    [0.5, undefined],
  ] as const) {
    const bench = createBench({ busy });
    follow(bench, 0);
    bench.turn(committed(9, message()));
    const timers = bench.timers.length;
    const { done } = bench.answer('read');
    bench.clock.now += 20;
    done({ kind: 'changes', changes: [changeOfEvent(message(), 1)], to: 1, isAll: false });
    bench.turn();
    bench.answer('apply').done({ kind: 'applied', poisoned: [] });
    bench.turn();
    expect(bench.timers[timers]?.ms).toBe(ms);
    expect(bench.asked.read).toHaveLength(busy > 0.9 ? 0 : 1);
  }
});

test('T2 a batch that it was not told of is read from the log', () => {
  const bench = createBench();
  follow(bench, 4);
  bench.turn(committed(6, message()));
  const { after, done } = bench.answer('read');
  expect(after).toBe(4);
  done({ kind: 'changes', changes: [], to: 6, isAll: true });
  bench.turn();
  expect(applied(bench)).toMatchObject({ from: 4, to: 6 });
});

test('T2 an outage of the mirror: it is asked again where it stands, and goes on from there', () => {
  const bench = createBench();
  follow(bench, 4);
  bench.turn(committed(5, message()));
  bench.answer('apply').done({ kind: 'failed', message: 'away' });
  bench.turn();
  expect(bench.kinds().at(-1)).toBe('failed');
  // Nothing is asked before the pause is over.
  bench.turn(committed(6, message()));
  expect(bench.asked.position).toHaveLength(0);
  bench.timers.at(-1)?.run();
  bench.turn();
  // The step that failed had its effect all the same.
  bench.clock.now += 100;
  bench.answer('position')({ kind: 'position', position: 5 });
  bench.turn();
  bench.answer('head')({ kind: 'head', head: 6 });
  bench.turn();
  expect(applied(bench)).toMatchObject({ from: 5, to: 6 });
  expect(bench.kinds()).toContain('healed');
});

test('T4 a mirror that begins empty is cleared, and follows from the head of now', () => {
  const bench = createBench();
  bench.answer('position')({ kind: 'position', position: undefined });
  bench.turn();
  bench.answer('head')({ kind: 'head', head: 9 });
  bench.turn();
  bench.answer('clear')({ kind: 'cleared' });
  bench.turn();
  expect(applied(bench)).toMatchObject({ from: undefined, to: 9, changes: [] });
  expect(bench.answer('read').after).toBe(9);
});

test('T4 a whole mirror is filled page by page with what is recent, and a wipe in the middle is seen', () => {
  const bench = createBench({ isWhole: true });
  const [one, two] = [changeOfEvent(message(), 1), changeOfEvent(message(), 2)];
  const marks: number[] = [];
  const begin = (): void => {
    bench.answer('position')({ kind: 'position', position: undefined });
    bench.turn();
    bench.answer('head')({ kind: 'head', head: 9 });
    bench.turn();
    marks.push(applied(bench).to);
  };
  const page = (cursor: string | undefined, changes: readonly Change[], next: string | undefined): void => {
    const walk = bench.answer('walk');
    expect(walk.cursor).toBe(cursor);
    walk.done({ kind: 'page', changes, next });
    bench.turn();
  };
  begin();
  page(undefined, [one], 'one');
  bench.answer('apply').done({ kind: 'lost' });
  bench.turn();
  begin();
  page(undefined, [one], 'one');
  const mark = marks.at(-1);
  // A mark of the first attempt that came late would not be taken for one of the second.
  expect(marks[0]).toBeLessThan(0);
  expect(mark).not.toBe(marks[0]);
  expect(applied(bench)).toMatchObject({ from: mark, to: mark, changes: [one] });
  page('one', [two], undefined);
  expect(applied(bench)).toMatchObject({ from: mark, to: mark, changes: [two] });
  expect(applied(bench)).toMatchObject({ from: mark, to: 9, changes: [] });
  expect(bench.reports).toContainEqual({ kind: 'refilled', changes: 2 });
});

test('T4 a mirror is asked where it stands from time to time, so that a wipe is seen when nobody writes', () => {
  const bench = createBench();
  follow(bench, 4);
  expect(bench.asked.position).toHaveLength(0);
  bench.timers.find(({ ms }) => ms === 5_000)?.run();
  bench.turn();
  expect(bench.asked.position).toHaveLength(1);
});

test('T3 a mirror that is ahead of a restored database is cleared and begins anew', () => {
  for (const isWhole of [false, true]) {
    const bench = createBench({ isWhole });
    bench.answer('position')({ kind: 'position', position: 50 });
    bench.turn();
    bench.answer('head')({ kind: 'head', head: 20 });
    bench.turn();
    bench.answer('clear')({ kind: 'cleared' });
    bench.turn();
    if (!isWhole) expect(applied(bench)).toMatchObject({ from: 50, to: 20, changes: [] });
    expect(bench.asked.apply).toHaveLength(0);
    expect(bench.asked.position).toHaveLength(1);
    expect(bench.kinds()).toContain('ahead');
  }
});

test('T3 a mirror that was away at the start is of another history when it stands beyond where the log began', () => {
  const bench = createBench({ firstHead: 20 });
  bench.answer('position')({ kind: 'failed', message: 'frozen' });
  bench.turn();
  bench.timers.at(-1)?.run();
  bench.turn();
  bench.answer('position')({ kind: 'position', position: 50 });
  bench.turn();
  // The log has overtaken it meanwhile.
  bench.answer('head')({ kind: 'head', head: 700 });
  bench.turn();
  expect(bench.kinds()).toContain('ahead');
  expect(bench.asked.clear).toHaveLength(1);
});

test('T4 a refill whose last answer is lost is not taken for a mirror of another history', () => {
  const bench = createBench({ isWhole: true, firstHead: 5 });
  bench.answer('position')({ kind: 'position', position: undefined });
  bench.turn();
  bench.answer('head')({ kind: 'head', head: 9 });
  bench.turn();
  applied(bench);
  bench.answer('walk').done({ kind: 'page', changes: [], next: undefined });
  bench.turn();
  applied(bench);
  bench.answer('apply').done({ kind: 'failed', message: 'no answer' });
  bench.turn();
  bench.timers.at(-1)?.run();
  bench.turn();
  bench.answer('position')({ kind: 'position', position: 9 });
  bench.turn();
  bench.answer('head')({ kind: 'head', head: 9 });
  bench.turn();
  expect(bench.kinds()).not.toContain('ahead');
});

test('T2 a poisoned change is reported, and the mirror goes on', () => {
  const bench = createBench();
  follow(bench, 4);
  bench.turn(committed(5, message()));
  const { step, done } = bench.answer('apply');
  const change = step.changes[0] as Change;
  done({ kind: 'applied', poisoned: [{ change, message: 'too large' }] });
  bench.clock.now += 100;
  bench.turn(committed(6, message()));
  expect(bench.reports).toContainEqual({ kind: 'poisoned', poisoned: { change, message: 'too large' } });
  expect(applied(bench)).toMatchObject({ from: 5, to: 6 });
});

test('T2 while a mirror is away the backlog stays within its bounds, and says since when it is behind', () => {
  const bench = createBench();
  follow(bench, 0);
  bench.turn(committed(1, message()));
  const long = 'x'.repeat(100_000);
  for (let batch = 2; batch < 400; batch += 1) bench.turn(committed(batch, message(long)));
  const standing = bench.reports.filter((report) => report.kind === 'standing').at(-1);
  expect(standing?.backlogBytes).toBeLessThanOrEqual(backlogLimits.bytesMax);
  expect(bench.kinds()).toContain('overflowed');
  bench.clock.now = 60_000;
  bench.answer('apply').done({ kind: 'failed', message: 'away' });
  bench.turn();
  expect(bench.reports.at(-1)).toMatchObject({ kind: 'standing', pendingSince: 1_000 });
});

test('what answers an instance that has gone is not taken by its successor', () => {
  const bench = createBench();
  bench.turn({ kind: 'answered', question: {}, handle: () => expect.unreachable() });
  expect(bench.asked.position).toHaveLength(1);
});

test('T8 a source that is polled says when everything up to the beginning of a read is in the mirror', () => {
  const bench = createBench({ pollMs: 500 });
  bench.clock.now = 2_000;
  bench.answer('position')({ kind: 'position', position: 7 });
  bench.turn();
  bench.answer('head')({ kind: 'head', head: 7 });
  bench.turn();
  const { done } = bench.answer('read');
  bench.clock.now = 3_000;
  done({ kind: 'changes', changes: [changeOfEvent(message(), 1)], to: 7, isAll: true });
  bench.turn();
  expect(bench.levels).toEqual([]);
  expect(applied(bench)).toMatchObject({ from: 7, to: 7 });
  expect(bench.levels).toEqual([[2_000, 1_000]]);
  expect(bench.timers.some(({ ms }) => ms === 500)).toBe(true);
});

test('a backlog gives what follows a position, and nothing after a hole', () => {
  const backlog = new Backlog();
  for (const batch of [3, 4, 5]) backlog.add(batchOf(batch, batch, message()));
  expect(backlog.take(1)).toEqual([]);
  expect(backlog.take(3).map(({ batch }) => batch)).toEqual([4, 5]);
  expect(backlog.items).toBe(0);
  backlog.add(batchOf(6, 6, message()));
  backlog.add(batchOf(8, 8, message()));
  expect(backlog.take(5)).toEqual([]);
  expect(backlog.take(7).map(({ batch }) => batch)).toEqual([8]);
  expect(backlog.head).toBe(8);
});
