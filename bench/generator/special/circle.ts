/** All listeners of a task: how they connect, whether they have everything, what the checker says in the end. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Checks } from '../../contract.js';
import { inParallel } from '../../in-parallel.js';
import type { Book } from './book.js';
import type { ServerPlace } from './client.js';
import { Listener } from './listener.js';
import type { Guest } from './tasks.js';

/** A refused connect is tried again so often, waiting longer each time. */
const attemptsMax = 8;
const firstRetryMs = 50;
const lookMs = 5;
const failuresNoted = 2;

export class Circle {
  readonly listeners: readonly Listener[];
  /** Connects that failed and were tried again. */
  failures = 0;
  private readonly book: Book;

  constructor(server: ServerPlace, book: Book, guests: readonly Guest[]) {
    this.book = book;
    this.listeners = guests.map(
      (guest, index) => new Listener({ server, book, guest, name: `listener ${index}` }),
    );
  }

  /** Everybody connects, so many at a time, each until it has all there is. `each` is told who has. */
  connect(atOnce: number, each: (listener: Listener) => void = () => {}): Promise<void> {
    return this.connectThese(this.listeners, atOnce, each);
  }

  async connectThese(
    listeners: readonly Listener[],
    atOnce: number,
    each: (listener: Listener) => void,
  ): Promise<void> {
    await inParallel(atOnce, listeners, async (listener) => {
      await this.connectOne(listener);
      each(listener);
    });
  }

  async connectOne(listener: Listener): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await listener.connect();
      } catch (error) {
        this.failures += 1;
        // No fault while another try may help, and not to crowd out what is one.
        if (this.failures <= failuresNoted) this.book.note(`a connect failed: ${textOf(error)}`);
        if (attempt === attemptsMax) throw error;
        listener.cut();
        await wait(firstRetryMs * 2 ** attempt * (0.5 + Math.random()));
      }
    }
  }

  cut(): void {
    for (const listener of this.listeners) listener.cut();
  }

  /** Waits until everybody has everything that is known to exist, or the time is over. @returns whether they have */
  async settled(seconds: number): Promise<boolean> {
    const until = performance.now() + seconds * 1000;
    while (!this.listeners.every((listener) => listener.isComplete)) {
      if (performance.now() > until) return false;
      await wait(lookMs);
    }
    return true;
  }

  /** When nothing more is to come. */
  checks(): Checks {
    const { book } = this;
    let [due, delivered, lost] = [0, 0, 0];
    for (const { streams } of this.listeners) {
      for (const stream of streams) {
        const missing = book.headOf(stream.room) - stream.start - stream.delivered;
        due += book.headOf(stream.room) - stream.start;
        delivered += stream.delivered;
        if (missing > 0) {
          lost += missing;
          book.note(
            `room ${stream.room}: ${missing} were never shown to one who hears it (has ${stream.has})`,
          );
        }
      }
    }
    Object.assign(book, { delivered, lost });
    return book.checks(due);
  }

  get pagesPulled(): number {
    return this.listeners.reduce((sum, { pagesPulled }) => sum + pagesPulled, 0);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
