/**
 * A part of a busy room reads hardly anything, for as long as the server then holds back what it cannot send; later they read
 * again, are told what they lack and pull it. The others must not notice. How they fare without it is measured before
 * and after: when that differs, the machine was another, and so it may have been in between.
 */
import { setTimeout as wait } from 'node:timers/promises';
import { medianOf } from '../../../report/statistics.js';
import { Latencies } from '../../latencies.js';
import { Book } from '../book.js';
import { Circle } from '../circle.js';
import type { Listener } from '../listener.js';
import type { Stage } from '../stage.js';
import type { SlowPhase, SlowReport, SlowTask } from '../tasks.js';
import { Traffic } from '../traffic.js';

const connectAtOnce = 32;
const lookMs = 5;
const secondMs = 1_000;
const heartbeatMs = 10_000;
/** No room's. */
const pingRef = 999_999;

export async function playSlow(task: SlowTask, stage: Stage): Promise<SlowReport> {
  const { guests, rooms, traffic: plan, calmSeconds, stalledSeconds, settleSeconds } = task;
  const book = new Book(rooms, plan.writers.length);
  const circle = new Circle(task, book, guests);
  const traffic = new Traffic(book, plan);
  const slow = circle.listeners.slice(0, task.slow);
  const others = circle.listeners.slice(task.slow);
  for (const listener of slow) listener.isMeasured = false;
  await circle.connect(connectAtOnce);
  await traffic.connect(task);
  traffic.begin();
  // A first second, if there is one, is for compilers and buffers.
  await wait(Math.min(1, calmSeconds) * 1000);

  async function phase(window: string, work: () => Promise<void>): Promise<SlowPhase> {
    stage.progress(window);
    await stage.begin(window);
    book.ack = new Latencies();
    book.delivery = new Latencies();
    const all = new Latencies();
    const bySecond: number[] = [];
    const endSecond = () => {
      const { delivery } = book;
      if (delivery.count > 0) bySecond.push(delivery.at(99) as number);
      all.add(delivery);
      delivery.reset();
    };
    const seconds = setInterval(endSecond, secondMs);
    await work();
    clearInterval(seconds);
    endSecond();
    await stage.end(window);
    const usual = bySecond.length === 0 ? undefined : medianOf(bySecond);
    return {
      ...{ ack: book.ack.percentiles(), delivery: all.percentiles() },
      ...(usual === undefined ? {} : { usualP99: usual }),
    };
  }

  const calm = await phase('calm', () => wait(calmSeconds * 1000));
  for (const listener of slow) listener.throttle(task.slowBytesPerSecond);
  // They live, as any client does that says so now and then.
  const heartbeat = setInterval(() => {
    for (const listener of slow) listener.post([{ op: 'ping', ref: pingRef }]);
  }, heartbeatMs);
  const stalled = await phase('stalled', () => wait(stalledSeconds * 1000));
  clearInterval(heartbeat);
  const recover = new Latencies();
  const recovery = await phase('recovery', async () => {
    const resumedAt = performance.now();
    for (const listener of slow) listener.resume();
    await Promise.all([
      wait(calmSeconds * 1000),
      ...slow.map(async (listener) => {
        if (await hasRecovered(listener, book, settleSeconds)) recover.record(performance.now() - resumedAt);
      }),
    ]);
  });
  const after = await phase('after', () => wait(calmSeconds * 1000));
  await traffic.end(settleSeconds);
  await circle.settled(settleSeconds);
  const checks = circle.checks();
  const cut = slow.filter(({ isOpen }) => !isOpen).length;
  circle.cut();
  traffic.close();
  return {
    ...{
      calm,
      stalled,
      recovery,
      after,
      checks,
      cut,
      pagesPulled: circle.pagesPulled,
      failures: circle.failures,
    },
    ...{ toldGap: toldGapOf(slow), othersToldGap: toldGapOf(others), recover: recover.percentiles() },
  };
}

function toldGapOf(listeners: readonly Listener[]): number {
  return listeners.filter(({ gapsTold }) => gapsTold > 0).length;
}

/**
 * Waits until it has everything that its rooms had when it began to read again. False when its connection has ended, or
 * the time is over.
 */
async function hasRecovered(listener: Listener, book: Book, seconds: number): Promise<boolean> {
  const heads = listener.streams.map(({ room }) => book.headOf(room));
  const until = performance.now() + seconds * 1000;
  while (listener.streams.some(({ has }, place) => has < (heads[place] ?? 0))) {
    if (!listener.isOpen || performance.now() > until) return false;
    await wait(lookMs);
  }
  return true;
}
