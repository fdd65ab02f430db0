/**
 * Everybody in one room types, and is away and back, all the time; each watches others. Nobody says anything, so what a
 * client is sent is presence and typing, and the answers to its own changes.
 */
import { setTimeout as wait } from 'node:timers/promises';
import type { Operation } from '#src/wire/operations.js';
import { inParallel } from '../../../in-parallel.js';
import { type Client, openClient } from '../client.js';
import type { Stage } from '../stage.js';
import type { PresenceReport, PresenceTask } from '../tasks.js';

const tickMs = 50;
const secondMs = 1000;
const subscribeRef = 1;
const watchRef = 2;
const changeRef = 3;

interface Someone {
  readonly client: Client;
  bytesBefore: number;
  isAway: boolean;
}

interface Counts {
  typingSent: number;
  changesSent: number;
  refused: number;
  lost: number;
  updatesShown: number;
  typingShown: number;
}

export async function playPresence(task: PresenceTask, stage: Stage): Promise<PresenceReport> {
  const counts: Counts = {
    ...{ typingSent: 0, changesSent: 0, refused: 0, lost: 0, updatesShown: 0, typingShown: 0 },
  };
  const people: Someone[] = [];
  const conv = task.rooms[task.room] ?? '';
  await inParallel(task.atOnce, [...task.people.keys()], async (index) => {
    people.push(await enter(task, index, conv, counts));
  });
  const load = begin(task, people, conv, counts);
  // The first seconds bring everybody's first state.
  await wait(task.calmSeconds * secondMs);
  for (const one of people) one.bytesBefore = one.client.bytesIn;
  Object.assign(counts, { typingSent: 0, changesSent: 0, typingShown: 0, updatesShown: 0 });
  await stage.begin('presence');
  const startedAt = performance.now();
  let most = 0;
  let bytes = 0;
  for (let second = 1; second <= task.seconds; second += 1) {
    await wait(Math.max(0, startedAt + second * secondMs - performance.now()));
    for (const one of people) {
      const more = one.client.bytesIn - one.bytesBefore;
      one.bytesBefore = one.client.bytesIn;
      bytes += more;
      if (more > most) most = more;
    }
    stage.progress(`${task.people.length} members, second ${second} of ${task.seconds}`);
  }
  const measuredSeconds = (performance.now() - startedAt) / secondMs;
  await stage.end('presence');
  clearInterval(load);
  for (const { client } of people) client.socket.cut();
  const bytesPerSecond = bytes / people.length / measuredSeconds;
  return { ...counts, clients: people.length, measuredSeconds, bytesPerSecond, bytesInASecondMost: most };
}

/** Resolves when it hears the room and watches. */
async function enter(task: PresenceTask, index: number, conv: string, counts: Counts): Promise<Someone> {
  let isReady = (): void => {};
  const ready = new Promise<void>((resolve) => {
    isReady = resolve;
  });
  const client = await openClient({
    ...{ address: task.address, codec: task.codec, token: task.people[index]?.token ?? '' },
    cares: {
      ack: (ref) => {
        if (ref === watchRef) isReady();
      },
      refused: () => {
        counts.refused += 1;
        isReady();
      },
      typing: () => {
        counts.typingShown += 1;
      },
      presence: () => {
        counts.updatesShown += 1;
      },
    },
    ended: () => {
      counts.lost += 1;
    },
  });
  const { length } = task.people;
  const users = Array.from(
    { length: Math.min(task.watchedEach, length - 1) },
    (_, other) => task.people[(index + 1 + other) % length]?.user ?? '',
  );
  client.post([
    { op: 'subscribe', ref: subscribeRef, conv },
    { op: 'presence.watch', ref: watchRef, users },
  ]);
  await ready;
  return { client, bytesBefore: 0, isAway: false };
}

/** Each says so often that they type, and half as often that they are away or back; evenly over the time. */
function begin(task: PresenceTask, people: readonly Someone[], conv: string, counts: Counts): NodeJS.Timeout {
  const startedAt = performance.now();
  let done = 0;
  return setInterval(() => {
    const due = ((performance.now() - startedAt) / secondMs / task.typingEverySeconds) * people.length;
    for (; done < due; done += 1) {
      const one = people[done % people.length] as Someone;
      const operations: Operation[] = [{ op: 'typing.start', conv }];
      counts.typingSent += 1;
      if (Math.floor(done / people.length) % 2 === 0) {
        one.isAway = !one.isAway;
        operations.push({ op: 'presence.set', ref: changeRef, status: one.isAway ? 'away' : 'online' });
        counts.changesSent += 1;
      }
      one.client.post(operations);
    }
  }, tickMs);
}
