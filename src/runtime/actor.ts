/**
 * The contract of an actor. An actor owns its state and touches nothing else: it hears messages, one at a time,
 * and speaks through the ports its factory was given. It never awaits: what takes time comes back as a message.
 */

/** `conversation/018f…`, `user/018f…`, `postgres-writer/0`: kind, slash, id. */
export type Address = `${string}/${string}`;

/** Why an instance goes. One that crashed may have stopped half-way: its state is not to be believed. */
export type DropReason = 'passivated' | 'crashed' | 'stopped';

export interface Actor<Message> {
  /** Handles one message. What it throws is the supervisor's: the instance is dropped and made again. */
  receive(message: Message): void;
  /** Called once after the messages of a turn were taken in, so that work can be done once a turn. */
  endTurn?(): void;
  /** Idle for `idleMs`: may this instance go? Its next message makes a new one. Absent: it stays. */
  mayPassivate?(): boolean;
  /** The instance is dropped: cancel timers here, send nothing. */
  dropped?(reason: DropReason): void;
}

export interface ActorContext<Message> {
  readonly address: Address;
  readonly id: string;
  /** How often this address has crashed since it was last well: 0 for a first activation. */
  readonly crashes: number;
  /**
   * To its address, as a system message: how results of ports come back. When the instance that asked is gone, its
   * successor hears them; so a result says enough to be used or ignored by an instance that did not ask.
   */
  tellSelf(message: Message): void;
}

/** How one kind of actor lives. */
export interface ActorKind<Message> {
  create(context: ActorContext<Message>): Actor<Message>;
  /** Bounds of a mailbox (A1). System messages are not counted: their number is bounded by what they answer. */
  readonly mailboxItemsMax: number;
  readonly mailboxBytesMax: number;
  /** Messages taken in one turn; the runtime's own limit when absent. More for actors that only gather. */
  readonly turnItemsMax?: number;
  /** Passivate after this long without a message; absent: never. */
  readonly idleMs?: number;
  /**
   * The message will not be handled: it crashed three instances (`poison`), or the actor crashes too often and
   * is resting (`resting`). Whoever waits for an answer must be told here (A5, A6).
   */
  onUndelivered(message: Message, reason: 'poison' | 'resting', id: string): void;
}

export interface TellOptions {
  /** Goes before ordinary messages and past the mailbox bounds (A2). */
  readonly system?: boolean;
  /** What the message weighs in the mailbox; 256 when absent. */
  readonly bytes?: number;
}

export interface ActorSystem {
  register<Message>(kind: string, definition: ActorKind<Message>): void;
  /** false: the mailbox is full, the sender must be told (A1). Never throws for a full mailbox. */
  tell(address: Address, message: unknown, options?: TellOptions): boolean;
  /** Counts for metrics: what is alive, by kind. */
  stats(): ActorStats;
  /** Drops every instance; nothing is delivered afterwards. */
  stop(): void;
}

export interface ActorStats {
  readonly actorsByKind: Readonly<Record<string, number>>;
  readonly restartsByKind: Readonly<Record<string, number>>;
  readonly poisonByKind: Readonly<Record<string, number>>;
  readonly mailboxItems: number;
}
