/**
 * Stands at each shard's door and compares what it says with what is committed at that very moment: an ack that
 * comes a millisecond early is caught even when its commit follows (P1, P5).
 */
import type { ConversationRequest, DurableRequest, ToFront } from '#src/threads/messages.js';
import type { LogEvent } from '#src/wire/events.js';
import type { Violation } from '#test/support/checker.js';
import type { SimDatabase } from '#test/support/sim-database.js';

const mayChangeNothing = new Set<ConversationRequest['kind']>([
  ...(['create', 'join', 'add', 'remove', 'delete', 'react', 'unreact', 'pin', 'unpin'] as const),
  ...(['change', 'role', 'ban', 'unban', 'mute', 'unmute', 'nickname'] as const),
]);

export class Witness {
  readonly violations: Violation[] = [];
  private readonly database: SimDatabase;
  /** Messages whose deletion was acked. */
  private readonly deleted = new Set<string>();
  private readonly watchers = new Map<string, () => void>();

  constructor(database: SimDatabase) {
    this.database = database;
  }

  /** `asked`: the request that an answer is for, if it is one. */
  hear(message: ToFront, asked: ConversationRequest | undefined): void {
    switch (message.kind) {
      case 'err':
        if (message.stored === false && asked !== undefined && 'id' in asked) this.onRefused(asked);
        return;
      case 'ack':
        return this.onAck(message, asked);
      case 'publish':
        for (const event of message.events) this.checkEvent(event, 'published');
        return;
      case 'subscribed':
        if (message.backlog.kind === 'events') {
          for (const event of message.backlog.events) this.checkEvent(event, 'in a backlog');
        }
        if (message.head > this.database.headOf(message.conv)) {
          this.blame('P5', `${message.conv} is said to stand at ${message.head}, beyond what is committed`);
        }
        return;
      default:
        return;
    }
  }

  /** Runs once, when a shard first says that the operation of this id is refused for good. */
  whenRefused(id: string, run: () => void): void {
    this.watchers.set(id, run);
  }

  private onRefused({ user, conv, id }: DurableRequest): void {
    this.watchers.get(id)?.();
    this.watchers.delete(id);
    const row = this.database.byId.get(id);
    if (row?.conv === conv && row.from === user)
      this.blame('P7', `${id} is said not to be stored, and it is`);
  }

  private onAck(ack: Extract<ToFront, { kind: 'ack' }>, asked: ConversationRequest | undefined): void {
    for (const event of ack.events ?? []) this.checkEvent(event, 'in a page');
    if (asked?.kind === 'read') return this.checkMark(ack, asked);
    if (asked?.kind === 'delete') this.deleted.add(asked.message);
    if (ack.id === undefined) return;
    const row = this.database.byId.get(ack.id);
    if (row?.seq === ack.seq && row?.conv === ack.conv) return;
    const unchanged = asked !== undefined && 'user' in asked && mayChangeNothing.has(asked.kind);
    const isOwn = unchanged && row?.conv === asked.conv && row.from === asked.user;
    if (unchanged && !isOwn && (ack.seq ?? 0) <= this.database.headOf(asked.conv)) return;
    this.blame(
      'P1',
      `${ack.id} was acked with seq ${ack.seq} and is ${row === undefined ? 'not committed' : `committed as ${row.seq}`}`,
    );
  }

  /** A mark's ack waits until it is stored (L14). */
  private checkMark(
    ack: Extract<ToFront, { kind: 'ack' }>,
    asked: Extract<ConversationRequest, { kind: 'read' }>,
  ): void {
    const mark = this.database.markOf(asked.conv, asked.user);
    const upTo = Math.min(asked.seq, ack.seq ?? 0);
    const [event] = this.database.read({
      conv: asked.conv,
      after: upTo - 1,
      before: upTo + 1,
      limit: 1,
      last: false,
    });
    if (mark === undefined || event === undefined || mark >= event.number) return;
    this.blame('L14', `a read of ${asked.conv} up to ${upTo} was acked, the mark is ${mark}`);
  }

  private checkEvent(event: LogEvent, where: string): void {
    this.checkContents(event, where);
    const row = this.database.byId.get(event.id);
    if (row !== undefined && row.seq === event.seq && row.conv === event.conv && row.number === event.number)
      return;
    this.blame('P5', `${event.conv} seq ${event.seq} (${event.id}) was ${where} and is not committed so`);
  }

  /** What was deleted is told no more, from the ack on (C2). */
  private checkContents(event: LogEvent, where: string): void {
    const message = event.ev === 'message.edit' ? event.message : event.id;
    const isTold = (event.ev === 'message.new' || event.ev === 'message.edit') && event.text !== '';
    if (isTold && this.deleted.has(message))
      this.blame(
        'C2',
        `what ${message} said (${event.ev} ${event.seq}) was ${where} after its deletion was acked`,
      );
  }

  private blame(rule: string, message: string): void {
    this.violations.push({ rule, message });
  }
}
