/**
 * How far members have read, for the others: told at most once a second in one event, and only while the conversation is
 * small (U5). What does not fit its share of the budget (E8) waits for the next second, each member once. Who has
 * switched receipts off neither shows nor sees it (U6).
 */
import type { ReceiptStep } from '../messages.js';
import type { ConversationContext, ConversationPorts } from './ports.js';
import type { ConversationState } from './state.js';

const tellEveryMs = 1_000;

export class Receipts {
  private readonly context: ConversationContext;
  private readonly ports: ConversationPorts;
  private readonly state: ConversationState;
  /** `[read, delivered]` by user, not told yet, those that wait the longest in front. */
  private marks = new Map<string, [number, number]>();
  private isDue = false;
  private toldAt = Number.NEGATIVE_INFINITY;

  constructor(context: ConversationContext, ports: ConversationPorts, state: ConversationState) {
    this.context = context;
    this.ports = ports;
    this.state = state;
  }

  receive({ step }: { readonly step: ReceiptStep }): void {
    switch (step.name) {
      case 'marked':
        return this.onMarked(step);
      case 'due':
        return this.onDue();
      case 'asked':
        return this.tell(step.without);
    }
  }

  private get isLarge(): boolean {
    return this.state.members.size > this.ports.receiptsMembersMax;
  }

  private onMarked({ user, number, what }: Extract<ReceiptStep, { name: 'marked' }>): void {
    if (this.isLarge || this.state.blockers.length > 0 || !this.state.members.has(user)) return;
    const [read, delivered] = this.marks.get(user) ?? [0, 0];
    const isRead = what === 'read';
    this.marks.set(user, [isRead ? Math.max(read, number) : read, Math.max(delivered, number)]);
    this.schedule();
  }

  private schedule(): void {
    if (this.isDue) return;
    this.isDue = true;
    const ms = Math.max(0, this.toldAt + tellEveryMs - this.ports.clock.now());
    this.ports.timers.after(ms, () => this.context.tellSelf({ kind: 'receipts', step: { name: 'due' } }));
  }

  private onDue(): void {
    this.ports.store.withoutReceipts([...this.state.members.keys()], (result) =>
      this.context.tellSelf({
        kind: 'receipts',
        step: { name: 'asked', without: result.kind === 'asked' ? result.users : undefined },
      }),
    );
  }

  /** Without knowing who wants none of it nobody is told: it can be asked. */
  private tell(without: readonly string[] | undefined): void {
    const { marks } = this;
    const now = this.ports.clock.now();
    this.marks = new Map();
    this.isDue = false;
    this.toldAt = now;
    if (without === undefined || this.isLarge || this.state.blockers.length > 0) return;
    const silent = new Set(without);
    const all = [...marks].filter(([user]) => this.state.members.has(user) && !silent.has(user));
    const shown = all.slice(0, this.ports.receiptMarksMax);
    if (shown.length === 0) return;
    if (shown.length < all.length) {
      this.marks = new Map(all.slice(shown.length));
      this.schedule();
    }
    const to = [...this.state.members.keys()].filter((user) => !silent.has(user));
    const conv = this.context.id;
    const event = {
      ev: 'read.update' as const,
      conv,
      marks: shown.map(([user, [read, delivered]]): [string, number, number] => [user, read, delivered]),
    };
    this.ports.publisher.ephemeral(conv, event, now, to);
  }
}
