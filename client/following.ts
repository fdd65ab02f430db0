/**
 * Following all conversations: asked for on each new connection with the cursor of the last answer, so that what changed
 * meanwhile is told first, page by page, and then whatever happens (W20).
 */
import type { Services, SyncedConversation } from '#src/threads/services.js';
import type { Ack } from '#src/wire/events.js';
import { ClientError } from './errors.js';
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

/** The pages of one answer. */
interface Pages {
  readonly beginning: number;
  /** Of all pages until now. */
  readonly named: Set<string>;
  /** They name all there are; a last page of what came meanwhile does not say so itself. */
  isFull: boolean;
}

export class FollowWish {
  /** Everything up to here was told: of pages it is the last one's, since others alone say nothing of who is missing. */
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
    this.giveUp();
    this.cursor = cursor ?? this.cursor;
    this.isOn = true;
    this.isQuiet = quiet;
    this.first = answers;
    this.ask();
  }

  stop(): void {
    this.isOn = false;
    this.beginnings += 1;
    this.giveUp();
  }

  private giveUp(): void {
    const { first } = this;
    this.first = undefined;
    first?.failed(new ClientError('closed', 'Following ended, or began anew, before all was told.'));
  }

  /** On a new connection. */
  onLive(): void {
    if (this.isOn) this.ask();
  }

  /** Something may have gone by. */
  onResync(): void {
    if (this.isOn) this.askPage(this.begin(), this.cursor);
  }

  private begin(): Pages {
    this.beginnings += 1;
    return { beginning: this.beginnings, named: new Set(), isFull: false };
  }

  private ask(): void {
    const pages = this.begin();
    const { cursor, isQuiet } = this;
    this.outbox.ask(
      {
        op: 'subscribe.all',
        ...(cursor === undefined ? {} : { cursor }),
        ...(isQuiet ? { quiet: true as const } : {}),
      },
      this.answers(pages),
      { survives: false },
    );
  }

  private askPage(pages: Pages, cursor: string | undefined): void {
    const place = cursor === undefined ? {} : { cursor };
    this.outbox.ask({ op: 'sync', ...place }, this.answers(pages), { survives: false });
  }

  private answers(pages: Pages): Answers {
    return {
      acked: (ack) => {
        if (pages.beginning === this.beginnings) this.onPage(ack, pages);
      },
      failed: (error) => {
        if (pages.beginning === this.beginnings) this.onFailed(error);
      },
    };
  }

  private onPage(ack: Ack, pages: Pages): void {
    const { conversations, cursor, more, full } = ack.result as unknown as Page;
    for (const conversation of conversations) {
      pages.named.add(conversation.conv);
      this.listener.onChanged(conversation);
    }
    pages.isFull ||= full;
    if (more) return this.askPage(pages, cursor);
    this.cursor = cursor;
    if (pages.isFull) this.listener.onAll(pages.named);
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
