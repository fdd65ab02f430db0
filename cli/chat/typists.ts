/** Who is typing just now, in words. Whoever is not heard of for a while has stopped. */
import { wireLimits } from '#src/wire/limits.js';
import { harmless } from './lines.js';
import type { Names } from './names.js';

const forgottenMs = wireLimits.typingMs;

export class Typists {
  private readonly names: Names;
  private readonly show: (status: string) => void;
  private readonly timers = new Map<string, NodeJS.Timeout>();

  constructor(names: Names, show: (status: string) => void) {
    this.names = names;
    this.show = show;
  }

  note(user: string, active: boolean): void {
    const before = this.timers.get(user);
    clearTimeout(before);
    if (!active && before === undefined) return;
    this.timers.delete(user);
    if (active) this.timers.set(user, setTimeout(() => this.note(user, false), forgottenMs).unref());
    this.tell();
  }

  clear(): void {
    if (this.timers.size === 0) return;
    for (const timer of this.timers.values()) clearTimeout(timer);
    this.timers.clear();
    this.tell();
  }

  private tell(): void {
    const names = [...this.timers.keys()].map((user) => harmless(this.names.of(user)));
    const [first, second] = names;
    if (first === undefined) this.show('');
    else if (names.length === 1) this.show(`${first} is typing…`);
    else this.show(names.length === 2 ? `${first} and ${second} are typing…` : `${names.length} are typing…`);
  }
}
