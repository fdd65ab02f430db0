import { expect, test } from 'vitest';
import type { ConversationMessage, WriterMessage } from '#actors/messages.js';
import { BatchAcks } from '#actors/postgres-writer/batch-acks.js';
import type { WriterPorts } from '#actors/postgres-writer/ports.js';
import { PostgresWriter } from '#actors/postgres-writer/postgres-writer.js';
import { nothing } from '#src/storage/facts.js';
import type { Failed, LogStore, Owned, Progress, StoredOperation, WriteOutcome } from '#src/storage/ports.js';
import type { ToFront } from '#src/threads/messages.js';
import type { LogEvent } from '#src/wire/events.js';

type Written = { epoch: number; batch: number; events: LogEvent[] };

/** A writer on a store whose every answer the test gives. */
function createBench() {
  const calls = {
    own: [] as Array<(result: Owned) => void>,
    write: [] as Array<{ batch: Written; done: (outcome: WriteOutcome) => void }>,
    lookup: [] as Array<{
      ids: readonly string[];
      done: (result: { kind: 'found'; operations: StoredOperation[] } | Failed) => void;
    }>,
    load: [] as Array<{ conv: string; done: Parameters<LogStore['load']>[1] }>,
    flush: [] as Array<{ progress: Progress; done: (result: { kind: 'flushed' } | Failed) => void }>,
    timers: [] as Array<{ ms: number; run: () => void }>,
  };
  const answers: Array<Extract<ToFront, { request: number }>> = [];
  const told: Array<{ conv: string; message: ConversationMessage }> = [];
  const fatal: string[] = [];
  const store: WriterPorts['store'] = {
    own: (done) => void calls.own.push(done),
    write: (batch, done) => void calls.write.push({ batch: structuredClone(batch) as Written, done }),
    lookup: (ids, done) => void calls.lookup.push({ ids, done }),
    load: (conv, done) => void calls.load.push({ conv, done }),
    flush: (progress, done) => void calls.flush.push({ progress, done }),
  };
  const inbox: WriterMessage[] = [];
  const writer = new PostgresWriter(
    { address: 'postgres-writer/0', id: '0', crashes: 0, tellSelf: (message) => void inbox.push(message) },
    {
      clock: { now: () => 1_000_000 },
      timers: {
        after: (ms, run) => {
          calls.timers.push({ ms, run });
          return () => {};
        },
      },
      store,
      answer: (message) => void answers.push(message),
      acknowledge: (_front, { requests, seqs, at }) => {
        requests.forEach((request, place) => {
          answers.push({ kind: 'ack', request, seq: seqs[place] ?? 0, at });
        });
      },
      tellConversation: (conv, message) => void told.push({ conv, message }),
      fatal: (reason) => void fatal.push(reason),
    },
  );
  /** One turn: everything in the mailbox, then the end of the turn; repeated until quiet. */
  const turn = (...messages: WriterMessage[]) => {
    inbox.push(...messages);
    do {
      for (const message of inbox.splice(0)) writer.receive(message);
      writer.endTurn();
    } while (inbox.length > 0);
  };
  const next = <Call>(list: Call[]): Call => {
    const call = list.shift();
    if (call === undefined) throw new Error('the writer did not call the store');
    return call;
  };
  return { calls, answers, told, fatal, turn, next };
}

const conv = '01900000-0000-7000-8000-00000000c0c0';
const idOf = (n: number) => `01900000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

function append(n: number, options: { request?: number; from?: string; text?: string } = {}): WriterMessage {
  const event: LogEvent = {
    ev: 'message.new',
    conv,
    seq: 0,
    number: 0,
    id: idOf(n),
    from: options.from ?? 'alice',
    at: 0,
    text: options.text ?? `text ${n}`,
  };
  return { kind: 'append', entries: [{ request: options.request ?? n, event, bytes: 100 }] };
}

function createReadyBench(head = { seq: 0, number: 0 }) {
  const bench = createBench();
  bench.next(bench.calls.own)({ kind: 'owned', epoch: 1, batch: 0 });
  bench.turn({ kind: 'load', conv });
  bench.next(bench.calls.load).done({
    kind: 'loaded',
    snapshot: { info: undefined, head, members: [], standing: nothing, recent: [] },
  });
  bench.turn();
  return bench;
}

const acks = (bench: ReturnType<typeof createBench>) =>
  bench.answers
    .filter((answer) => answer.kind === 'ack')
    .map((answer) => [answer.request, 'seq' in answer ? answer.seq : 0]);

test('P1 nothing is acked before its batch is committed, and what gathers meanwhile is the next batch', () => {
  const bench = createReadyBench();
  bench.turn(append(1));
  bench.turn(append(2));
  bench.turn(append(3));
  const first = bench.next(bench.calls.write);
  expect(first.batch.events.map((event) => event.id)).toEqual([idOf(1)]);
  expect(bench.calls.write).toHaveLength(0);
  expect(bench.answers).toEqual([]);
  first.done({ kind: 'committed' });
  bench.turn();
  expect(acks(bench)).toEqual([[1, 1]]);
  const second = bench.next(bench.calls.write);
  expect(second.batch).toMatchObject({ epoch: 1, batch: 2 });
  expect(second.batch.events.map((event) => [event.seq, event.number])).toEqual([
    [2, 2],
    [3, 3],
  ]);
});

test('P2 a retry of a pending id joins it: one row, the same answer for both', () => {
  const bench = createReadyBench();
  bench.turn(append(1, { request: 10 }), append(1, { request: 11 }));
  const write = bench.next(bench.calls.write);
  expect(write.batch.events).toHaveLength(1);
  bench.turn(append(1, { request: 12 }));
  write.done({ kind: 'committed' });
  bench.turn();
  expect(acks(bench)).toEqual([
    [10, 1],
    [11, 1],
    [12, 1],
  ]);
});

test('L8 a batch of 1,000 with 500 duplicates takes three calls: write, lookup, write', () => {
  const bench = createReadyBench({ seq: 500, number: 500 });
  for (let n = 0; n < 1000; n += 1) bench.turn(append(n));
  bench.next(bench.calls.write).done({ kind: 'committed' });
  bench.turn();
  const write = bench.next(bench.calls.write);
  expect(write.batch.events).toHaveLength(999);
  write.done({ kind: 'duplicate' });
  bench.turn();
  const lookup = bench.next(bench.calls.lookup);
  const operations = lookup.ids
    .filter((_, index) => index % 2 === 0)
    .map((id, index) => ({ id, conv, from: 'alice', seq: index + 1, at: 5 }));
  bench.answers.length = 0;
  lookup.done({ kind: 'found', operations });
  bench.turn();
  expect(bench.answers).toHaveLength(500);
  expect(bench.answers[0]).toMatchObject({ kind: 'ack', seq: 1, at: 5 });
  const rest = bench.next(bench.calls.write);
  expect(rest.batch.events).toHaveLength(499);
  expect(rest.batch.events.map((event) => event.seq)).toEqual(
    rest.batch.events.map((_, index) => 502 + index),
  );
  expect(rest.batch.batch).toBe(2);
  rest.done({ kind: 'committed' });
  bench.turn();
  expect(bench.answers).toHaveLength(999);
  expect(bench.calls.lookup).toHaveLength(0);
  expect(bench.calls.write).toHaveLength(0);
});

test('P3 an id that another user stored is a conflict that tells nothing about it', () => {
  const bench = createReadyBench();
  bench.turn(append(1));
  bench.next(bench.calls.write).done({ kind: 'duplicate' });
  bench.turn();
  bench.next(bench.calls.lookup).done({
    kind: 'found',
    operations: [{ id: idOf(1), conv: 'elsewhere', from: 'bob', seq: 77, at: 99 }],
  });
  bench.turn();
  expect(bench.answers).toEqual([
    { kind: 'err', request: 1, code: 'conflict', message: expect.any(String), stored: false },
  ]);
  expect(JSON.stringify(bench.answers)).not.toMatch(/77|99|bob|elsewhere/);
});

test('L9 a bad row is found by bisection, left half first; its neighbours are stored without a hole', () => {
  const bench = createReadyBench();
  bench.turn(append(0));
  for (let n = 1; n <= 8; n += 1) bench.turn(append(n, { text: n === 6 ? 'bad' : 'good' }));
  const order: string[][] = [];
  for (let rounds = 0; rounds < 20 && bench.calls.write.length > 0; rounds += 1) {
    const { batch, done } = bench.next(bench.calls.write);
    order.push(batch.events.map((event) => event.id.slice(-1)));
    done(
      batch.events.some((event) => 'text' in event && event.text === 'bad')
        ? { kind: 'bad', message: 'no' }
        : { kind: 'committed' },
    );
    bench.turn();
  }
  expect(order.slice(1, 4)).toEqual([
    ['1', '2', '3', '4', '5', '6', '7', '8'],
    ['1', '2', '3', '4'],
    ['5', '6', '7', '8'],
  ]);
  expect(acks(bench).map(([, seq]) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  const refused = bench.answers.filter((answer) => answer.kind === 'err');
  expect(refused).toMatchObject([{ request: 6, code: 'invalid', stored: false }]);
});

test('L10 what is nobody’s fault is written again, the same rows with the same number', () => {
  const bench = createReadyBench();
  bench.turn(append(1));
  bench.next(bench.calls.write).done({ kind: 'retry', message: 'deadlock' });
  bench.turn();
  expect(bench.answers).toEqual([]);
  const pause = bench.calls.timers.find((timer) => timer.ms < 500);
  pause?.run();
  bench.turn();
  const again = bench.next(bench.calls.write);
  expect(again.batch).toMatchObject({ batch: 1, events: [{ id: idOf(1), seq: 1 }] });
  again.done({ kind: 'committed' });
  bench.turn();
  expect(acks(bench)).toEqual([[1, 1]]);
});

test.each([
  { truth: 'committed', found: 1, writesAgain: false },
  { truth: 'never committed', found: 0, writesAgain: true },
])('L3 a lost connection is settled by the batch number: $truth', ({ found, writesAgain }) => {
  const bench = createReadyBench();
  bench.turn(append(1));
  bench.next(bench.calls.write).done({ kind: 'unknown', message: 'cut' });
  bench.turn();
  expect(bench.answers).toEqual([]);
  bench.next(bench.calls.own)({ kind: 'owned', epoch: 2, batch: found });
  bench.turn();
  if (writesAgain) {
    const again = bench.next(bench.calls.write);
    expect(again.batch).toMatchObject({ epoch: 2, batch: 1, events: [{ seq: 1 }] });
    again.done({ kind: 'committed' });
    bench.turn();
  }
  expect(acks(bench)).toEqual([[1, 1]]);
  expect(bench.calls.write).toHaveLength(0);
});

test.each([
  { outcome: { kind: 'fenced' } as const },
  { outcome: { kind: 'broken', message: 'seq twice' } as const },
])('L13 a writer that is $outcome.kind stops and acks nothing more', ({ outcome }) => {
  const bench = createReadyBench();
  bench.turn(append(1));
  bench.next(bench.calls.write).done(outcome);
  bench.turn();
  bench.turn(append(2));
  expect(bench.fatal).toEqual([outcome.kind]);
  expect(bench.calls.write).toHaveLength(0);
  expect(bench.answers).toMatchObject([{ kind: 'err', request: 2, code: 'unavailable' }]);
  expect(bench.answers[0]).not.toHaveProperty('stored');
});

test('L3 a batch number nobody expected means another owner: the shard stops', () => {
  const bench = createReadyBench();
  bench.turn(append(1));
  bench.next(bench.calls.write).done({ kind: 'unknown', message: 'cut' });
  bench.turn();
  bench.next(bench.calls.own)({ kind: 'owned', epoch: 5, batch: 7 });
  bench.turn();
  expect(bench.fatal).toEqual(['fenced']);
});

test('A7 a load waits at the barrier until nothing of its conversation is owed', () => {
  const bench = createReadyBench();
  bench.turn(append(1));
  bench.turn({ kind: 'load', conv });
  expect(bench.calls.load).toHaveLength(0);
  bench.next(bench.calls.write).done({ kind: 'committed' });
  bench.turn();
  expect(bench.next(bench.calls.load).conv).toBe(conv);
});

test('A7 a load that was asked for by an instance that has gone does not set the head back', () => {
  const bench = createReadyBench();
  bench.turn({ kind: 'load', conv });
  const stale = bench.next(bench.calls.load);
  bench.turn({ kind: 'forget', conv }, { kind: 'load', conv });
  const fresh = bench.next(bench.calls.load);
  const snapshot = (seq: number) => ({
    info: undefined,
    head: { seq, number: seq },
    members: [],
    standing: nothing,
    recent: [],
  });
  fresh.done({ kind: 'loaded', snapshot: snapshot(9) });
  stale.done({ kind: 'loaded', snapshot: snapshot(4) });
  bench.turn(append(1));
  expect(bench.next(bench.calls.write).batch.events).toMatchObject([{ seq: 10, number: 10 }]);
});

test('L14 a read mark is acked when it is in Postgres, and marks only grow', () => {
  const bench = createReadyBench();
  bench.turn({ kind: 'mark', what: 'read', request: 5, conv, user: 'bob', number: 3, seq: 4 });
  bench.turn({ kind: 'mark', what: 'read', request: 6, conv, user: 'bob', number: 2, seq: 3 });
  expect(bench.answers).toEqual([]);
  bench.calls.timers.find((timer) => timer.ms >= 100)?.run();
  bench.turn();
  const flush = bench.next(bench.calls.flush);
  expect(flush.progress.marks).toEqual([{ conv, user: 'bob', mark: 3 }]);
  flush.done({ kind: 'flushed' });
  bench.turn();
  expect(acks(bench).map(([request]) => request)).toEqual([5, 6]);
});

test('L14 sending moves the sender’s own mark, and what a flush could not write is written later', () => {
  const bench = createReadyBench();
  bench.turn(append(1));
  bench.next(bench.calls.write).done({ kind: 'committed' });
  bench.turn();
  let flushed: boolean | undefined;
  bench.turn({
    kind: 'flush',
    done: (ok) => {
      flushed = ok;
    },
  });
  bench.next(bench.calls.flush).done({ kind: 'failed', message: 'away' });
  bench.turn();
  expect(flushed).toBe(false);
  bench.turn({
    kind: 'flush',
    done: (ok) => {
      flushed = ok;
    },
  });
  const flush = bench.next(bench.calls.flush);
  expect(flush.progress).toMatchObject({
    batch: 1,
    heads: [{ conv, seq: 1, number: 1, preview: 'text 1' }],
    marks: [{ user: 'alice', mark: 1 }],
  });
  flush.done({ kind: 'flushed' });
  bench.turn();
  expect(flushed).toBe(true);
});

test('U4 L14 what is taken back, read and sent is one move of the mark, also after a flush that failed', () => {
  const bench = createReadyBench();
  const mark = (what: 'read' | 'unread' | 'delivered', number: number) =>
    bench.turn({ kind: 'mark', what, request: 5, conv, user: 'bob', number, seq: number });
  mark('read', 7);
  mark('unread', 3);
  bench.turn({ kind: 'flush', done: () => {} });
  const lost = bench.next(bench.calls.flush);
  expect(lost.progress.marks).toEqual([{ conv, user: 'bob', mark: 3, low: 3 }]);
  mark('read', 5);
  mark('delivered', 9);
  mark('unread', 4);
  lost.done({ kind: 'failed', message: 'away' });
  bench.turn();
  bench.turn({ kind: 'flush', done: () => {} });
  const flush = bench.next(bench.calls.flush);
  expect(flush.progress.marks).toEqual([{ conv, user: 'bob', mark: 4, low: 3, delivered: 9 }]);
});

test('O4 a drain writes what is queued, flushes, and refuses what comes after', () => {
  const bench = createReadyBench();
  bench.turn(append(1));
  bench.turn(append(2));
  let isDrained = false;
  bench.turn({
    kind: 'drain',
    done: () => {
      isDrained = true;
    },
  });
  bench.turn(append(3));
  expect(bench.answers).toMatchObject([{ kind: 'err', request: 3, code: 'unavailable' }]);
  bench.next(bench.calls.write).done({ kind: 'committed' });
  bench.turn();
  bench.next(bench.calls.write).done({ kind: 'committed' });
  bench.turn();
  expect(isDrained).toBe(false);
  bench.next(bench.calls.flush).done({ kind: 'flushed' });
  bench.turn();
  expect(isDrained).toBe(true);
  expect(acks(bench)).toEqual([
    [1, 1],
    [2, 2],
  ]);
});

test('P4 a retry that overtakes its own commit does not renumber what was committed', () => {
  const bench = createReadyBench();
  const event: LogEvent = {
    ev: 'message.new',
    conv,
    seq: 0,
    number: 0,
    id: idOf(1),
    from: 'alice',
    at: 0,
    text: '',
  };
  bench.turn({ kind: 'append', entries: [{ request: 1, event, bytes: 100 }] });
  bench.next(bench.calls.write).done({ kind: 'committed' });
  bench.turn({ kind: 'append', entries: [{ request: 2, event, bytes: 100 }] });
  const committed = bench.told.flatMap(({ message }) => (message.kind === 'committed' ? message.events : []));
  expect(committed.map(({ seq }) => seq)).toEqual([1]);
  expect(bench.next(bench.calls.write).batch.events).toMatchObject([{ id: idOf(1), seq: 2 }]);
});

test('L13 P1 an owner whose shard was taken while its batch was unknown acks nothing: the number counts another batch', () => {
  const bench = createReadyBench();
  bench.turn(append(1));
  bench.next(bench.calls.write).done({ kind: 'unknown', message: 'cut' });
  bench.turn();
  bench.next(bench.calls.own)({ kind: 'fenced' });
  bench.turn();
  expect(bench.answers).toEqual([]);
  expect(bench.fatal).toEqual(['fenced']);
});

test('P1 the acks of a batch are one message for each front, with every seq beside its own request', () => {
  const batchAcks = new BatchAcks();
  const [one, other] = [3, 250];
  const asked = [one, other, one, one, other].map((front, place) => [(place + 1) * 256 + front, 70 + place]);
  for (const [request = 0, seq = 0] of asked) batchAcks.add(request, seq);
  const told = [...batchAcks.messages(5)].map(({ front, acks: { kind, at, requests, seqs } }) => ({
    ...{ front, kind, at },
    pairs: [...requests].map((request, place) => [request, seqs[place]]),
    seqCount: seqs.length,
  }));
  const ofFront = (front: number) => asked.filter(([request = 0]) => request % 256 === front);
  expect(told).toEqual([
    { front: one, kind: 'acks', at: 5, pairs: ofFront(one), seqCount: 3 },
    { front: other, kind: 'acks', at: 5, pairs: ofFront(other), seqCount: 2 },
  ]);
});
