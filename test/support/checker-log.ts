/** The log by itself: gapless, dense, each id once, and nobody acts who may not (P2, P4, L6, L7). */
import type { LogEvent, MemberChange, MessageChange, Role } from '#src/wire/events.js';
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
  /** Messages that something was done to. */
  readonly changed: ReadonlySet<string>;
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
  const changed = new Set(log.flatMap((event) => ('message' in event ? [event.message] : [])));
  const memberships = new Map<string, Membership[]>();
  for (const list of events.values()) {
    list.sort((one, other) => one.seq - other.seq);
    checkNumbers(list, violations);
    new Replay(memberships, violations).run(list);
  }
  return { violations, index: { events, byId, changed, memberships } };
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
  /** Ends of bans, by user. */
  private readonly bans = new Map<string, number>();
  private readonly deleted = new Set<string>();
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
      case 'member.join':
        if (this.created?.type !== 'channel') this.blame(event, 'L6', 'joins what is no channel');
        this.checkBan(event, event.from);
        return this.grant(event, event.from, 'member');
      case 'member.leave':
        return this.revoke(event, event.from);
      default:
        if (!this.roles.has(event.from)) this.blame(event, 'L6', 'is by somebody who is no member');
        if ('user' in event) this.onMember(event);
        else if ('message' in event) this.onMessage(event);
    }
  }

  private onMember(event: MemberChange): void {
    const { ev, user, from } = event;
    if (!(ev === 'member.nickname' && user === from)) this.checkManager(event, ev);
    switch (ev) {
      case 'member.add':
        this.checkBan(event, user);
        return this.grant(event, user, 'member');
      case 'member.remove':
        return this.revoke(event, user);
      case 'member.ban':
        this.bans.set(user, event.until ?? Number.POSITIVE_INFINITY);
        if (this.roles.has(user)) this.revoke(event, user);
        return;
      case 'member.unban':
        this.bans.delete(user);
        return;
      case 'member.role':
        if (!this.roles.has(user)) return this.blame(event, 'G3', 'is about no member');
        this.roles.set(user, event.role);
        if (event.role === 'owner') this.roles.set(from, 'admin');
        if ([...this.roles.values()].filter((role) => role === 'owner').length !== 1)
          this.blame(event, 'G4', 'leaves not one owner');
        return;
      default:
        return;
    }
  }

  private onMessage(event: MessageChange): void {
    if (this.deleted.has(event.message)) this.blame(event, 'C2', 'is done to what was deleted');
    if (event.ev === 'message.delete') this.deleted.add(event.message);
  }

  /** Slack: the rules ask when it is taken in, and its time is given later. */
  private checkBan(event: LogEvent, user: string): void {
    if ((this.bans.get(user) ?? 0) > event.at) this.blame(event, 'G5', `brings back ${user}, who is banned`);
  }

  private onCreate(event: LogEvent<'conversation.create'>): void {
    if (this.created !== undefined) this.blame(event, 'L7', 'creates what exists');
    this.created = event;
    for (const user of event.members) this.grant(event, user, 'member');
    this.grant(event, event.from, 'owner');
  }

  private checkManager(event: MemberChange, ev: MemberChange['ev']): void {
    const rank = ['member', 'moderator', 'admin', 'owner'];
    const role = rank.indexOf(this.roles.get(event.from) ?? '');
    const isChannel = this.created?.type === 'channel';
    const least = ev === 'member.add' || ev === 'member.role' || !isChannel ? 2 : 1;
    const isMute = ev === 'member.mute' || ev === 'member.unmute';
    if (role < (isMute ? 1 : least)) this.blame(event, 'L6', 'is by somebody who may not');
    const other = this.roles.get(event.user);
    if (ev !== 'member.add' && other !== undefined && rank.indexOf(other) >= role)
      this.blame(event, 'G2', 'is done to somebody who is not below');
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
