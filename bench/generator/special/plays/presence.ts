/**
 * Everybody in one room types, is away and back, and reads, all the time; each watches others. Nobody says anything
 * meanwhile, so what a client is sent is presence, typing and receipts, and the answers to its own changes. Before that, and
 * again while all of it goes on, one says something now and then: how long until the last has been shown it?
 *
 * A process has a part of the people; the first one has the one who speaks.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import { inParallel } from '../../../in-parallel.js';
import { markedText } from '../marked-text.js';
import { type Sightings, sharedNow, sightingsOf } from '../sightings.js';
import type { Stage } from '../stage.js';
import type { PresenceReport, PresenceTask } from '../tasks.js';
import { type Counts, Roommate } from './roommate.js';

const tickMs = 50;
const lookMs = 5;
const secondMs = 1000;
/** Refs of messages begin here. */
const sendRefs = 1_000;
const speaker = 0;

export async function playPresence(task: PresenceTask, stage: Stage): Promise<PresenceReport> {
  const conv = task.rooms[task.room] ?? '';
  const counts: Counts = {
    ...nothingYet(),
    refused: 0,
    lost: 0,
    details: [],
    sightings: sightingsOf(task.messages),
  };
  const own = [...task.people.keys()].filter((index) => index % task.parts === task.part);
  const people = await inParallel(task.atOnce, own, async (index) => {
    const one = new Roommate(conv, counts);
    await one.enter(task, index);
    return one;
  });
  const talks = (window: string) => talk({ task, stage, people, counts, conv, window });
  const calm = await talks('calm');
  const load = begin(task, people);
  // The first seconds bring everybody's first state.
  await wait(task.calmSeconds * secondMs);
  Object.assign(counts, nothingYet());
  await stage.begin('presence');
  const measured = await measure(task, people, stage);
  const counted = { ...counts };
  await stage.end('presence');
  const busy = await talks('busy');
  clearInterval(load);
  for (const one of people) one.cut();
  const { refused, lost } = counts;
  return { ...counted, ...measured, calm, busy, refused, lost, clients: people.length };
}

function nothingYet() {
  return { typingSent: 0, changesSent: 0, readsSent: 0, typingShown: 0, updatesShown: 0, receiptsShown: 0 };
}

interface Measured {
  readonly measuredSeconds: number;
  readonly bytesPerSecond: number;
  readonly bytesInASecondMost: number;
}

/** Counts what each is sent, second by second. */
async function measure(task: PresenceTask, people: readonly Roommate[], stage: Stage): Promise<Measured> {
  for (const one of people) one.bytesBefore = one.bytesIn;
  const startedAt = performance.now();
  let bytesInASecondMost = 0;
  let bytes = 0;
  for (let second = 1; second <= task.seconds; second += 1) {
    await wait(Math.max(0, startedAt + second * secondMs - performance.now()));
    for (const one of people) {
      const more = one.bytesIn - one.bytesBefore;
      one.bytesBefore = one.bytesIn;
      bytes += more;
      if (more > bytesInASecondMost) bytesInASecondMost = more;
    }
    stage.progress(`${task.people.length} members, second ${second} of ${task.seconds}`);
  }
  const measuredSeconds = (performance.now() - startedAt) / secondMs;
  return { measuredSeconds, bytesPerSecond: bytes / people.length / measuredSeconds, bytesInASecondMost };
}

/** One speaks; ends when all people of this process were shown everything, or the time is over. */
async function talk(on: {
  readonly task: PresenceTask;
  readonly stage: Stage;
  readonly people: readonly Roommate[];
  readonly counts: Counts;
  readonly conv: string;
  readonly window: string;
}): Promise<Sightings> {
  const { task, stage, people, counts, conv, window } = on;
  const { messages, messagesPerSecond, textBytes, settleSeconds } = task;
  counts.sightings = sightingsOf(messages);
  const { due, clients } = counts.sightings;
  stage.progress(`${task.people.length} members, one speaks, ${window}`);
  await stage.begin(window);
  const startedAt = sharedNow();
  for (let number = 0; task.part === 0 && number < messages; number += 1) {
    const at = startedAt + ((number + 1) * secondMs) / messagesPerSecond;
    await wait(Math.max(0, at - sharedNow()));
    due[number] = at;
    const text = markedText(speaker, number, textBytes);
    people[0]?.post([{ op: 'send', ref: sendRefs + number, id: uuidv7(), conv, text }]);
  }
  const until = startedAt + (messages / messagesPerSecond + settleSeconds) * secondMs;
  while (clients.some((count) => count < people.length) && sharedNow() < until) await wait(lookMs);
  await stage.end(window);
  return counts.sightings;
}

/** Each acts so often; evenly over the time. */
function begin({ typingEverySeconds }: PresenceTask, people: readonly Roommate[]): NodeJS.Timeout {
  const startedAt = performance.now();
  let done = 0;
  return setInterval(() => {
    const due = ((performance.now() - startedAt) / secondMs / typingEverySeconds) * people.length;
    for (; done < due; done += 1) people[done % people.length]?.act();
  }, tickMs);
}
