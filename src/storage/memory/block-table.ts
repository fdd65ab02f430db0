/** Who has blocked whom, in memory: the same answers as src/storage/postgres/blocks.ts gives. */
import { wireLimits } from '../../wire/limits.js';
import type { BlockChange } from '../ports.js';

export class BlockTable {
  private readonly users: ReadonlySet<string>;
  /** By direct conversation: who of the two has blocked whom. */
  private readonly blocks = new Map<string, Map<string, string>>();

  constructor(users: ReadonlySet<string>) {
    this.users = users;
  }

  /** As `ConversationSnapshot` has them. */
  blockersOf(conv: string): { blockers?: string[] } {
    const blocks = this.blocks.get(conv);
    return blocks === undefined || blocks.size === 0 ? {} : { blockers: [...blocks.keys()].sort() };
  }

  among(users: readonly string[], asker: string | undefined): string[] {
    const pairs = [...this.blocks.values()].flatMap((blocks) => [...blocks]);
    return users.filter((user) =>
      pairs.some(
        ([blocker, blocked]) =>
          (blocker === asker && blocked === user) || (blocker === user && blocked === asker),
      ),
    );
  }

  set({ conv, blocker, blocked, isOn }: BlockChange): 'kept' | 'unknown' | 'full' {
    const blocks = this.blocks.get(conv) ?? new Map<string, string>();
    if (!isOn) blocks.delete(blocker);
    else if (!this.users.has(blocked)) return 'unknown';
    else if (!blocks.has(blocker) && this.countOf(blocker) >= wireLimits.blocksMax) return 'full';
    else blocks.set(blocker, blocked);
    this.blocks.set(conv, blocks);
    return 'kept';
  }

  private countOf(blocker: string): number {
    return [...this.blocks.values()].filter((blocks) => blocks.has(blocker)).length;
  }
}
