/** Everything that may be asked of the server by name. What is stored is sent again until it is answered, once (P2). */
import type { Services } from '#src/threads/services.js';
import type { Ack, LogEvent, Role } from '#src/wire/events.js';
import type { DurableName, Operation, QueryName } from '#src/wire/operations.js';
import type { Asked } from './outbox.js';

/** Of a durable operation: stored, once, at this place. */
export interface Stored {
  readonly id: string;
  readonly seq: number;
  /** Unix ms */
  readonly at: number;
  readonly conv: string;
}

/** What each query finds: the body of its REST route. */
export interface Found {
  conversations: Services['conversations.list']['output'];
  conversation: Services['conversations.get']['output'];
  channels: Services['channels.find']['output'];
  message: Services['messages.get']['output'];
  edits: Services['messages.edits']['output'];
  reactions: Services['messages.reactions']['output'];
  members: Services['members.list']['output'];
  pins: Services['messages.pins']['output'];
  bans: Services['members.bans']['output'];
  mutes: Services['members.mutes']['output'];
  users: { users: Services['users.get']['output'] };
  user: Services['users.get']['output'][number];
  me: Services['people.me']['output'];
  'me.change': Services['people.patchMe']['output'];
  settings: Services['people.settings']['output'];
  'settings.change': Services['people.patchSettings']['output'];
  sessions: { sessions: Array<Services['people.sessions']['output'][number] & { current: boolean }> };
  'sessions.end': Record<string, never>;
  'invite.create': Services['invites.create']['output'];
  'invite.list': Services['invites.list']['output'];
  'invite.revoke': Record<string, never>;
  'invite.accept': Stored;
  sync: Services['sync']['output'];
  receipts: Services['receipts']['output'];
  search: Services['search.messages']['output'];
  'search.users': Services['search.users']['output'];
  'search.conversations': Services['search.conversations']['output'];
  report: Services['report']['output'];
  audit: Services['audit.conversation']['output'];
  quiet: Record<string, never>;
  block: Record<string, never>;
  unblock: Record<string, never>;
  blocks: Services['blocks.list']['output'];
  presence: { presences: Services['presence.look']['output'] };
}

/** Fields of an operation as an application gives them: `id` only when it keeps ids itself. */
export type Fields<Name extends Operation['op']> = Omit<Extract<Asked, { op: Name }>, 'op'>;
/** How long (Unix ms; without: until it is taken back) and why. */
type Sanction = Pick<Fields<'ban'>, 'until' | 'reason'>;

export abstract class Operations {
  /** `survives` false: it fails with `unavailable` when the connection is lost. */
  protected abstract request(asked: Asked, options?: { survives: boolean }): Promise<Ack>;

  /** Stores a message. Resolves when it is (P1); sent again until the server has answered, stored once (P2). */
  send(message: Fields<'send'>): Promise<Stored> {
    return this.store({ op: 'send', ...message }, message.conv);
  }

  /** Makes a conversation. That of two people is the same whoever makes it, and making it again changes nothing. */
  create(conversation: Fields<'create'>): Promise<Stored> {
    return this.store({ op: 'create', ...conversation });
  }

  /** Title, description, avatar, state, slow mode, limit of members: '' takes a text away, 0 a limit. */
  change(change: Fields<'change'>): Promise<Stored> {
    return this.store({ op: 'change', ...change }, change.conv);
  }

  join(conv: string): Promise<Stored> {
    return this.store({ op: 'join', conv }, conv);
  }

  leave(conv: string): Promise<Stored> {
    return this.store({ op: 'leave', conv }, conv);
  }

  add(conv: string, member: string): Promise<Stored> {
    return this.store({ op: 'add', conv, member }, conv);
  }

  remove(conv: string, member: string): Promise<Stored> {
    return this.store({ op: 'remove', conv, member }, conv);
  }

  /** Metadata and mentions stay what they were unless given. */
  edit(edit: Fields<'edit'>): Promise<Stored> {
    return this.store({ op: 'edit', ...edit }, edit.conv);
  }

  /** For everybody: what it said is gone. */
  delete(conv: string, message: string): Promise<Stored> {
    return this.store({ op: 'delete', conv, message }, conv);
  }

  react(conv: string, message: string, emoji: string): Promise<Stored> {
    return this.store({ op: 'react', conv, message, emoji }, conv);
  }

  unreact(conv: string, message: string, emoji: string): Promise<Stored> {
    return this.store({ op: 'unreact', conv, message, emoji }, conv);
  }

  pin(conv: string, message: string): Promise<Stored> {
    return this.store({ op: 'pin', conv, message }, conv);
  }

  unpin(conv: string, message: string): Promise<Stored> {
    return this.store({ op: 'unpin', conv, message }, conv);
  }

  /** Who makes another one the owner becomes an admin. */
  role(conv: string, member: string, role: Role): Promise<Stored> {
    return this.store({ op: 'role', conv, member, role }, conv);
  }

  ban(conv: string, member: string, sanction: Sanction = {}): Promise<Stored> {
    return this.store({ op: 'ban', conv, member, ...sanction }, conv);
  }

  unban(conv: string, member: string): Promise<Stored> {
    return this.store({ op: 'unban', conv, member }, conv);
  }

  mute(conv: string, member: string, sanction: Sanction = {}): Promise<Stored> {
    return this.store({ op: 'mute', conv, member, ...sanction }, conv);
  }

  unmute(conv: string, member: string): Promise<Stored> {
    return this.store({ op: 'unmute', conv, member }, conv);
  }

  /** An invitation: its `code` is told only now. `until` in Unix ms; `uses`: so many users. */
  invite(conv: string, bounds: Pick<Fields<'invite.create'>, 'until' | 'uses'> = {}) {
    return this.find('invite.create', { conv, ...bounds });
  }

  /** Becomes a member by the code of an invitation; again it changes nothing. */
  acceptInvite(code: string): Promise<Stored> {
    return this.find('invite.accept', { code });
  }

  /** '' takes it away. */
  nickname(conv: string, member: string, nickname: string): Promise<Stored> {
    return this.store({ op: 'nickname', conv, member, nickname }, conv);
  }

  /** At most 100 events in rising order: before, after or around a seq, or the last ones. */
  async history(page: Fields<'history'>): Promise<LogEvent[]> {
    return (await this.request({ op: 'history', ...page })).events ?? [];
  }

  /** Moves the own mark up to this seq; marks only grow (L14). */
  async read(conv: string, seq: number): Promise<void> {
    await this.request({ op: 'read', conv, seq });
  }

  /** Takes the own mark back: the message at this seq and what came after it are unread again (U4). */
  async unread(conv: string, seq: number): Promise<void> {
    await this.request({ op: 'unread', conv, seq });
  }

  /** The messages up to this seq have reached this device (U5). */
  async delivered(conv: string, seq: number): Promise<void> {
    await this.request({ op: 'delivered', conv, seq });
  }

  /** Nothing of this conversation until then (Unix ms; without: until it is taken back; 0 takes it back), on all devices. */
  async quiet(conv: string, until?: number): Promise<void> {
    await this.find('quiet', until === undefined ? { conv } : { conv, until });
  }

  /** Has the operators look at a message, a user or a conversation (one of them); sent again until it is kept, once. */
  async report(report: Fields<'report'>): Promise<{ id: string; at: number }> {
    return this.find('report', report);
  }

  /** Neither of the two reaches the other in their direct conversation any more (B1). */
  async block(user: string): Promise<void> {
    await this.find('block', { user });
  }

  async unblock(user: string): Promise<void> {
    await this.find('unblock', { user });
  }

  /**
   * Looks something up, or changes something of oneself: `find('members', {conv})`. Lists come in pages; the `next` of
   * one is the `cursor` of the following.
   */
  async find<Name extends QueryName>(op: Name, fields: Fields<Name>): Promise<Found[Name]> {
    // Ending a session twice is refused the second time: it is not sent again.
    const ack = await this.request({ op, ...fields } as unknown as Asked, {
      survives: op !== 'sessions.end',
    });
    return (ack.result ?? {}) as unknown as Found[Name];
  }

  /** Any operation that is stored, by its name: `{op: 'react', conv, message, emoji}`. */
  perform(operation: Extract<Asked, { op: DurableName }>): Promise<Stored> {
    return this.store(operation, 'conv' in operation ? operation.conv : undefined);
  }

  private async store(asked: Asked, conv?: string): Promise<Stored> {
    const ack = await this.request(asked);
    return { id: ack.id ?? '', seq: ack.seq ?? 0, at: ack.at ?? 0, conv: ack.conv ?? conv ?? '' };
  }
}
