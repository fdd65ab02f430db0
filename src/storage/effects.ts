/** What the events of one batch do to conversations, members and messages: the same for every store. */
import type { ConversationStatus, LogEvent, MemberChange, MessageChange, Role } from '../wire/events.js';
import { infoOfCreation } from './facts.js';
import type { ConversationInfo } from './ports.js';

/** What is true of one member after the batch; what is absent stays as it was. */
export interface MemberEffect {
  readonly conv: string;
  readonly user: string;
  /** Of the last event about them. */
  readonly seq: number;
  readonly at: number;
  /** Where they came: their mark starts at its `number` (L14). */
  readonly joined?: { readonly seq: number; readonly number: number; readonly at: number };
  readonly present?: boolean;
  readonly role?: Role;
  /** '' takes it away. */
  readonly nickname?: string;
  /** Unix ms; 0 takes it back, −1 is until that is done. */
  readonly bannedUntil?: number;
  readonly mutedUntil?: number;
}

/** What was changed of a conversation; '' and 0 take away. */
export interface ConversationEffect {
  readonly conv: string;
  readonly seq: number;
  readonly title?: string;
  readonly description?: string;
  readonly avatar?: string;
  readonly state?: ConversationStatus;
  readonly slowMs?: number;
  readonly membersMax?: number;
}

/** What is true of one message after the batch; what is absent stays as it was. */
export interface MessageEffect {
  readonly conv: string;
  readonly message: string;
  /** Where the message stands. */
  readonly seq: number;
  /** The seq of the last change. */
  readonly version: number;
  /** After an edit; gone again with a deletion. */
  readonly text?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly mentions?: readonly string[];
  readonly editedAt?: number;
  readonly deletedAt?: number;
  readonly deletedBy?: string;
  /** The id of the event. */
  readonly deletion?: string;
  /** 0: it is no longer. */
  readonly pinnedAt?: number;
  /** The seq of the event, which pins are ordered by. */
  readonly pinnedSeq?: number;
  readonly pinnedBy?: string;
}

/** One edit, for the history of its message. */
export interface EditEffect {
  /** The id of the event. */
  readonly id: string;
  readonly message: string;
  readonly seq: number;
  readonly at: number;
  readonly by: string;
  readonly text: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

export interface ReactionEffect {
  readonly message: string;
  readonly user: string;
  readonly emoji: string;
  readonly seq: number;
  readonly at: number;
  readonly isOn: boolean;
}

/**
 * Where an emoji of a message stands among the others is where it was first used; one that nobody used any more begins
 * anew. `starts`: if there were so many of it before the batch, it began anew with the event of that seq.
 */
export interface EmojiEffect {
  readonly message: string;
  readonly emoji: string;
  readonly starts: Readonly<Record<number, number>>;
}

/** An upload that a message carries from now on. */
export interface AttachmentEffect {
  readonly id: string;
  readonly owner: string;
  readonly conv: string;
  readonly message: string;
}

export interface Effects {
  readonly conversations: ConversationInfo[];
  readonly changes: ConversationEffect[];
  /** At most one entry a member. */
  readonly members: MemberEffect[];
  /** At most one entry a message. */
  readonly messages: MessageEffect[];
  /** In their order. */
  readonly edits: EditEffect[];
  /** At most one entry for a message, user and emoji. */
  readonly reactions: ReactionEffect[];
  /** At most one entry for a message and emoji. */
  readonly emojis: EmojiEffect[];
  readonly attachments: AttachmentEffect[];
}

/** For ever, as an end of a ban or a mute. */
export const forever = -1;

/** @returns undefined when the events are nothing but messages that carry nothing */
export function effectsOf(events: readonly LogEvent[]): Effects | undefined {
  const changes = events.filter((event) => event.ev !== 'message.new' || event.attachments !== undefined);
  if (changes.length === 0) return undefined;
  changes.sort((one, other) => one.seq - other.seq);
  const gathering = new Gathering();
  for (const event of changes) gathering.add(event);
  return gathering.effects();
}

interface EmojiSteps {
  readonly message: string;
  readonly emoji: string;
  /** How many more of it there are than before the batch. */
  steps: number;
  readonly starts: Record<number, number>;
}

class Gathering {
  private readonly conversations: ConversationInfo[] = [];
  private readonly changes = new Map<string, ConversationEffect>();
  private readonly members = new Map<string, MemberEffect>();
  private readonly messages = new Map<string, MessageEffect>();
  private readonly edits: EditEffect[] = [];
  private readonly reactions = new Map<string, ReactionEffect>();
  private readonly emojis = new Map<string, EmojiSteps>();
  private readonly attachments: AttachmentEffect[] = [];

  effects(): Effects {
    return {
      conversations: this.conversations,
      changes: [...this.changes.values()],
      members: [...this.members.values()],
      messages: [...this.messages.values()],
      edits: this.edits,
      reactions: [...this.reactions.values()],
      emojis: [...this.emojis.values()].map(({ message, emoji, starts }) => ({ message, emoji, starts })),
      attachments: this.attachments,
    };
  }

  add(event: LogEvent): void {
    switch (event.ev) {
      case 'message.new': {
        const { from: owner, conv, id: message } = event;
        for (const { id } of event.attachments ?? []) this.attachments.push({ id, owner, conv, message });
        return;
      }
      case 'conversation.create':
        this.conversations.push(infoOfCreation(event));
        for (const user of event.members) this.come(event, user, 'member');
        return this.come(event, event.from, 'owner');
      case 'conversation.change': {
        const { ev: _, conv, seq, number: _number, id: _id, from: _from, at: _at, ...fields } = event;
        this.changes.set(conv, { ...this.changes.get(conv), ...fields, conv, seq });
        return;
      }
      case 'member.join':
        return this.come(event, event.from, 'member');
      case 'member.leave':
        return this.change(event, event.from, { present: false });
      default:
        if ('user' in event) this.addMemberChange(event);
        else this.addMessageChange(event);
    }
  }

  private addMemberChange(event: MemberChange): void {
    const { user } = event;
    switch (event.ev) {
      case 'member.add':
        return this.come(event, user, 'member');
      case 'member.remove':
        return this.change(event, user, { present: false });
      case 'member.role':
        this.change(event, user, { role: event.role });
        // There is one owner: who gives it away becomes an admin.
        if (event.role === 'owner') this.change(event, event.from, { role: 'admin' });
        return;
      case 'member.ban':
        return this.change(event, user, { present: false, bannedUntil: event.until ?? forever });
      case 'member.unban':
        return this.change(event, user, { bannedUntil: 0 });
      case 'member.mute':
        return this.change(event, user, { mutedUntil: event.until ?? forever });
      case 'member.unmute':
        return this.change(event, user, { mutedUntil: 0 });
      case 'member.nickname':
        return this.change(event, user, { nickname: event.nickname });
    }
  }

  private addMessageChange(event: MessageChange): void {
    const { conv, message, messageSeq, seq, at, from: by, id } = event;
    const before = this.messages.get(message);
    const changed = { ...before, conv, message, seq: messageSeq, version: seq };
    switch (event.ev) {
      case 'message.edit': {
        const { text, metadata, mentions } = event;
        const given = {
          text,
          editedAt: at,
          ...(metadata === undefined ? {} : { metadata }),
          ...(mentions === undefined ? {} : { mentions }),
        };
        this.messages.set(message, { ...changed, ...given });
        this.edits.push({
          ...{ id, message, seq, at, by, text },
          ...(metadata === undefined ? {} : { metadata }),
        });
        return;
      }
      case 'message.delete':
        this.messages.set(message, {
          ...{ conv, message, seq: messageSeq, version: seq, deletedAt: at, deletedBy: by, deletion: id },
          pinnedAt: 0,
        });
        return;
      case 'message.pin':
        this.messages.set(message, { ...changed, pinnedAt: at, pinnedBy: by, pinnedSeq: seq });
        return;
      case 'message.unpin':
        this.messages.set(message, { ...changed, pinnedAt: 0 });
        return;
      case 'reaction.add':
      case 'reaction.remove': {
        const { emoji } = event;
        this.messages.set(message, changed);
        this.reactions.set(`${message} ${by} ${emoji}`, {
          ...{ message, user: by, emoji, seq, at },
          isOn: event.ev === 'reaction.add',
        });
        this.stepEmoji(event);
        return;
      }
    }
  }

  private stepEmoji({ ev, message, emoji, seq }: Extract<MessageChange, { emoji: string }>): void {
    const key = `${message} ${emoji}`;
    const emojis = this.emojis.get(key) ?? { message, emoji, steps: 0, starts: {} };
    this.emojis.set(key, emojis);
    // With so many of it before the batch, there are none left here.
    if (ev === 'reaction.add' && emojis.steps <= 0) emojis.starts[-emojis.steps || 0] = seq;
    emojis.steps += ev === 'reaction.add' ? 1 : -1;
  }

  /** Whoever comes begins anew, with this role. */
  private come(event: LogEvent, user: string, role: Role): void {
    const { seq, number, at } = event;
    this.change(event, user, { present: true, role, nickname: '', joined: { seq, number, at } });
  }

  private change({ conv, seq, at }: LogEvent, user: string, fields: Partial<MemberEffect>): void {
    const key = conv + user;
    this.members.set(key, { ...this.members.get(key), ...fields, conv, user, seq, at });
  }
}
