/** What replies show of messages that are not here: told by pages, and kept as they are by the changes that follow. */
import type { MessageChange, Parent } from '#src/wire/events.js';
import { parentWithChange } from './message.js';

interface Told {
  /** undefined: a page was read, and there was none. */
  parent: Parent | undefined;
  /** The seq up to which its changes are in it, at least. */
  asOf: number;
}

export class Parents {
  private readonly told = new Map<string, Told>();

  has(message: string): boolean {
    return this.told.has(message);
  }

  get(message: string): Parent | undefined {
    return this.told.get(message)?.parent;
  }

  /** @param late changes that may have come since the page was read */
  tell(message: string, next: Told, late: readonly MessageChange[]): void {
    const known = this.told.get(message);
    if (known !== undefined && known.asOf >= next.asOf) return;
    this.told.set(message, next);
    for (const change of late) this.apply(change);
  }

  apply(change: MessageChange): void {
    const told = this.told.get(change.message);
    if (told?.parent === undefined || change.seq <= told.asOf) return;
    told.parent = parentWithChange(told.parent, change);
    told.asOf = change.seq;
  }

  clear(): void {
    this.told.clear();
  }
}
