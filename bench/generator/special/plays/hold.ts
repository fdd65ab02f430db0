/** Connects everybody with their rooms, and lets them sit there while the bench reads the server's memory. */
import { Book } from '../book.js';
import { Circle } from '../circle.js';
import type { Stage } from '../stage.js';
import type { HoldReport, HoldTask } from '../tasks.js';

const progressEvery = 1_000;

export async function playHold(task: HoldTask, stage: Stage): Promise<HoldReport> {
  const { guests, first, rooms, atOnce } = task;
  const book = new Book(rooms, 0);
  const circle = new Circle(task, book, guests);
  let connects = 0;
  const count = () => {
    connects += 1;
    if (connects % progressEvery === 0) stage.progress(`${connects} of ${guests.length} connected`);
  };
  await circle.connectThese(circle.listeners.slice(0, first), atOnce, count);
  await look(stage, 'first');
  const startedAt = performance.now();
  await stage.begin('connect');
  await circle.connectThese(circle.listeners.slice(first), atOnce, count);
  const connectSeconds = (performance.now() - startedAt) / 1000;
  await stage.end('connect');
  await look(stage, 'all');
  const open = circle.listeners.filter(({ isOpen }) => isOpen).length;
  circle.cut();
  return { connects, open, connectSeconds, failures: circle.failures };
}

/** As long as the bench likes: it answers when it has looked. */
async function look(stage: Stage, window: string): Promise<void> {
  await stage.begin(window);
  await stage.end(window);
}
