/**
 * Services: what a front asks of a shard that is not a conversation's business. Name → input and output.
 * A service is an async function in the shard thread (`src/people`, `src/storage/postgres`); a refusal is thrown
 * as `NuboError` (src/errors.ts) and reaches the front as `err`.
 */
import type { sessions } from '../entities/sessions.js';
import type { userSettings } from '../entities/user-settings.js';
import type { users } from '../entities/users.js';
import type { ViewOf } from '../entities/view.js';
import type { ConversationType, FoundMessage, LogEvent, Role } from '../wire/events.js';
import type { Operation } from '../wire/operations.js';
import type { RateClass, Revocation } from './messages.js';

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

export interface ConversationView {
  readonly id: string;
  readonly type: ConversationType;
  readonly title: string | null;
  readonly description: string | null;
  readonly creator: string;
  readonly createdAt: number;
  readonly seq: number;
  readonly number: number;
  readonly lastActivityAt: number;
  /** The first 140 characters of the last message. */
  readonly preview: string | null;
  readonly unread: number;
  readonly role: Role | null;
  /** Of a direct conversation: the other member. */
  readonly peer: string | null;
  readonly memberCount: number;
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
  /** Channels whose title contains the words, best first, as this user sees them: at most `limit`. */
  'channels.find': {
    input: { user: string; title: string; limit: number };
    output: { conversations: ConversationView[] };
  };
  'conversations.get': { input: { user: string; conv: string }; output: ConversationView };
  'messages.get': { input: { user: string; id: string }; output: LogEvent<'message.new'> };
  /** Messages with these words that the user may read, newest first (F1). `next`: null: that was all. */
  'search.messages': {
    input: { user: string } & Omit<Operation<'search'>, 'op' | 'ref'>;
    output: { found: FoundMessage[]; next: string | null };
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
