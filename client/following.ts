/**
 * Following all conversations: asked for on each new connection with the cursor of the last answer, so that what changed
 * meanwhile is told first, page by page, and then whatever happens (W20).
 */
import type { Services, SyncedConversation } from '#src/threads/services.js';
import type { Ack } from '#src/wire/events.js';
import type { ClientError } from './errors.js';
import type { Answers, Outbox } from './outbox.js';

export interface FollowOptions {
  /** Of an earlier `follow` or `sync`: only what has changed since is told. Without: all there are. */
  readonly cursor?: string;
  /** No events, only `conversation.update` of those that have changed. */
  readonly quiet?: boolean;
}

export interface FollowListener {
  /** It has changed, in whatever way, or is none of the user's any more. */
  onChanged(conversation: SyncedConversation): void;
  /** These are all the conversations of the user. */
  onAll(convs: ReadonlySet<string>): void;
}

type Page = Services['sync']['output'];

export class FollowWish {
  /** Everything up to here was told. */
  cursor: string | undefined;
  private readonly outbox: Outbox;
  private readonly listener: FollowListener;
  private isOn = false;
  private isQuiet = false;
  /** Of the application, until the first answer is whole. */
  private first: Answers | undefined;
  /** Counts beginnings: pages of an earlier one are of no use. */
  private beginnings = 0;

  constructor(outbox: Outbox, listener: FollowListener) {
    this.outbox = outbox;
    this.listener = listener;
  }

  start({ cursor, quiet = false }: FollowOptions, answers: Answers): void {
    this.cursor = cursor ?? this.cursor;
    this.isOn = true;
    this.isQuiet = quiet;
    this.first = answers;
    this.ask();
  }

  stop(): void {
    this.isOn = false;
    this.beginnings += 1;
    this.first = undefined;
  }

  /** On a new connection. */
  onLive(): void {
    if (this.isOn) this.ask();
  }

  /** Something may have gone by. */
  onResync(): void {
    if (this.isOn) this.askPage(this.begin(), new Set());
  }

  private begin(): number {
    this.beginnings += 1;
    return this.beginnings;
  }

  private ask(): void {
    const beginning = this.begin();
    const { cursor, isQuiet } = this;
    this.outbox.ask(
      {
        op: 'subscribe.all',
        ...(cursor === undefined ? {} : { cursor }),
        ...(isQuiet ? { quiet: true as const } : {}),
      },
      this.answers(beginning, new Set()),
      { survives: false },
    );
  }

  private askPage(beginning: number, named: Set<string>): void {
    const { cursor } = this;
    const place = cursor === undefined ? {} : { cursor };
    this.outbox.ask({ op: 'sync', ...place }, this.answers(beginning, named), { survives: false });
  }

  private answers(beginning: number, named: Set<string>): Answers {
    return {
      acked: (ack) => {
        if (beginning === this.beginnings) this.onPage(ack, beginning, named);
      },
      failed: (error) => {
        if (beginning === this.beginnings) this.onFailed(error);
      },
    };
  }

  private onPage(ack: Ack, beginning: number, named: Set<string>): void {
    const { conversations, cursor, more, full } = ack.result as unknown as Page;
    for (const conversation of conversations) {
      named.add(conversation.conv);
      this.listener.onChanged(conversation);
    }
    this.cursor = cursor;
    if (more) return this.askPage(beginning, named);
    if (full) this.listener.onAll(named);
    this.first?.acked(ack);
    this.first = undefined;
  }

  /** `unavailable` means that the connection went: the next one asks again. */
  private onFailed(error: ClientError): void {
    if (error.code === 'unavailable') return;
    this.isOn = false;
    this.first?.failed(error);
    this.first = undefined;
  }

  /** The client has ended. */
  end(error: ClientError): void {
    this.isOn = false;
    this.first?.failed(error);
    this.first = undefined;
  }
}
