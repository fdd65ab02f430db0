/** A random conversation in which everything happens that the rules allow, as the events of its log. */
import type { LogEvent, LogEventName, Role } from '#src/wire/events.js';
import type { Draws } from './sim-random.js';

interface Said {
  readonly event: LogEvent<'message.new'>;
  isDeleted: boolean;
  readonly reactions: Set<string>;
}

type Body<Name extends LogEventName> = Omit<LogEvent<Name>, 'ev' | keyof Row>;
interface Row {
  conv: string;
  seq: number;
  number: number;
  id: string;
  from: string;
  at: number;
}

const emojis = ['👍', '❤️', 'party', '👩‍👩‍👧‍👦'];
const texts = ['', 'a', 'wörds and 日本', '🙂'.repeat(200), 'it\'s "quoted" \\ {}'];
/** What is not over while a test runs. */
const laterMs = 3_600_000;

export interface HistoryOptions {
  readonly conv: string;
  /** The first one makes the conversation. */
  readonly users: readonly string[];
  readonly random: Draws;
  /** Unix ms of the first event. */
  readonly at: number;
  id(): string;
}

export class RandomHistory {
  readonly events: LogEvent[] = [];
  readonly said: Said[] = [];
  private readonly options: HistoryOptions;
  private readonly roles = new Map<string, Role>();
  private readonly bans = new Set<string>();
  private readonly mutes = new Set<string>();
  private readonly pins = new Set<Said>();
  private at: number;

  constructor(options: HistoryOptions) {
    this.options = options;
    this.at = options.at;
    const [owner = '', ...others] = options.users;
    const members = others.slice(0, 2);
    this.roles.set(owner, 'owner');
    for (const user of members) this.roles.set(user, 'member');
    this.emit('conversation.create', owner, { type: 'channel', members, title: 'a title' });
  }

  /** Appends some events, each legal after those before it. */
  grow(count: number): LogEvent[] {
    const start = this.events.length;
    for (let tries = 0; this.events.length < start + count && tries < count * 20; tries += 1) {
      const { random } = this.options;
      // Often several in one millisecond.
      this.at += random.pick([0, 0, 0, 1, 7]);
      random.pick(this.steps)();
    }
    return this.events.slice(start);
  }

  private readonly steps: ReadonlyArray<() => void> = [
    () => this.say(),
    () => this.say(),
    () => this.edit(),
    () => this.delete(),
    ...Array.from({ length: 6 }, () => () => this.react()),
    () => this.pin(),
    () => this.pin(),
    () => this.moveMember(),
    () => this.moveMember(),
    () => this.judge(),
    () => this.judge(),
    () => this.describe(),
  ];

  private say(): void {
    const { random } = this.options;
    const parent = this.said.length > 0 && random.chance(0.3) ? random.pick(this.said) : undefined;
    const event = this.emit('message.new', this.member(), {
      text: random.pick(texts),
      ...(random.chance(0.2) ? { type: 'image' as const } : {}),
      ...(random.chance(0.2) ? { metadata: { n: random.between(0, 9), deep: { a: [null, 'ü'] } } } : {}),
      ...(random.chance(0.2) ? { mentions: [this.member()] } : {}),
      ...(random.chance(0.1) ? { everyone: true as const } : {}),
      ...(parent === undefined ? {} : { replyTo: parent.event.id }),
    });
    this.said.push({ event, isDeleted: false, reactions: new Set() });
  }

  private edit(): void {
    const { random } = this.options;
    const target = this.target();
    if (target === undefined) return;
    this.emit('message.edit', target.event.from, {
      ...this.on(target),
      text: random.pick(texts),
      ...(random.chance(0.3) ? { metadata: { edit: random.between(0, 9) } } : {}),
      ...(random.chance(0.3) ? { mentions: random.chance(0.5) ? [] : [this.member()] } : {}),
    });
  }

  private delete(): void {
    const target = this.target();
    if (target === undefined) return;
    target.isDeleted = true;
    target.reactions.clear();
    this.pins.delete(target);
    const { number: messageNumber, from: author, at: sentAt } = target.event;
    this.emit('message.delete', this.member(), { ...this.on(target), messageNumber, author, sentAt });
  }

  private react(): void {
    const { random } = this.options;
    const target = this.target();
    if (target === undefined) return;
    const [user, emoji] = [this.member(), random.pick(emojis)];
    const key = `${user} ${emoji}`;
    const name = target.reactions.has(key) ? 'reaction.remove' : 'reaction.add';
    if (name === 'reaction.add') target.reactions.add(key);
    else target.reactions.delete(key);
    this.emit(name, user, { ...this.on(target), emoji });
  }

  private pin(): void {
    const target = this.target();
    if (target === undefined) return;
    const name = this.pins.has(target) ? 'message.unpin' : 'message.pin';
    if (name === 'message.pin') this.pins.add(target);
    else this.pins.delete(target);
    this.emit(name, this.member(), this.on(target));
  }

  private moveMember(): void {
    const { random, users } = this.options;
    const user = random.pick(users);
    if (this.roles.get(user) === 'owner') return;
    if (this.roles.has(user)) {
      this.roles.delete(user);
      if (random.chance(0.5)) this.emit('member.leave', user, {});
      else this.emit('member.remove', this.owner(), { user });
    } else if (!this.bans.has(user)) {
      this.roles.set(user, 'member');
      if (random.chance(0.5)) this.emit('member.join', user, {});
      else this.emit('member.add', this.owner(), { user });
    }
  }

  private judge(): void {
    const { random, users } = this.options;
    const [user, owner] = [random.pick(users), this.owner()];
    const until = random.chance(0.5) ? { until: this.at + laterMs + random.between(0, 99) } : {};
    if (user === owner) return;
    if (random.chance(0.35)) {
      if (this.bans.delete(user)) return void this.emit('member.unban', owner, { user });
      this.bans.add(user);
      this.roles.delete(user);
      this.emit('member.ban', owner, { user, ...until, ...(random.chance(0.5) ? { reason: 'spam' } : {}) });
    } else if (this.mutes.delete(user)) this.emit('member.unmute', owner, { user });
    else if (this.roles.has(user)) {
      const role = random.pick(['owner', 'admin', 'moderator', 'member', 'mute', 'name'] as const);
      if (role === 'mute') {
        this.mutes.add(user);
        this.emit('member.mute', owner, { user, ...until });
      } else if (role === 'name') {
        this.emit('member.nickname', owner, { user, nickname: random.pick(['', 'Nick', 'ü']) });
      } else if (this.roles.get(user) !== role) {
        if (role === 'owner') this.roles.set(owner, 'admin');
        this.roles.set(user, role);
        this.emit('member.role', owner, { user, role });
      }
    }
  }

  private describe(): void {
    const { random } = this.options;
    const change = random.pick([
      { title: random.pick(['', 'one', 'two']) },
      { description: random.pick(['', 'about']), avatar: random.pick(['', '/a.png']) },
      { state: random.pick(['active', 'archived'] as const) },
      { slowMs: random.pick([0, 1000]), membersMax: random.pick([0, 99]) },
    ]);
    this.emit('conversation.change', this.owner(), change);
  }

  private target(): Said | undefined {
    const there = this.said.slice(-8).filter((one) => !one.isDeleted);
    return there.length === 0 ? undefined : this.options.random.pick(there);
  }

  private on({ event }: Said): { message: string; messageSeq: number } {
    return { message: event.id, messageSeq: event.seq };
  }

  private member(): string {
    return this.options.random.pick([...this.roles.keys()]);
  }

  private owner(): string {
    return [...this.roles].find(([, role]) => role === 'owner')?.[0] ?? '';
  }

  private emit<Name extends LogEventName>(ev: Name, from: string, body: Body<Name>): LogEvent<Name> {
    const last = this.events.at(-1);
    const event = {
      ev,
      conv: this.options.conv,
      seq: (last?.seq ?? 0) + 1,
      number: (last?.number ?? 0) + (ev === 'message.new' ? 1 : 0),
      id: this.options.id(),
      from,
      at: this.at,
      ...body,
    } as unknown as LogEvent<Name>;
    this.events.push(event as LogEvent);
    return event;
  }
}
