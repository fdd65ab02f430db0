/** Messages and changes of them, in the same rooms at the same time, each writer with so many outstanding. */
import { setTimeout as wait } from 'node:timers/promises';
import { Latencies } from '../../latencies.js';
import { Book } from '../book.js';
import { Changer } from '../changer.js';
import { Circle } from '../circle.js';
import { randomOf } from '../shuffled.js';
import type { Stage } from '../stage.js';
import { type ChangesReport, type ChangesTask, changeKinds } from '../tasks.js';

const connectAtOnce = 64;
const lookMs = 5;

export async function playChanges(task: ChangesTask, stage: Stage): Promise<ChangesReport> {
  const { guests, rooms, writers, shares, textBytes, outstanding, settleSeconds } = task;
  const book = new Book(rooms, writers.length);
  const circle = new Circle(task, book, guests);
  const latencies = {
    ...{ send: new Latencies(), react: new Latencies(), edit: new Latencies() },
    ...{ delete: new Latencies(), pin: new Latencies() },
  };
  const random = randomOf(1);
  const changers = writers.map(
    ({ room }, number) => new Changer({ book, number, room, shares, textBytes, random, latencies }),
  );
  await circle.connect(connectAtOnce);
  await Promise.all(changers.map((changer, number) => changer.open(task, writers[number]?.token ?? '')));
  for (const changer of changers) changer.begin(outstanding);
  await wait(task.warmUpSeconds * 1000);
  await stage.begin('changes');
  book.delivery.reset();
  for (const kind of changeKinds) latencies[kind].reset();
  const before = { acked: book.acked, delivered: deliveredTo(circle), at: performance.now() };
  await wait(task.seconds * 1000);
  const all = new Latencies();
  for (const kind of changeKinds) all.add(latencies[kind]);
  const report = {
    measuredSeconds: (performance.now() - before.at) / 1000,
    acked: book.acked - before.acked,
    delivered: deliveredTo(circle) - before.delivered,
    ack: all.percentiles(),
    ackOf: Object.fromEntries(changeKinds.map((kind) => [kind, latencies[kind].percentiles()])),
    delivery: book.delivery.percentiles(),
  };
  await stage.end('changes');
  for (const changer of changers) changer.isOver = true;
  const until = performance.now() + settleSeconds * 1000;
  while (changers.some(({ outstanding: open }) => open > 0) && performance.now() < until) await wait(lookMs);
  await circle.settled(settleSeconds);
  const checks = circle.checks();
  circle.cut();
  for (const changer of changers) changer.close();
  return { ...report, checks, pagesPulled: circle.pagesPulled, failures: circle.failures };
}

function deliveredTo(circle: Circle): number {
  let delivered = 0;
  for (const { streams } of circle.listeners) for (const stream of streams) delivered += stream.delivered;
  return delivered;
}
