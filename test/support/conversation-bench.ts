/** One conversation without anything around it: what it posts, appends and asks is written down, and answered by hand. */
import { uuidv7 } from 'uuidv7';
import { Answered } from '#actors/conversation/answered.js';
import { Conversation } from '#actors/conversation/conversation.js';
import type { ConversationPorts, ConversationStore, PublisherPort } from '#actors/conversation/ports.js';
import type { ConversationMessage, WriterMessage } from '#actors/messages.js';
import { Rates } from '#src/rates.js';
import { nothing } from '#src/storage/facts.js';
import type { BlockChange, ConversationMoment, ConversationSnapshot, LogStore } from '#src/storage/ports.js';
import type { ToFront } from '#src/threads/messages.js';
import type { ControlEvent, LogEvent } from '#src/wire/events.js';

export const now = Date.UTC(2026, 10, 21, 12);
export const conv = idAt(now - 3_600_000);

/** A UUIDv7 of a given time. */
export function idAt(milliseconds: number): string {
  const hex = milliseconds.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-${uuidv7().slice(14)}`;
}

export const fresh = () => idAt(now);

type Read = Parameters<ConversationStore['read']>;

interface Asked<Call extends 'targets' | 'parents' | 'attachments'> {
  readonly asked: Parameters<LogStore[Call]>[0];
  readonly done: Parameters<LogStore[Call]>[1];
}

export function createBench(
  options: {
    rate?: number;
    rates?: Rates;
    answeredBy?: Answered;
    conversationRate?: ConversationPorts['conversationRate'];
  } = {},
) {
  let time = now;
  let isBroken = false;
  const clock = { now: () => time };
  const posts: ToFront[] = [];
  const toWriter: WriterMessage[] = [];
  const published: Array<{ conv: string; events?: LogEvent[]; missed?: number }> = [];
  const notified: string[] = [];
  const ephemeral: ControlEvent[] = [];
  const handedOver: ConversationMoment[] = [];
  const reads: Array<{ range: Read[0]; done: Read[1] }> = [];
  const receiptChecks: Array<Parameters<LogStore['withoutReceipts']>[1]> = [];
  const toldTo: Array<readonly string[] | undefined> = [];
  const userChecks: Array<Parameters<LogStore['unknownUsers']>[2]> = [];
  const blockChanges: Array<{ change: BlockChange; done: Parameters<LogStore['setBlock']>[1] }> = [];
  const hidden: string[] = [];
  const targets: Array<Asked<'targets'>> = [];
  const changes: Array<{
    range: Parameters<LogStore['changed']>[0];
    done: Parameters<LogStore['changed']>[1];
  }> = [];
  const parents: Array<Asked<'parents'>> = [];
  const attachments: Array<Asked<'attachments'>> = [];
  const timers: Array<() => void> = [];
  let lastSeq: number | undefined;
  const inbox: ConversationMessage[] = [];
  const rate = { perSecond: options.rate ?? 1000, burst: options.rate ?? 1000 };
  const ports = {
    clock,
    timers: {
      after(_ms: number, run: () => void) {
        timers.push(run);
        return () => {};
      },
    },
    store: {
      read: (range: Read[0], done: Read[1]) => void reads.push({ range, done }),
      withoutReceipts: (_users: readonly string[], done: Parameters<LogStore['withoutReceipts']>[1]) =>
        void receiptChecks.push(done),
      unknownUsers: (...[, , done]: Parameters<LogStore['unknownUsers']>) => void userChecks.push(done),
      setBlock: (change: BlockChange, done: Parameters<LogStore['setBlock']>[1]) =>
        void blockChanges.push({ change, done }),
      targets: (asked: Parameters<LogStore['targets']>[0], done: Parameters<LogStore['targets']>[1]) =>
        void targets.push({ asked, done }),
      changed: (range: Parameters<LogStore['changed']>[0], done: Parameters<LogStore['changed']>[1]) =>
        void changes.push({ range, done }),
      parents: (asked: Parameters<LogStore['parents']>[0], done: Parameters<LogStore['parents']>[1]) =>
        void parents.push({ asked, done }),
      attachments: (
        asked: Parameters<LogStore['attachments']>[0],
        done: Parameters<LogStore['attachments']>[1],
      ) => void attachments.push({ asked, done }),
    },
    publisher: {
      subscribe: (_front: number, _conv: string, head: number) => {
        lastSeq = head;
      },
      lastSeq: () => lastSeq,
      publish: (name: string, events: LogEvent[]) => void published.push({ conv: name, events }),
      missed: (name: string, head: number) => void published.push({ conv: name, missed: head }),
      ephemeral: (...[, event, , to]: Parameters<PublisherPort['ephemeral']>) => {
        ephemeral.push(...('ev' in event ? [event] : event));
        toldTo.push(to);
      },
    },
    answered: options.answeredBy ?? new Answered(clock),
    rates: options.rates ?? new Rates({ standard: rate, high: { perSecond: 1e6, burst: 1e6 } }, clock),
    conversationRate: options.conversationRate,
    post: (_front: number, message: ToFront) => {
      if (isBroken) throw new Error('planted');
      posts.push(message);
    },
    receiptsMembersMax: 100,
    receiptMarksMax: 2,
    notify: (user: string) => void notified.push(user),
    hide: (one: string, other: string) => void hidden.push(`${one} ${other}`),
    tellWriter: (message: WriterMessage) => void toWriter.push(message),
    handOver: (moment: ConversationMoment) => void handedOver.push(moment),
  };
  const actor = new Conversation(
    {
      address: `conversation/${conv}`,
      id: conv,
      crashes: 0,
      tellSelf: (message) => void inbox.push(message),
    },
    ports,
  );
  const turn = (...messages: ConversationMessage[]) => {
    inbox.push(...messages);
    do {
      for (const message of inbox.splice(0)) actor.receive(message);
      actor.endTurn();
    } while (inbox.length > 0);
  };
  const appended = () => toWriter.flatMap((message) => (message.kind === 'append' ? message.entries : []));
  return {
    actor,
    turn,
    posts,
    toWriter,
    appended,
    published,
    ephemeral,
    notified,
    blockChanges,
    hidden,
    handedOver,
    reads,
    receiptChecks,
    toldTo,
    userChecks,
    targets,
    changes,
    parents,
    attachments,
    timers,
    setBroken: (broken: boolean) => {
      isBroken = broken;
    },
    setNow: (milliseconds: number) => {
      time = milliseconds;
    },
    setLastSeq: (seq: number) => {
      lastSeq = seq;
    },
    lastSeq: () => lastSeq,
  };
}

export type Bench = ReturnType<typeof createBench>;

export function snapshotOf(options: Partial<ConversationSnapshot> = {}): ConversationSnapshot {
  return {
    info: { conv, type: 'channel', creator: 'olga', state: 'active', createdAt: 1 },
    head: { seq: 1, number: 0 },
    members: [
      { user: 'olga', role: 'owner', mark: 0 },
      { user: 'mia', role: 'member', mark: 0 },
    ],
    standing: nothing,
    recent: [
      {
        ev: 'conversation.create',
        conv,
        seq: 1,
        number: 0,
        id: conv,
        from: 'olga',
        at: now - 3_600_000,
        type: 'channel',
        members: ['mia'],
      },
    ],
    ...options,
  };
}

export function createActive(
  options: Parameters<typeof createBench>[0] = {},
  snapshot = snapshotOf(),
): Bench {
  const bench = createBench(options);
  bench.turn({ kind: 'loaded', snapshot });
  return bench;
}

let requests = 0;
export function base(user: string, id = fresh()) {
  requests += 256;
  return { request: requests, user, rate: 'standard' as const, conv, id };
}
export const send = (user: string, id?: string, text = 'hello') => ({
  kind: 'send' as const,
  ...base(user, id),
  text,
});
export const join = (user: string, id?: string) => ({ kind: 'join' as const, ...base(user, id) });
export const leave = (user: string, id?: string) => ({ kind: 'leave' as const, ...base(user, id) });
export const add = (user: string, member: string) => ({ kind: 'add' as const, ...base(user), member });
export const remove = (user: string, member: string) => ({ kind: 'remove' as const, ...base(user), member });

/** Commits everything appended so far that was not, as the writer would. */
export function commitAll(bench: Bench, done: Set<string>, head: { seq: number; number: number }) {
  const events: LogEvent[] = [];
  for (const { event } of bench.appended()) {
    if (done.has(event.id)) continue;
    done.add(event.id);
    head.seq += 1;
    if (event.ev === 'message.new') head.number += 1;
    event.seq = head.seq;
    event.number = head.number;
    event.at = now;
    events.push(event);
  }
  bench.turn({ kind: 'committed', events });
}

export const lastPost = (bench: Bench) => bench.posts.at(-1) as Record<string, unknown>;
