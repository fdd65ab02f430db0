/**
 * A conversation that is open: what is shown of it, kept up to date by a subscription, and more of it on demand. After
 * a while away it takes up where it was; when too much has happened it begins anew with the last page.
 */
import type { UnknownEvent } from '#src/wire/codec.js';
import type { Ack, LogEvent } from '#src/wire/events.js';
import { wireLimits } from '#src/wire/limits.js';
import { ConversationModel, type Page } from './model/conversation-model.js';
import type { ShownMessage } from './model/message.js';
import type { Feed } from './subscriptions.js';

export interface OpenOptions {
  /** Events of a page, at most 100. */
  readonly pageEvents?: number;
  /** When more events than this were missed, it begins anew with the last page instead of pulling all of them. */
  readonly catchUpMax?: number;
  /** Something is shown otherwise now. Called once for all that one turn brought, at first before `open` has resolved. */
  readonly onChange?: (conversation: Conversation) => void;
}

interface Host {
  readonly user: string;
  readonly options: OpenOptions;
  /** Later in this turn of the event loop, or soon after. */
  soon(run: () => void): void;
  history(asked: Page['asked'] & { readonly limit: number }): Promise<Ack>;
  unsubscribe(): void;
}

const catchUpMaxDefault = 2000;

export class Conversation implements Feed {
  readonly conv: string;
  /** What is known of it, in full. */
  readonly model: ConversationModel;
  readonly catchUpMax: number;
  private readonly host: Host;
  private readonly pageEvents: number;
  private state: 'open' | 'closed' = 'open';
  /** Counts the beginnings: pages that were asked for before the last one are of no use. */
  private beginnings = 0;
  private isTelling = false;
  private isLookingForParents = false;
  /** Replies whose parents were asked for. */
  private readonly looked = new Set<number>();
  /** The first page after the last beginning. */
  private firstPage: Promise<void> = Promise.resolve();

  constructor(conv: string, host: Host) {
    this.conv = conv;
    this.host = host;
    const { pageEvents = wireLimits.historyEventsMax, catchUpMax = catchUpMaxDefault } = host.options;
    this.pageEvents = pageEvents;
    this.catchUpMax = catchUpMax;
    this.model = new ConversationModel({ conv, user: host.user });
  }

  /** The messages that were loaded, in order, each as it is now. */
  get messages(): readonly ShownMessage[] {
    return this.model.messages;
  }

  /** false: the client or the application has ended it, or the user is no member any more. What is shown stays. */
  get isOpen(): boolean {
    return this.state === 'open';
  }

  /** All from the first event on is here. */
  get isAtBeginning(): boolean {
    return this.model.have === 0 || this.model.loaded[0]?.[0] === 1;
  }

  /** Resolves when the first page is here, also after it began anew. */
  get ready(): Promise<void> {
    return this.firstPage;
  }

  /** Loads the page before what is here. false: there is none. */
  async earlier(): Promise<boolean> {
    await this.settled();
    const [first] = this.model.loaded;
    if (this.isAtBeginning) return false;
    await this.load({ before: first?.[0] ?? this.model.have + 1 });
    return true;
  }

  /** Loads what is around a seq: where a link or a reply leads. */
  async around(seq: number): Promise<void> {
    await this.settled();
    await this.load({ around: seq });
  }

  /** Loads the page after this seq, when it is not here: after `around` has left a hole before the newest. */
  async later(seq: number): Promise<void> {
    await this.settled();
    if (seq < this.model.have) await this.load({ after: seq });
  }

  /** Ends it, with its subscription. */
  close(): void {
    if (this.state === 'closed') return;
    this.host.unsubscribe();
    this.onEnd();
  }

  onBegin(have: number): void {
    this.beginnings += 1;
    this.looked.clear();
    this.model.begin(have);
    this.firstPage = this.load({ before: have + 1 });
    // Whoever waits for it is told; nobody need.
    this.firstPage.catch(() => {});
    this.changed();
  }

  onEvent(event: LogEvent | UnknownEvent): void {
    this.model.apply(event);
    this.changed();
  }

  onEnd(): void {
    this.state = 'closed';
    this.changed();
  }

  /** The first page is here, or could not be read: then another one can be asked for. */
  private async settled(): Promise<void> {
    await this.firstPage.catch(() => {});
  }

  private async load(asked: Page['asked'], limit = this.pageEvents): Promise<void> {
    const { beginnings } = this;
    for (;;) {
      const ack = await this.host.history({ ...asked, limit });
      if (beginnings !== this.beginnings || !this.isOpen) return;
      if (this.model.applyPage({ events: ack.events ?? [], head: ack.head ?? 0, asked })) break;
    }
    this.changed();
  }

  /** One call for many changes, and parents of replies that came without. */
  private changed(): void {
    if (this.isTelling) return;
    this.isTelling = true;
    this.host.soon(() => {
      this.isTelling = false;
      void this.lookForParents();
      this.host.options.onChange?.(this);
    });
  }

  /** A reply that came live says only the id of what it replies to; a page tells the rest. */
  private async lookForParents(): Promise<void> {
    if (this.isLookingForParents) return;
    this.isLookingForParents = true;
    try {
      for (let seq = this.nextBare(); seq !== undefined && this.isOpen; seq = this.nextBare()) {
        this.looked.add(seq);
        await this.load({ after: seq - 1 }, 1);
      }
    } catch {
      // The client has ended, or the user may not read it any more: it is shown without.
    } finally {
      this.isLookingForParents = false;
    }
  }

  private nextBare(): number | undefined {
    return this.model.repliesWithoutParent.find((seq) => !this.looked.has(seq));
  }
}
