/**
 * What the write path asks of a store. Callback style, since actors never await: `done` is called exactly once,
 * in a later turn. One LogStore belongs to one shard. Implementations: postgres/, memory/, and the simulator's.
 * All pass test/contract/log-store.ts.
 */
import type { Month } from '../months.js';
import type {
  Attachment,
  ConversationStatus,
  ConversationType,
  LogEvent,
  MessageState,
  Parent,
  Role,
} from '../wire/events.js';

export interface Head {
  readonly seq: number;
  readonly number: number;
}

export interface Member {
  readonly user: string;
  readonly role: Role;
  readonly nickname?: string;
  /** They may not write before (Unix ms); Infinity: until it is taken back. */
  readonly mutedUntil?: number;
  /** `number` up to which the member has read; absent: it was not asked for. */
  readonly mark?: number;
}

export interface ConversationInfo {
  readonly conv: string;
  readonly type: ConversationType;
  readonly title?: string;
  readonly description?: string;
  readonly avatar?: string;
  readonly state: ConversationStatus;
  /** Milliseconds between two messages of a member. */
  readonly slowMs?: number;
  readonly membersMax?: number;
  readonly creator: string;
  readonly createdAt: number;
}

/** Of a user who is no member: until when something holds (Unix ms; Infinity: until it is taken back). */
export interface Sanction {
  readonly user: string;
  readonly until: number;
}

/** What has been done to messages, as far as the rules must know it. */
export interface Standing {
  /** Was any message of the conversation ever changed? If not, pages need not be asked for changes. */
  readonly isChanged: boolean;
  /** Ids of the pinned messages. */
  readonly pins: readonly string[];
  /** Who may not come back. */
  readonly bans: readonly Sanction[];
  /** Who may not write when they come back. */
  readonly mutesOfAbsent: readonly Sanction[];
}

/** What is asked of a message before something is done with it. */
export interface TargetQuestion {
  readonly message: string;
  /** Who wants to react, and how; absent: nobody does. */
  readonly user?: string;
  readonly emoji?: string;
}

/** What is true of a message, in committed state. */
export interface Target {
  readonly conv: string;
  readonly from: string;
  readonly seq: number;
  readonly number: number;
  readonly at: number;
  /** The seq of its last change; 0: it is as it was sent. */
  readonly version: number;
  readonly isDeleted: boolean;
  /** Has this user reacted with this emoji? */
  readonly hasReacted: boolean;
  /** Different emojis it has, and whether this one is among them. */
  readonly emojis: number;
  readonly hasEmoji: boolean;
}

/** What has become of a message, beside the event it was sent as. */
export interface ChangedMessage {
  readonly message: string;
  readonly state: MessageState;
  /** After an edit. */
  readonly text?: string;
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly mentions?: readonly string[];
}

/** Everything an activating conversation needs, read in one snapshot. `undefined` info: it does not exist. */
export interface ConversationSnapshot {
  readonly info: ConversationInfo | undefined;
  readonly head: Head;
  /** Only present members. */
  readonly members: Member[];
  readonly standing: Standing;
  /** The last events, in rising order of seq, at most `recentEventsMax`. */
  readonly recent: LogEvent[];
  /** Of a direct conversation: who of the two has blocked the other, whether it exists or not; absent: nobody. */
  readonly blockers?: readonly string[];
}

/** The end of a conversation's log, read in one snapshot. */
export type LogTail = Pick<ConversationSnapshot, 'head' | 'recent' | 'blockers'>;

/** One user blocks another, or takes it back. `conv`: the direct conversation of the two. */
export interface BlockChange {
  readonly conv: string;
  readonly blocker: string;
  readonly blocked: string;
  readonly isOn: boolean;
}

/** How a block ended; doing it again changes nothing. `unknown`: there is no such user. `full`: they block too many. */
export type BlockOutcome = { readonly kind: 'kept' | 'unknown' | 'full' } | Failed;

/** What a conversation was when `last` was its last event. */
export interface ConversationMoment {
  readonly info: ConversationInfo;
  readonly last: Pick<LogEvent, 'seq' | 'number' | 'id' | 'at'>;
  /** Only present members, in no order. */
  readonly members: Iterable<Omit<Member, 'mark'>>;
  readonly standing: Standing;
}

export interface Ownership {
  readonly epoch: number;
  /** The last batch that was committed, by whomever. */
  readonly batch: number;
}

/** How taking a shard ended. */
export type Owned = ({ readonly kind: 'owned' } & Ownership) | { readonly kind: 'fenced' } | Failed;

export type Failed = { readonly kind: 'failed'; readonly message: string };

/** How a batch ended. Only `unknown` leaves open whether it was committed (L3). */
export type WriteOutcome =
  | { readonly kind: 'committed' }
  /** An id is already in the log: the transaction did nothing (L8). */
  | { readonly kind: 'duplicate' }
  /** The database refuses a value: the transaction did nothing (L9). */
  | { readonly kind: 'bad'; readonly message: string }
  /** Deadlock, serialisation, shutdown: the transaction did nothing and may be sent again (L10). */
  | { readonly kind: 'retry'; readonly message: string }
  /** The connection was lost before the answer. */
  | { readonly kind: 'unknown'; readonly message: string }
  /** The epoch is not ours any more: another owner writes. */
  | { readonly kind: 'fenced' }
  /** A seq was written twice: a bug or a stale owner, never a client's fault. The shard stops. */
  | { readonly kind: 'broken'; readonly message: string };

/** What is already in the log under an id. */
export interface StoredOperation {
  readonly id: string;
  readonly conv: string;
  readonly from: string;
  readonly seq: number;
  readonly at: number;
}

export interface Found {
  readonly kind: 'found';
  readonly operations: StoredOperation[];
  /** Unix ms: an absent id from before it may have been stored, in a month that has left the log since (L16). */
  readonly horizon?: number;
}

/** How somebody came (`in`) or ceased to be a member. */
export type Coming = 'in' | 'left' | 'removed' | 'banned';

/**
 * What becomes of one member's marks: the number up to which they have read is max(min(it, low), mark) afterwards.
 * Others see only what grows: how far they have read at most, and what has been delivered to them.
 */
export interface MarkMove {
  readonly mark: number;
  /** Something was taken back to unread. */
  readonly low?: number;
  /** The number up to which messages have reached one of their devices; what was read has. */
  readonly delivered?: number;
  /** They came or went: their cursors must tell it. */
  readonly came?: Coming;
  /** Until when they want to hear nothing of it, Unix ms; 0: they do, −1: until it is taken back. */
  readonly quiet?: number;
}

export type MemberMark = MarkMove & { readonly conv: string; readonly user: string };

/** Heads and read marks that moved, for the side tables off the ack path (L14). */
export interface Progress {
  /** Every batch up to this one is covered by what was flushed before and by this. */
  readonly batch: number;
  readonly heads: ReadonlyArray<{
    conv: string;
    seq: number;
    number: number;
    at: number;
    /** '': as it was; null: its message was deleted. */
    preview: string | null;
    /** Where the message stands that the preview is of: a later one keeps its own. Absent: at `seq`. */
    messageSeq?: number;
  }>;
  readonly marks: readonly MemberMark[];
}

/** A page of the log, and the way back to the tiers that are faster than the one it comes from, and lacked it. */
export interface TieredPage {
  readonly kind: 'events';
  readonly events: LogEvent[];
  /**
   * To be called by who knows what was deleted since: a slower tier may lag, and what it has of a deleted message must
   * not get into a faster one, which would hear of the deletion no more. Absent: they lack nothing.
   *
   * @param events of the page, without what deleted messages said
   */
  readonly keep?: (events: readonly LogEvent[]) => void;
}

export interface LogStore {
  /**
   * Raises the epoch, after the old owner's transaction has ended (L2), and brings heads and marks up to the log:
   * what the old owner had committed and not flushed (L14). The first call of a store takes the shard from whoever
   * has it. A later one answers `fenced` when somebody else has owned it since: nothing is raised then, and the last
   * batch would say nothing about ours.
   */
  own(done: (result: Owned) => void): void;
  /**
   * Writes the events as batch `batch` (L1), with the side effects of membership and creation in the same
   * transaction. The events carry their final conv, seq, number and at. Sorts by id itself (L11).
   */
  write(
    batch: { epoch: number; batch: number; events: readonly LogEvent[] },
    done: (outcome: WriteOutcome) => void,
  ): void;
  /** Finds operations by id; absent ones are left out. */
  lookup(ids: readonly string[], done: (result: Found | Failed) => void): void;
  /** Reads one conversation, from committed state only. */
  load(
    conv: string,
    done: (result: { kind: 'loaded'; snapshot: ConversationSnapshot } | Failed) => void,
  ): void;
  /** As `load`, without info and members: for who has them as they were once. */
  loadTail(conv: string, done: (result: { kind: 'tail'; tail: LogTail } | Failed) => void): void;
  /**
   * Events with after < seq < before, rising; the first `limit` of them, or the last when `last` is set.
   * `writtenBefore` (Unix ms): none of them is younger, as is known; who keeps only what is recent need not be asked.
   */
  read(
    range: {
      conv: string;
      after: number;
      before: number;
      limit: number;
      last: boolean;
      writtenBefore?: number;
    },
    done: (result: { kind: 'events'; events: LogEvent[] } | Failed) => void,
  ): void;
  /** What is true of these messages, wherever they are, each with its question; absent ones are undefined. */
  targets(
    questions: readonly TargetQuestion[],
    done: (result: { kind: 'targets'; targets: Array<Target | undefined> } | Failed) => void,
  ): void;
  /**
   * What has become of the messages from … to (seqs, both included) of one conversation, and of those `named`, as this
   * user sees it; those that are as they were sent are left out.
   */
  changed(
    range: { conv: string; from: number; to: number; named: readonly string[]; user: string },
    done: (result: { kind: 'changed'; messages: ChangedMessage[] } | Failed) => void,
  ): void;
  /** These messages as a reply to them shows them; absent ones, and those of other conversations, are left out. */
  parents(
    asked: { conv: string; messages: readonly string[] },
    done: (result: { kind: 'parents'; parents: Parent[] } | Failed) => void,
  ): void;
  /** Uploads that are ready, this user's and with no message yet, in the order asked; undefined: one is not. */
  attachments(
    asked: { user: string; ids: readonly string[] },
    done: (result: { kind: 'attachments'; attachments: Attachment[] | undefined } | Failed) => void,
  ): void;
  /** Writes heads and marks, and moves the clock that cursors count by. Heads only grow. */
  flush(progress: Progress, done: (result: { kind: 'flushed' } | Failed) => void): void;
  /** Which of these users neither show nor see read marks (U6). */
  withoutReceipts(
    users: readonly string[],
    done: (result: { kind: 'asked'; users: string[] } | Failed) => void,
  ): void;
  /** Which of these users do not exist, and which have blocked the asker or are blocked by them. */
  unknownUsers(
    users: readonly string[],
    asker: string | undefined,
    done: (result: { kind: 'checked'; unknown: string[]; blocked: string[] } | Failed) => void,
  ): void;
  /** Keeps a block, or removes it; `load` and `loadTail` tell it from then on. */
  setBlock(change: BlockChange, done: (result: BlockOutcome) => void): void;
}

/** How the log lies in its months. */
export interface PartitionSurvey {
  /** Those that have a partition of their own. */
  readonly months: readonly Month[];
  /** Rows in the default partition, by the month that their id belongs to. */
  readonly strays: ReadonlyArray<{ month: Month; rows: number }>;
  /** The months before it have left the log, as far as there were any; absent: none has. */
  readonly horizon?: Month;
}

/**
 * The months of the log, for the janitor (L15). Callback style as above. Implementations: postgres/ and memory/. Both
 * pass test/contract/partition-store.ts.
 */
export interface PartitionStore {
  survey(done: (result: { kind: 'surveyed'; survey: PartitionSurvey } | Failed) => void): void;
  /**
   * Makes the partition of a month and moves into it, in the same transaction, the rows of that month which had landed
   * in the default one. `moved`: how many; 0 as well when the partition was there.
   */
  make(month: Month, done: (result: { kind: 'made'; moved: number } | Failed) => void): void;
  /**
   * Takes a month out of the log and moves the horizon behind it (L16). `table`: where its rows are now; undefined
   * when they were dropped.
   */
  detach(
    month: Month,
    options: { isKept: boolean },
    done: (result: { kind: 'detached'; rows: number; table: string | undefined } | Failed) => void,
  ): void;
}

/**
 * The index of words beside the log, for its indexer (F3). Callback style as above; each step is one transaction, and
 * doing it twice does no harm. Implementation: postgres/search-index.ts.
 */
export interface SearchIndex {
  /** Makes it anew when there is none, when it is of another language, or when somebody has emptied it. */
  begin(done: (result: { kind: 'begun'; isFilled: boolean } | Failed) => void): void;
  /** Puts in about `limit` rows of what was in the log when it was begun; fewer: that was all. */
  fill(limit: number, done: (result: { kind: 'filled'; rows: number } | Failed) => void): void;
  /**
   * Follows the next batches of each shard, so many at most, and no more than about so many rows. `behind`: batches that
   * are still to come; `oldestAt`: Unix ms, of the oldest row; undefined: there was none.
   */
  follow(
    most: { readonly batches: number; readonly rows: number },
    done: (
      result: { kind: 'followed'; rows: number; behind: number; oldestAt: number | undefined } | Failed,
    ) => void,
  ): void;
  /** Removes up to `limit` messages that have left the log. */
  prune(limit: number, done: (result: { kind: 'pruned'; rows: number } | Failed) => void): void;
}

/** How many events an activating conversation is given. */
export const recentEventsMax = 128;
