/** The log by itself: gapless, dense, each id once, and nobody acts who may not (P2, P4, L6, L7). */
import type { LogEvent, Role } from '#src/wire/events.js';
import type { Violation } from './checker.js';

/** A stretch of membership, by seq. `to` is the seq of the leave or removal that ended it. */
export interface Membership {
  readonly from: number;
  to: number;
}

export interface LogIndex {
  /** By seq − 1. */
  readonly events: ReadonlyMap<string, readonly LogEvent[]>;
  readonly byId: ReadonlyMap<string, LogEvent>;
  /** By conversation and user. */
  readonly memberships: ReadonlyMap<string, readonly Membership[]>;
}

export function membershipKey(conv: string, user: string): string {
  return `${conv} ${user}`;
}

export function checkLog(log: readonly LogEvent[]): { violations: Violation[]; index: LogIndex } {
  const violations: Violation[] = [];
  const byId = new Map<string, LogEvent>();
  const events = new Map<string, LogEvent[]>();
  for (const event of log) {
    const other = byId.get(event.id);
    if (other !== undefined) {
      violations.push({
        rule: 'P2',
        message: `${event.id} is stored twice: ${placeOf(other)} and ${placeOf(event)}`,
      });
    }
    byId.set(event.id, event);
    const list = events.get(event.conv);
    if (list === undefined) events.set(event.conv, [event]);
    else list.push(event);
  }
  const memberships = new Map<string, Membership[]>();
  for (const list of events.values()) {
    list.sort((one, other) => one.seq - other.seq);
    checkNumbers(list, violations);
    new Replay(memberships, violations).run(list);
  }
  return { violations, index: { events, byId, memberships } };
}

function checkNumbers(events: readonly LogEvent[], violations: Violation[]): void {
  let number = 0;
  let seq = 0;
  for (const event of events) {
    if (event.seq !== seq + 1) {
      violations.push({ rule: 'P4', message: `${event.conv}: seq ${event.seq} follows ${seq}` });
    }
    seq = event.seq;
    if (event.ev === 'message.new') number += 1;
    if (event.number !== number) {
      violations.push({ rule: 'P4', message: `${placeOf(event)} has number ${event.number}, not ${number}` });
      number = event.number;
    }
  }
}

export function placeOf(event: LogEvent): string {
  return `${event.conv} seq ${event.seq} (${event.ev} ${event.id})`;
}

/** Plays a conversation through: each event must have been allowed where it stands. */
class Replay {
  private readonly memberships: Map<string, Membership[]>;
  private readonly violations: Violation[];
  private readonly roles = new Map<string, Role>();
  private created: LogEvent<'conversation.create'> | undefined;

  constructor(memberships: Map<string, Membership[]>, violations: Violation[]) {
    this.memberships = memberships;
    this.violations = violations;
  }

  run(events: readonly LogEvent[]): void {
    for (const event of events) this.take(event);
  }

  private take(event: LogEvent): void {
    if (event.ev === 'conversation.create') return this.onCreate(event);
    if (this.created === undefined) this.blame(event, 'L6', 'comes before the conversation is created');
    switch (event.ev) {
      case 'message.new':
        if (!this.roles.has(event.from)) this.blame(event, 'L6', 'is by somebody who is no member');
        return;
      case 'member.join':
        if (this.created?.type !== 'channel') this.blame(event, 'L6', 'joins what is no channel');
        return this.grant(event, event.from, 'member');
      case 'member.leave':
        return this.revoke(event, event.from);
      case 'member.add':
        this.checkManager(event);
        return this.grant(event, event.user, 'member');
      case 'member.remove':
        this.checkManager(event);
        return this.revoke(event, event.user);
    }
  }

  private onCreate(event: LogEvent<'conversation.create'>): void {
    if (this.created !== undefined) this.blame(event, 'L7', 'creates what exists');
    this.created = event;
    for (const user of event.members) this.grant(event, user, 'member');
    this.grant(event, event.from, 'owner');
  }

  private checkManager(event: LogEvent): void {
    const role = this.roles.get(event.from);
    if (role !== 'owner' && role !== 'admin') this.blame(event, 'L6', 'is by somebody who may not');
  }

  private grant(event: LogEvent, user: string, role: Role): void {
    if (this.roles.has(user)) this.blame(event, 'L7', `changes nothing: ${user} is a member`);
    this.roles.set(user, role);
    const key = membershipKey(event.conv, user);
    const stretch = { from: event.seq, to: Number.POSITIVE_INFINITY };
    const stretches = this.memberships.get(key);
    if (stretches === undefined) this.memberships.set(key, [stretch]);
    else stretches.push(stretch);
  }

  private revoke(event: LogEvent, user: string): void {
    if (this.created?.type === 'direct')
      this.blame(event, 'L6', 'ends a membership of a direct conversation');
    if (!this.roles.delete(user)) this.blame(event, 'L7', `changes nothing: ${user} is no member`);
    const last = this.memberships.get(membershipKey(event.conv, user))?.at(-1);
    if (last !== undefined) last.to = Math.min(last.to, event.seq);
  }

  private blame(event: LogEvent, rule: string, what: string): void {
    this.violations.push({ rule, message: `${placeOf(event)} ${what}` });
  }
}
