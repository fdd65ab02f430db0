/** Everything a little, for long: messages, reads, typing, connections that are lost and resume. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Second } from '../../../contract.js';
import { Latencies } from '../../latencies.js';
import { Book } from '../book.js';
import { Circle } from '../circle.js';
import { randomOf } from '../shuffled.js';
import type { Stage } from '../stage.js';
import type { SoakReport, SoakTask } from '../tasks.js';
import { Traffic } from '../traffic.js';
import { Bystanders } from './bystanders.js';

const connectAtOnce = 64;
const tickMs = 1000;

export async function playSoak(task: SoakTask, stage: Stage): Promise<SoakReport> {
  const { guests, rooms, traffic: plan, settleSeconds } = task;
  const book = new Book(rooms, plan.writers.length);
  const circle = new Circle(task, book, guests);
  const traffic = new Traffic(book, plan);
  await circle.connect(connectAtOnce);
  await traffic.connect(task);
  const bystanders = new Bystanders(circle, book, randomOf(1));
  await bystanders.open(task);
  const total = { ack: new Latencies(), delivery: new Latencies() };
  const seconds: Second[] = [];
  await stage.begin('soak');
  traffic.begin();
  const startedAt = performance.now();
  let before = { sent: 0, acked: 0, refused: 0, delivered: 0 };
  for (let at = 1; at <= task.seconds && !stage.isStopped; at += 1) {
    await bystanders.live(task, startedAt + at * tickMs);
    const now = countsOf(book, circle);
    const second = secondOf(at, before, now, book);
    before = now;
    moveTo(total, book);
    seconds.push(second);
    stage.progress(`second ${at} of ${task.seconds}`, second);
  }
  await stage.end('soak');
  await traffic.end(settleSeconds);
  await bystanders.settled();
  await circle.settled(settleSeconds);
  // What was late at the end: left out, the slowest would make it better.
  moveTo(total, book);
  const checks = circle.checks();
  // Typing that is on its way.
  await wait(50);
  const typingShown = circle.listeners.reduce((sum, listener) => sum + listener.typingShown, 0);
  circle.cut();
  bystanders.close();
  traffic.close();
  return {
    ...{
      measuredSeconds: seconds.length,
      checks,
      seconds,
      typingShown,
      pagesPulled: circle.pagesPulled,
      failures: circle.failures,
    },
    ...{ ack: total.ack.percentiles(), delivery: total.delivery.percentiles() },
    ...{ ackHistogram: total.ack.encoded(), deliveryHistogram: total.delivery.encoded() },
    ...{ reads: bystanders.reads, cuts: bystanders.cuts, resumed: bystanders.resumed.percentiles() },
    ...{ typingSent: bystanders.typingSent, wrongReads: bystanders.wrongReads },
  };
}

type Both = Pick<Book, 'ack' | 'delivery'>;

function moveTo(total: Both, { ack, delivery }: Both): void {
  total.ack.add(ack);
  total.delivery.add(delivery);
  ack.reset();
  delivery.reset();
}

interface Counts {
  readonly sent: number;
  readonly acked: number;
  readonly refused: number;
  readonly delivered: number;
}

function countsOf({ sent, acked, refused }: Book, circle: Circle): Counts {
  let delivered = 0;
  for (const { streams } of circle.listeners) for (const stream of streams) delivered += stream.delivered;
  return { sent, acked, refused, delivered };
}

function secondOf(at: number, from: Counts, to: Counts, book: Book): Second {
  const { ack, delivery } = book;
  return {
    ...{ at, sent: to.sent - from.sent, acked: to.acked - from.acked, refused: to.refused - from.refused },
    // What a lost connection had beyond a gap is given up, and comes again.
    delivered: Math.max(0, to.delivered - from.delivered),
    ...spreadOf('ack', ack),
    ...spreadOf('delivery', delivery),
  };
}

function spreadOf(name: 'ack' | 'delivery', latencies: Latencies): Partial<Second> {
  return latencies.count === 0 ? {} : { [`${name}P50`]: latencies.at(50), [`${name}P99`]: latencies.at(99) };
}
