/** A small run in which all is well, and the ways to spoil it: a checker that finds nothing must be shown to find. */
import type { LogEvent } from '#src/wire/events.js';
import { type AnswerRecord, checkRun, type RunRecord, type StreamItem } from './checker.js';

/** Ann makes a group with Bob; they write; Cem is added and removed. */
export function goodRun(): RunRecord {
  const conv = 'room';
  const base = (seq: number, number: number, from: string) => ({
    conv,
    seq,
    number,
    id: `id-${seq}`,
    from,
    at: seq * 10,
  });
  const log: LogEvent[] = [
    { ev: 'conversation.create', ...base(1, 0, 'ann'), type: 'group', members: ['bob'] },
    { ev: 'message.new', ...base(2, 1, 'ann'), text: 'hello' },
    { ev: 'message.new', ...base(3, 2, 'bob'), text: 'good morning' },
    { ev: 'member.add', ...base(4, 2, 'ann'), user: 'cem' },
    { ev: 'message.new', ...base(5, 3, 'bob'), text: 'welcome' },
    { ev: 'member.remove', ...base(6, 3, 'ann'), user: 'cem' },
  ];
  const ops = ['create', 'send', 'send', 'add', 'send', 'remove'] as const;
  const answers = log.map(
    (event, index): AnswerRecord => ({
      ...{ user: event.from, op: ops[index] ?? 'send', conv, id: event.id },
      text: event.ev === 'message.new' ? event.text : undefined,
      sentAt: event.at - 5,
      answeredAt: event.at + 5,
      answer: { kind: 'ack', id: event.id, seq: event.seq, at: event.at },
    }),
  );
  const after = (seq: number): StreamItem[] =>
    log.filter((event) => event.seq > seq).map((event) => ({ kind: 'event', event }));
  return {
    log,
    answers,
    streams: [
      { name: 'Bob live', user: 'bob', items: [{ kind: 'subscribed', conv, head: 2 }, ...after(2)] },
      {
        name: 'Bob resumes',
        user: 'bob',
        items: [
          { kind: 'subscribed', conv, head: 6, have: 3 },
          ...after(3),
          { kind: 'resumed', conv, upTo: 6 },
        ],
      },
      {
        name: 'Cem',
        user: 'cem',
        items: [{ kind: 'subscribed', conv, head: 4 }, ...after(4), { kind: 'unsubscribed', conv }],
      },
    ],
    isQuiet: true,
    committedAt: new Map(log.map((event) => [event.id, event.at])),
  };
}

/** The rules that a run breaks. */
export function rulesOf(run: RunRecord): string[] {
  return [...new Set(checkRun(run).map(({ rule }) => rule))];
}

export interface PlantedFault {
  readonly name: string;
  /** The rule that must be found broken. */
  readonly rule: string;
  plant(run: RunRecord): RunRecord;
}

function withLog(change: (log: LogEvent[]) => LogEvent[]) {
  return (run: RunRecord): RunRecord => ({ ...run, log: change(run.log.map((event) => ({ ...event }))) });
}

function withAnswer(index: number, change: (answer: AnswerRecord) => AnswerRecord) {
  return (run: RunRecord): RunRecord => ({
    ...run,
    answers: run.answers.map((answer, at) => (at === index ? change(answer) : answer)),
  });
}

function moreAnswers(...answers: AnswerRecord[]) {
  return (run: RunRecord): RunRecord => ({ ...run, answers: [...run.answers, ...answers] });
}

function withStream(name: string, change: (items: StreamItem[]) => StreamItem[]) {
  return (run: RunRecord): RunRecord => ({
    ...run,
    streams: run.streams.map((stream) =>
      stream.name === name ? { ...stream, items: change([...stream.items]) } : stream,
    ),
  });
}

function swap<Item>(items: Item[], one: number): Item[] {
  return items.map(
    (item, index) => (index === one ? items[one + 1] : index === one + 1 ? items[one] : item) as Item,
  );
}

const again = { user: 'bob', op: 'send', conv: 'room', id: 'id-3', sentAt: 100, answeredAt: 110 } as const;

export const plantFaults: readonly PlantedFault[] = [
  { name: 'a lost row', rule: 'P1', plant: withLog((log) => log.filter(({ seq }) => seq !== 6)) },
  {
    name: 'a lost row in the middle',
    rule: 'P4',
    plant: withLog((log) => log.filter(({ seq }) => seq !== 3)),
  },
  {
    name: 'a duplicate under a new seq',
    rule: 'P2',
    plant: withLog((log) => [...log, { ...(log[4] as LogEvent), seq: 7, number: 4 }]),
  },
  {
    name: 'a seq used twice',
    rule: 'P4',
    plant: withLog((log) => [...log, { ...(log[4] as LogEvent), id: 'other' }]),
  },
  {
    name: 'two rows swapped',
    rule: 'P2',
    plant: withLog((log) =>
      log.map((event) =>
        event.seq === 2 ? { ...event, seq: 3 } : event.seq === 3 ? { ...event, seq: 2 } : event,
      ),
    ),
  },
  {
    name: 'a hole in the seqs',
    rule: 'P4',
    plant: withLog((log) => log.map((event) => (event.seq > 4 ? { ...event, seq: event.seq + 1 } : event))),
  },
  {
    name: 'a number that skips',
    rule: 'P4',
    plant: withLog((log) => log.map((event) => (event.seq === 5 ? { ...event, number: 4 } : event))),
  },
  {
    name: 'another text than was sent',
    rule: 'P2',
    plant: withLog((log) =>
      log.map((event) => (event.ev === 'message.new' ? { ...event, text: 'x' } : event)),
    ),
  },
  {
    name: 'a message by somebody who was removed',
    rule: 'L6',
    plant: withLog((log) => [
      ...log,
      { ev: 'message.new', conv: 'room', seq: 7, number: 4, id: 'late', from: 'cem', at: 70, text: 'hi' },
    ]),
  },
  {
    name: 'a seq taken by what changed nothing',
    rule: 'L7',
    plant: withLog((log) => [
      ...log,
      { ...(log[3] as LogEvent), seq: 7, number: 3, id: 'twice', user: 'bob' } as LogEvent,
    ]),
  },
  {
    name: 'an ack before the commit',
    rule: 'P1',
    plant: withAnswer(1, (answer) => ({ ...answer, answeredAt: 1 })),
  },
  {
    name: 'a false stored: false',
    rule: 'P7',
    plant: withAnswer(1, (answer) => ({
      ...answer,
      answer: { kind: 'err', code: 'not_found', stored: false },
    })),
  },
  {
    name: 'a retry with another seq',
    rule: 'P2',
    plant: moreAnswers({ ...again, answer: { kind: 'ack', id: 'id-3', seq: 5, at: 50 } }),
  },
  {
    name: 'a retry refused',
    rule: 'L5',
    plant: moreAnswers({ ...again, answer: { kind: 'err', code: 'forbidden' } }),
  },
  {
    name: 'a refusal made without looking that says it was not stored',
    rule: 'L5',
    plant: moreAnswers({ ...again, id: 'new', answer: { kind: 'err', code: 'rate_limited', stored: false } }),
  },
  {
    name: "an ack for somebody else's id",
    rule: 'P3',
    plant: moreAnswers({ ...again, user: 'ann', answer: { kind: 'ack', id: 'id-3', seq: 3, at: 30 } }),
  },
  {
    name: 'a conflict with nothing',
    rule: 'P3',
    plant: moreAnswers({ ...again, id: 'new', answer: { kind: 'err', code: 'conflict', stored: false } }),
  },
  {
    name: 'an event lost',
    rule: 'P6',
    plant: withStream('Bob live', (items) => items.filter((_, index) => index !== 2)),
  },
  {
    name: 'the last event lost, then silence',
    rule: 'P6',
    plant: withStream('Bob live', (items) => items.slice(0, -1)),
  },
  { name: 'two events swapped', rule: 'P6', plant: withStream('Bob live', (items) => swap(items, 2)) },
  {
    name: 'an event shown twice',
    rule: 'P6',
    plant: withStream('Bob live', (items) => [...items, items.at(-1) as StreamItem]),
  },
  {
    name: 'an event that a crash took back',
    rule: 'P5',
    plant: (run) => ({ ...withLog((log) => log.slice(0, 5))(run), answers: run.answers.slice(0, 5) }),
  },
  {
    name: 'a backlog cut short',
    rule: 'W10',
    plant: withStream('Bob resumes', (items) => items.filter((_, index) => index !== 3)),
  },
  {
    name: 'an event after the removal',
    rule: 'L6',
    plant: (run) => {
      const event: LogEvent = {
        ev: 'message.new',
        conv: 'room',
        seq: 7,
        number: 4,
        id: 'id-7',
        from: 'bob',
        at: 70,
        text: 'gone',
      };
      const told = withStream('Cem', (items) => [...items.slice(0, -1), { kind: 'event', event }])(run);
      return { ...told, log: [...run.log, event], isQuiet: false };
    },
  },
  {
    name: 'a page from before an ack',
    rule: 'R5',
    plant: withStream('Bob live', (items) => [
      ...items,
      { kind: 'page', conv: 'room', head: 4, events: [], headMin: 6 },
    ]),
  },
];
