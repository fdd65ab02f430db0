/** A person in a room: what they type goes there, what others say comes here. */
import type { Client, ClientEvent } from '#client/client.js';
import { ClientError } from '#client/errors.js';
import type { LinkStatus } from '#client/link.js';
import { UserError } from '#src/errors.js';
import type { LogEvent } from '#src/wire/events.js';
import { wireLimits } from '#src/wire/limits.js';
import { RestError } from '../rest-client.js';
import { eventLine, harmless, membersAt, paintedName, usersIn } from './lines.js';
import type { Names } from './names.js';
import { Recent } from './recent.js';
import type { Room, Rooms } from './rooms.js';
import type { Screen } from './screen.js';
import { Typists } from './typists.js';

/** Of the past, on entering a room. */
const historyLines = 30;
/** Pages of the past that /who looks through: a room's members stand in its log. */
const whoPagesMax = 50;
/** Others need not hear of every key. */
const typingMs = 3_000;

const help = [
  '/join ROOM      go to another room; it is made when nobody has it',
  '/join @PERSON   talk with one person',
  '/who            who is in this room',
  '/me DOES THIS   say what you do',
  '/reply TEXT     answer the last message of somebody else',
  '/edit TEXT      say something else in your last message',
  '/delete         take your last message back',
  '/react EMOJI    react to the last message',
  '/quit           leave (also Ctrl-D)',
  '//…             a message that begins with a slash',
];

export interface ChatOptions {
  readonly client: Client;
  readonly names: Names;
  readonly rooms: Rooms;
  readonly screen: Screen;
}

export class Chat {
  private readonly options: ChatOptions;
  private readonly typists: Typists;
  private readonly recent = new Recent();
  private room: Room | undefined;
  /** Things to show and to do, one after the other: names must be known before a line is shown. */
  private doings: Promise<void> = Promise.resolve();
  private readonly sending = new Set<Promise<unknown>>();
  private lastTyping = 0;
  private hasLeft = false;
  /** The connection was lost, and they were told. */
  private isAway = false;

  constructor(options: ChatOptions) {
    this.options = options;
    this.typists = new Typists(options.names, (status) => options.screen.setStatus(status));
  }

  /** Goes to a room: the last lines of its past, then what is said from now on. */
  async enter(target: string): Promise<void> {
    const { client, rooms, screen } = this.options;
    const room = await rooms.enter(target);
    if (this.room !== undefined) client.unsubscribe(this.room.conv);
    this.room = room;
    this.typists.clear();
    this.recent.clear();
    screen.remark(
      room.isNew ? `${harmless(room.name)} is a new room.` : `You are in ${harmless(room.name)}.`,
    );
    const past = await client.history({ conv: room.conv, limit: historyLines });
    for (const event of past) await this.show(event);
    await client.subscribe(room.conv, { have: past.at(-1)?.seq ?? 0 });
  }

  onEvent(event: ClientEvent): void {
    if (event.ev === 'typing.start' || event.ev === 'typing.stop') return this.onTyping(event);
    if (event.ev === 'presence.update' || event.ev === 'block.update') return;
    this.enqueue(async () => {
      if (event.ev === 'conversation.update') return this.announce(event.conv);
      if (event.ev === 'read.update' || event.ev === 'quiet.update') return;
      if (event.conv !== this.room?.conv) return;
      if (event.ev === 'unsubscribed')
        return this.options.screen.remark('You are no member of this room any more.');
      await this.show(event);
      this.options.client.read(event.conv, event.seq).catch(() => {});
    });
  }

  private onTyping(event: Extract<ClientEvent, { ev: 'typing.start' | 'typing.stop' }>): void {
    if (event.conv !== this.room?.conv || event.from === this.options.client.user) return;
    this.typists.note(event.from, event.ev === 'typing.start');
  }

  onStatus(status: LinkStatus): void {
    const { screen } = this.options;
    if (status.name === 'waiting' && !this.isAway)
      screen.remark(`Not connected: ${status.reason}. Trying again …`);
    if (status.name === 'live' && this.isAway) screen.remark('Connected again.');
    if (status.name !== 'opening') this.isAway = status.name === 'waiting';
  }

  private async show(event: LogEvent): Promise<void> {
    const { names, screen } = this.options;
    await names.learn(usersIn(event)).catch(() => {});
    if (event.ev === 'message.new') this.typists.note(event.from, false);
    const known = {
      nameOf: (user: string) => names.of(user),
      previewOf: (message: string) => this.recent.preview(message),
    };
    screen.write(eventLine(event, known, screen.paint));
    this.recent.note(event);
  }

  /** Somebody has taken one into a conversation. */
  private async announce(conv: string): Promise<void> {
    if (conv === this.room?.conv) return;
    const name = await this.options.rooms.nameOf(conv);
    if (name !== undefined)
      this.options.screen.remark(`You are now in ${harmless(name)}: /join ${harmless(name)}`);
  }

  /** The person writes: the others are told now and then. */
  typing(): void {
    if (this.room === undefined || Date.now() - this.lastTyping < typingMs) return;
    this.lastTyping = Date.now();
    this.options.client.typing(this.room.conv, true);
  }

  /** A line of the person. False: they want to leave. */
  onLine(line: string): boolean {
    const [, command, rest = ''] = /^\/(\w+)\s*(.*)$/.exec(line.trim()) ?? [];
    this.hasLeft ||= command === 'quit';
    if (this.hasLeft) return false;
    this.enqueue(() => this.perform(line, command, rest));
    return true;
  }

  private async perform(line: string, command: string | undefined, rest: string): Promise<void> {
    const { screen } = this.options;
    switch (command) {
      case undefined:
        return this.say(line.replace(/^\/\//, '/'));
      case 'help':
        for (const text of help) screen.remark(text);
        return;
      case 'join':
        return this.enter(rest);
      case 'who':
        return this.who();
      case 'me':
        return this.say(rest, { metadata: { action: true } });
      case 'reply':
      case 'edit':
      case 'delete':
      case 'react':
        return this.speakOf(command, rest);
      default:
        screen.remark(`There is no /${command}; /help shows what there is.`);
    }
  }

  private say(text: string, more: { metadata?: { action: true }; replyTo?: string } = {}): void {
    if (text.trim() === '' || this.room === undefined) return;
    this.lastTyping = 0;
    this.store(this.options.client.send({ conv: this.room.conv, text, ...more }));
  }

  private store(asked: Promise<unknown>): void {
    const sent = asked
      .catch((error: unknown) => this.complain(error))
      .finally(() => this.sending.delete(sent));
    this.sending.add(sent);
  }

  /** Something about the last message there is for it. */
  private async speakOf(command: 'reply' | 'edit' | 'delete' | 'react', rest: string): Promise<void> {
    const { client, screen } = this.options;
    // What was typed before may be the one that is meant.
    await Promise.all(this.sending);
    const user = client.user ?? '';
    const whose = { reply: { notFrom: user }, edit: { from: user }, delete: { from: user }, react: {} }[
      command
    ];
    const last = this.recent.last(whose);
    if (last === undefined) return screen.remark('There is no such message in sight.');
    if (rest === '' && command !== 'delete')
      return screen.remark(`/${command} needs something after it; see /help.`);
    const { conv, id: message } = last;
    if (command === 'reply') this.say(rest, { replyTo: message });
    else if (command === 'edit') this.store(client.edit({ conv, message, text: rest }));
    else if (command === 'delete') this.store(client.delete(conv, message));
    else this.store(client.react(conv, message, rest));
  }

  private async who(): Promise<void> {
    const { names, screen } = this.options;
    const { events, isAll } = await this.past();
    const members = membersAt(events);
    await names.learn(members);
    const list = members.map((user) => paintedName(screen.paint, user, names.of(user))).join(', ');
    screen.write(`${members.length} in this room: ${list}`);
    if (!isAll) screen.remark('(as far as the last events tell; the room is older)');
  }

  /** The room's events from the last to the first. */
  private async past(): Promise<{ events: LogEvent[]; isAll: boolean }> {
    const conv = this.room?.conv ?? '';
    const events: LogEvent[] = [];
    for (let page = 0; page < whoPagesMax; page++) {
      const before = events.at(-1)?.seq;
      if (before === 1) break;
      const range = before === undefined ? {} : { before };
      const found = await this.options.client.history({ conv, limit: wireLimits.historyEventsMax, ...range });
      if (found.length === 0) break;
      events.push(...found.reverse());
    }
    return { events, isAll: events.at(-1)?.seq === 1 };
  }

  /** Does something after all that was to be done before. */
  private enqueue(task: () => Promise<void> | void): void {
    this.doings = this.doings.then(task).catch((error: unknown) => this.complain(error));
  }

  private complain(error: unknown): void {
    const isKnown = error instanceof ClientError || error instanceof UserError || error instanceof RestError;
    if (error instanceof ClientError && error.code === 'closed') return;
    const text = isKnown ? error.message : `That went wrong: ${String(error)}`;
    this.options.screen.write(this.options.screen.paint('red', harmless(text)));
  }

  /** Resolves when all that was typed has been done, and stored. */
  async settled(): Promise<void> {
    await this.doings;
    await Promise.all(this.sending);
    this.typists.clear();
    await this.doings;
  }
}
