/** Everybody is cut at once and comes back by seq, while others go on writing: until the last one has all it missed. */
import { setTimeout as wait } from 'node:timers/promises';
import { Latencies } from '../../latencies.js';
import { Book } from '../book.js';
import { Circle } from '../circle.js';
import type { Stage } from '../stage.js';
import type { StormReport, StormTask } from '../tasks.js';
import { Traffic } from '../traffic.js';

export async function playStorm(task: StormTask, stage: Stage): Promise<StormReport> {
  const { guests, rooms, traffic: plan, atOnce } = task;
  const book = new Book(rooms, plan.writers.length);
  const circle = new Circle(task, book, guests);
  const traffic = new Traffic(book, plan);
  stage.progress(`${guests.length} clients connect`);
  await circle.connect(atOnce);
  await traffic.connect(task);
  traffic.begin();
  // What writers need to warm up is in nobody's figures.
  await wait(task.calmSeconds * 500);
  book.ack = new Latencies();
  await wait(task.calmSeconds * 500);
  const calm = book.ack;
  circle.cut();
  stage.progress('all are cut');
  await wait(task.awaySeconds * 1000);

  const hadBefore = hadBy(circle);
  const hello = new Latencies();
  const caughtUp = new Latencies();
  book.ack = new Latencies();
  const storm = book.ack;
  const backlog = rooms.map((_, room) => book.headOf(room));
  await stage.begin('storm');
  const startedAt = performance.now();
  await circle.connect(atOnce, ({ helloAt }) => {
    hello.record(helloAt - startedAt);
    caughtUp.record(performance.now() - startedAt);
  });
  const allCaughtUpSeconds = (performance.now() - startedAt) / 1000;
  await stage.end('storm');
  stage.progress('all are back');
  book.ack = new Latencies();
  const missedEvents = missedBy(circle, hadBefore, backlog);

  await wait(task.afterSeconds * 1000);
  await traffic.end(task.settleSeconds);
  await circle.settled(task.settleSeconds);
  const checks = circle.checks();
  circle.cut();
  traffic.close();
  return {
    ...{ checks, pagesPulled: circle.pagesPulled, failures: circle.failures, clients: guests.length },
    ...{ hello: hello.percentiles(), caughtUp: caughtUp.percentiles(), allCaughtUpSeconds, missedEvents },
    ...{ ackCalm: calm.percentiles(), ackStorm: storm.percentiles() },
  };
}

function hadBy(circle: Circle): number[][] {
  return circle.listeners.map(({ streams }) => streams.map(({ has }) => has));
}

/** Events up to where the rooms stood when the storm began. */
function missedBy(circle: Circle, before: readonly (readonly number[])[], heads: readonly number[]): number {
  let missed = 0;
  for (const [index, { streams }] of circle.listeners.entries())
    for (const [place, { room }] of streams.entries())
      missed += Math.max(0, (heads[room] ?? 0) - (before[index]?.[place] ?? 0));
  return missed;
}
