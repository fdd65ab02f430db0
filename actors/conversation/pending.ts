/**
 * Operations that were admitted and are not settled: what they will change. Restrictions count from admission,
 * permissions from commit (L6): `isRestricted` and `isUndecided` are how the rules ask.
 */
import type { LogEvent } from '#src/wire/events.js';
import { membershipChange } from './state.js';

export class Pending {
  private readonly events = new Map<string, LogEvent>();
  private readonly grants = new Map<string, number>();
  private readonly restrictions = new Map<string, number>();
  private creations = 0;

  get size(): number {
    return this.events.size;
  }

  has(id: string): boolean {
    return this.events.has(id);
  }

  find(id: string): LogEvent | undefined {
    return this.events.get(id);
  }

  /** The conversation itself is being created. */
  get isCreating(): boolean {
    return this.creations > 0;
  }

  /** A leave or a removal of this user is on its way: they may do nothing more. */
  isRestricted(user: string): boolean {
    return this.restrictions.has(user);
  }

  /** This user is about to become a member: wait before saying no. */
  isBeingAdmitted(user: string): boolean {
    return this.grants.has(user);
  }

  add(event: LogEvent): void {
    this.events.set(event.id, event);
    this.count(event, 1);
  }

  settle(id: string): void {
    const event = this.events.get(id);
    if (event === undefined) return;
    this.events.delete(id);
    this.count(event, -1);
  }

  private count(event: LogEvent, step: 1 | -1): void {
    if (event.ev === 'message.new') return;
    if (event.ev === 'conversation.create') this.creations += step;
    const change = membershipChange(event);
    if (change === undefined) return;
    const counts = change.grants ? this.grants : this.restrictions;
    for (const user of change.users) {
      const left = (counts.get(user) ?? 0) + step;
      if (left > 0) counts.set(user, left);
      else counts.delete(user);
    }
  }
}
