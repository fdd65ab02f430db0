/**
 * Services: what a front asks of a shard that is not a conversation's business. Name → input and output.
 * A service is an async function in the shard thread (`src/people`, `src/storage/postgres`); a refusal is thrown
 * as `NuboError` (src/errors.ts) and reaches the front as `err`.
 */
import type { attachments } from '../entities/attachments.js';
import type { FieldsOf } from '../entities/entity.js';
import type { sessions } from '../entities/sessions.js';
import type { userSettings } from '../entities/user-settings.js';
import type { users } from '../entities/users.js';
import type { ViewOf } from '../entities/view.js';
import type { ConversationStatus, ConversationType, LogEvent, Role } from '../wire/events.js';
import type { Operation } from '../wire/operations.js';
import type { RateClass, Revocation } from './messages.js';
import type { Presence } from './presence.js';

export interface Device {
  /** User agent or what the client calls itself. */
  readonly name: string;
  /** Address of the peer, as the front saw it. */
  readonly address: string;
}

export interface TokenPair {
  readonly user: string;
  readonly session: string;
  readonly accessToken: string;
  /** Unix ms */
  readonly accessExpiresAt: number;
  readonly refreshToken: string;
  readonly refreshExpiresAt: number;
}

/** A user as everybody sees them, and as they see themselves. */
export type PublicUser = ViewOf<typeof users, 'everybody'>;
export type Profile = ViewOf<typeof users, 'owner'>;
export type Settings = ViewOf<typeof userSettings, 'owner'>;
export type OwnSession = ViewOf<typeof sessions, 'owner'>;

export type Attachment = FieldsOf<typeof attachments>;

export interface ConversationView {
  readonly id: string;
  readonly type: ConversationType;
  readonly title: string | null;
  readonly description: string | null;
  readonly avatar: string | null;
  /** One that was deleted is shown to nobody. */
  readonly state: ConversationStatus;
  /** Milliseconds that a member waits between two messages; 0: none. */
  readonly slowMs: number;
  readonly membersMax: number | null;
  readonly creator: string;
  readonly createdAt: number;
  readonly seq: number;
  readonly number: number;
  readonly lastActivityAt: number;
  /** The first 140 characters of the last message. */
  readonly preview: string | null;
  readonly unread: number;
  /** Of the unread ones those that mean the user. */
  readonly mentions: number;
  /** The number of the message up to which they have read; null: they are no member. */
  readonly mark: number | null;
  /** Unix ms until when they may not write; −1: until it is taken back. */
  readonly mutedUntil: number | null;
  readonly role: Role | null;
  /** One's own, here. */
  readonly nickname: string | null;
  /** Unix ms until when they want to hear nothing of it; −1: until they take it back. */
  readonly quietUntil: number | null;
  /** Of a direct conversation: the other member. */
  readonly peer: string | null;
  readonly memberCount: number;
}

export interface MemberView {
  readonly user: string;
  readonly role: Role;
  readonly nickname: string | null;
  readonly joinedAt: number;
}

/** Who is banned or muted; `until` null: until it is taken back. */
export interface SanctionView {
  readonly user: string;
  readonly until: number | null;
}

export type ReportSubject = 'message' | 'user' | 'conversation';

export interface ReportView {
  readonly id: string;
  readonly reporter: string;
  readonly at: number;
  readonly subject: ReportSubject;
  readonly target: string;
  readonly conversation: string | null;
  /** The author, or the user. */
  readonly accused: string | null;
  readonly reason: string;
  readonly text: string;
  /** What it said when it was reported, also when that is deleted. */
  readonly evidence: Readonly<Record<string, unknown>>;
  readonly state: 'open' | 'resolved' | 'dismissed';
  readonly settledAt: number | null;
  readonly note: string | null;
}

/** Who (null: the operator) did what to whom, when and why. */
export interface AuditView {
  readonly id: string;
  readonly at: number;
  readonly act: string;
  readonly actor: string | null;
  readonly target: string | null;
  readonly conversation: string | null;
  readonly message: string | null;
  readonly reason: string | null;
  readonly until?: number;
  readonly role?: string;
  readonly state?: string;
  readonly report?: string;
  readonly jti?: string;
}

export interface BlockView {
  readonly user: string;
  /** Unix ms */
  readonly at: number;
}

export interface ReactionView {
  readonly user: string;
  readonly emoji: string;
  readonly at: number;
}

/** What a message said at one time: first as it was sent, then after each edit. */
export interface VersionView {
  readonly seq: number;
  readonly at: number;
  readonly by: string;
  readonly text: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
}

/** An invitation, without its code. `until` and `usesMax` null: no end. */
export interface InviteView {
  readonly id: string;
  readonly conv: string;
  readonly creator: string;
  readonly createdAt: number;
  readonly until: number | null;
  readonly usesMax: number | null;
  /** Users who have taken one. */
  readonly uses: number;
}

interface PageOfMembers {
  user: string;
  conv: string;
  limit: number;
  cursor?: string;
}

/** How a conversation stands for one of its members, or that they are none any more. */
export interface SyncedConversation {
  readonly conv: string;
  readonly type: ConversationType;
  readonly standing: 'member' | 'left' | 'removed' | 'banned' | 'deleted';
  readonly title?: string;
  readonly avatar?: string;
  /** Of a direct conversation: the other member. */
  readonly peer?: string;
  readonly archived?: true;
  /** The last seq, and how many messages there are. */
  readonly head?: number;
  readonly number?: number;
  readonly lastActivityAt?: number;
  /** The first 140 characters of the last message. */
  readonly preview?: string;
  readonly role?: Role;
  /** The number of the message up to which they have read. */
  readonly mark?: number;
  readonly unread?: number;
  /** Of the unread ones those that mean them. */
  readonly mentions?: number;
  /** Unix ms; −1: until it is taken back. */
  readonly mutedUntil?: number;
  readonly bannedUntil?: number;
  readonly quietUntil?: number;
}

/** A message that was found, by what it says now. */
export interface FoundMessage {
  readonly conv: string;
  readonly seq: number;
  readonly id: string;
  readonly from: string;
  readonly at: number;
  readonly type?: LogEvent<'message.new'>['type'];
  readonly editedAt?: number;
  /** Plain text, never HTML. */
  readonly snippet: string;
  /** Where the words are in it: `[start, length]`, in UTF-16 code units. */
  readonly marks: ReadonlyArray<readonly [start: number, length: number]>;
}

export interface Services {
  'people.signUp': {
    input: { username: string; password: string; email?: string; displayName?: string; device: Device };
    output: TokenPair;
  };
  /** `name` is a username or an e-mail address. */
  'people.logIn': { input: { name: string; password: string; device: Device }; output: TokenPair };
  'people.refresh': { input: { refreshToken: string; device: Device }; output: TokenPair };
  'people.logOut': { input: { user: string; session: string }; output: null };
  'people.me': { input: { user: string }; output: Profile };
  /** `fields` as the declaration has those that one may change of oneself. */
  'people.patchMe': { input: { user: string; fields: Readonly<Record<string, unknown>> }; output: Profile };
  'people.settings': { input: { user: string }; output: Settings };
  'people.patchSettings': {
    input: { user: string; fields: Readonly<Record<string, unknown>> };
    output: Settings;
  };
  /** Those that have not ended, the latest first. */
  'people.sessions': { input: { user: string }; output: OwnSession[] };
  /** As `people.logOut`; `not_found` when it is not theirs. */
  'people.endSession': { input: { user: string; session: string }; output: null };
  /** A user of the application was seen for the first time by this front (H6). */
  'people.appear': { input: { sub: string; name?: string }; output: { user: string } };
  /** Users by id (names to show beside messages) or by username (whom to write to); others are left out. */
  'users.get': {
    input: { ids: string[]; usernames: string[] };
    output: PublicUser[];
  };

  /** As often as it comes, kept once; `target` is the id of the `subject`. */
  report: {
    input: { user: string; id: string; subject: ReportSubject; target: string; reason: string; text: string };
    output: { id: string; at: number };
  };
  'audit.conversation': {
    input: { user: string; conv: string; limit: number; cursor?: string };
    output: { entries: AuditView[]; next: string | null };
  };
  'operator.audit': {
    input: { limit: number; cursor?: string };
    output: { entries: AuditView[]; next: string | null };
  };
  'operator.reports': {
    input: { state: ReportView['state']; limit: number; cursor?: string };
    output: { reports: ReportView[]; next: string | null };
  };
  'operator.settle': { input: { id: string; state: ReportView['state']; note?: string }; output: null };
  /** Whom this one has blocked, the latest first. */
  'blocks.list': {
    input: { user: string; limit: number; cursor?: string };
    output: { blocks: BlockView[]; next: string | null };
  };
  /** How users are, as this one may know (E3). `front`: and from now on it is told when they change. */
  'presence.look': { input: { front?: number; user: string; users: string[] }; output: Presence[] };

  'operator.createUsers': {
    input: { users: Array<{ sub: string; name?: string }> };
    output: { users: Array<{ sub: string; user: string }> };
  };
  'operator.mintTokens': {
    input: { users: string[]; seconds: number; limits?: RateClass };
    output: { tokens: Array<{ user: string; token: string; jti: string; expiresAt: number }> };
  };
  'operator.revoke': { input: { user: string } | { jti: string }; output: null };
  /** What is revoked now, for a front that starts. */
  'revocations.list': { input: null; output: Revocation[] };

  'conversations.list': {
    input: { user: string; limit: number; cursor?: string };
    output: { conversations: ConversationView[]; next: string | null };
  };
  /**
   * The conversations that have changed for the user since the cursor, in no order that means anything, and the next
   * cursor; `more`: at once. `full`: the page is of an answer about all there are: what no page of it names is none of
   * the user's.
   */
  sync: {
    input: { user: string; limit: number; cursor?: string };
    output: { conversations: SyncedConversation[]; cursor: string; more: boolean; full: boolean };
  };
  /** The conversations a user is a member of: at most `limit`, then those that were active last. */
  'conversations.followed': {
    input: { user: string; limit: number };
    output: { convs: string[]; more: boolean };
  };
  /** How conversations stand for users, as `sync` tells it: the nth answer is of the nth pair, null for who never came. */
  'conversations.standing': {
    input: { users: string[]; convs: string[] };
    output: Array<SyncedConversation | null>;
  };
  /** How many members a message has reached, of those who show it, but its sender, and some of those who have read it. */
  receipts: {
    input: { user: string; id: string };
    output: { delivered: number; read: number; readers: string[] };
  };
  /** Channels whose title contains the words, best first, as this user sees them: at most `limit`. */
  'channels.find': {
    input: { user: string; title: string; limit: number };
    output: { conversations: ConversationView[] };
  };
  'conversations.get': { input: { user: string; conv: string }; output: ConversationView };
  /** As it is now, with `state` and `parent` as in a page. */
  'messages.get': { input: { user: string; id: string }; output: LogEvent<'message.new'> };
  /** In which conversation an operation about this message belongs; `operation` is its id (P2). */
  'messages.find': { input: { user: string; message: string; operation: string }; output: { conv: string } };
  /** In rising order; none of a message that was deleted. */
  'messages.edits': {
    input: { user: string; id: string; limit: number; cursor?: string };
    output: { edits: VersionView[]; next: string | null };
  };
  /** Who reacted, the first first. */
  'messages.reactions': {
    input: { user: string; id: string; emoji?: string; limit: number; cursor?: string };
    output: { reactions: ReactionView[]; next: string | null };
  };
  /** In the order in which they were pinned. */
  'messages.pins': {
    input: { user: string; conv: string };
    output: { messages: Array<LogEvent<'message.new'>> };
  };
  /** Those who are there now, for one of them. */
  'members.list': { input: PageOfMembers; output: { members: MemberView[]; next: string | null } };
  'members.bans': { input: PageOfMembers; output: { bans: SanctionView[]; next: string | null } };
  'invites.create': {
    input: { id: string; user: string; conv: string; until?: number; uses?: number };
    output: InviteView & { code: string };
  };
  'invites.list': { input: PageOfMembers; output: { invites: InviteView[]; next: string | null } };
  'invites.revoke': { input: { user: string; conv: string; invite: string }; output: null };
  /**
   * Takes a use for the user; `isNew`: they had none, and are no member. `isOver`: only what was stored under the same
   * operation counts any more. `not_found`: it cannot be accepted.
   */
  'invites.take': {
    input: { user: string; code: string; operation: string };
    output: { invite: string; conv: string; isNew: boolean; isOver: boolean };
  };
  'invites.giveBack': { input: { user: string; invite: string; operation: string }; output: null };
  'members.mutes': { input: PageOfMembers; output: { mutes: SanctionView[]; next: string | null } };
  /** Sent again with the same id, name and size, the same one is answered. */
  'attachments.create': {
    input: { user: string; id: string; name: string; type: string; size: number };
    output: Attachment;
  };
  /** `held`: bytes that have come. */
  'attachments.get': {
    input: { user: string; id: string };
    output: { attachment: Attachment; held: number };
  };
  /** Who writes to it: `held` by another, `over` when nothing more comes. `previous` is given up for `lease`. */
  'attachments.lease': {
    input: { user: string; id: string; lease: string; previous?: string };
    output:
      | { kind: 'leased'; size: number; handle: string }
      | { kind: 'held' }
      | { kind: 'over'; size: number };
  };
  'attachments.keep': { input: { user: string; id: string; lease: string }; output: { isHeld: boolean } };
  'attachments.release': { input: { user: string; id: string; lease: string }; output: null };
  /** All bytes have come: looked at, and `ready` or `refused`. */
  'attachments.finish': { input: { user: string; id: string; lease: string }; output: Attachment };
  'attachments.remove': { input: { user: string; id: string }; output: null };

  /** Messages with these words that the user may read, newest first (F1). `next`: null: that was all. */
  'search.messages': {
    input: { user: string } & Omit<Operation<'search'>, 'op' | 'ref'>;
    output: { found: FoundMessage[]; next: string | null };
  };
  /** People whose username or display name has words that begin so, best first (F6). */
  'search.users': {
    input: { user: string; q: string; limit: number; cursor?: string };
    output: { users: PublicUser[]; next: string | null };
  };
  /** Conversations of the user, and open ones, whose title has words that begin so (F7). */
  'search.conversations': {
    input: { user: string; q: string; limit: number; cursor?: string };
    output: { conversations: ConversationView[]; next: string | null };
  };
  /** Heads and marks of this shard are in Postgres when it answers (R5). */
  'heads.flush': { input: null; output: null };
  /** An empty batch through the writer: can this shard commit? (O2) */
  probe: { input: null; output: { batch: number } };
}

export type ServiceName = keyof Services;
export type ServiceHandlers = {
  [N in ServiceName]: (input: Services[N]['input']) => Promise<Services[N]['output']>;
};
