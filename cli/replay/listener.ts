/**
 * Who listens in one room, and all they hear in the order of its arrival. Live events come by themselves; when the
 * server tells a gap, what is missing is pulled first and what arrives meanwhile waits (P6).
 */
import type { ControlEvent, LogEvent } from '#src/wire/events.js';
import { wireLimits } from '#src/wire/limits.js';
import type { SeenEvent } from './check.js';
import type { HeardEvent } from './connection.js';
import { ReplayFailure } from './failure.js';
import { type Askable, persist, type Retries } from './persist.js';

/** Of a connection, what a listener needs. */
export interface ListenerConnection extends Askable {
  onEvent: ((event: HeardEvent) => void) | undefined;
  onLost: ((failure: Error) => void) | undefined;
}

type Gap = ControlEvent<'gap'>;

export class Listener {
  readonly seen: SeenEvent[] = [];
  gaps = 0;
  /** Of the last event, as performance.now() counts. */
  lastAt = 0;
  private readonly connection: ListenerConnection;
  private readonly conv: string;
  private readonly retries: Retries;
  /** What arrived while a gap is closed, in its order. */
  private held: Array<LogEvent | Gap> | undefined;
  private awaited: { readonly seq: number; readonly resolve: () => void } | undefined;

  constructor(connection: ListenerConnection, conv: string, retries: Retries) {
    this.connection = connection;
    this.conv = conv;
    this.retries = retries;
    connection.onEvent = (event) => this.onEvent(event);
  }

  /** From the beginning of the room, so that every seq is heard. */
  async subscribe(): Promise<void> {
    const { conv } = this;
    await persist(this.connection, { op: 'subscribe', conv, have: 0 }, () => 'A subscription', this.retries);
  }

  get lastSeq(): number {
    return this.seen.at(-1)?.seq ?? 0;
  }

  /** Resolved when an event with this seq, or a later one, has arrived. */
  heard(seq: number): Promise<void> {
    if (this.lastSeq >= seq) return Promise.resolve();
    return new Promise((resolve) => {
      this.awaited = { seq, resolve };
    });
  }

  private onEvent(event: HeardEvent): void {
    switch (event.ev) {
      case 'gap':
        this.gaps += 1;
        if (this.held !== undefined) this.held.push(event);
        else void this.close(event);
        return;
      case 'unsubscribed':
        this.connection.onLost?.(new ReplayFailure(`A listener was taken out of its room ${this.conv}.`));
        return;
      case 'resumed':
      case 'typing.start':
      case 'typing.stop':
      case 'conversation.update':
      case 'read.update':
      case 'presence.update':
      case 'resync':
      case 'block.update':
      case 'quiet.update':
        return;
      default:
        if (this.held === undefined) this.take(event);
        else this.held.push(event);
    }
  }

  private take(event: LogEvent): void {
    const { seq, id, from } = event;
    const isMessage = event.ev === 'message.new';
    this.seen.push({
      ...{ seq, id, from, kind: event.ev },
      text: isMessage ? event.text : '',
      isAction: isMessage && event.metadata?.action === true,
    });
    this.lastAt = performance.now();
    if (this.awaited === undefined || seq < this.awaited.seq) return;
    this.awaited.resolve();
    this.awaited = undefined;
  }

  private async close(gap: Gap): Promise<void> {
    const held: Array<LogEvent | Gap> = [gap];
    this.held = held;
    try {
      for (let next = held.shift(); next !== undefined; next = held.shift()) {
        if (next.ev === 'gap') await this.pull(next);
        else this.take(next);
      }
    } catch (error) {
      this.connection.onLost?.(error instanceof Error ? error : new Error(String(error)));
    }
    this.held = undefined;
  }

  private async pull({ have, head }: Gap): Promise<void> {
    for (let after = have; after < head; ) {
      const ask = { op: 'history', conv: this.conv, after, limit: wireLimits.historyEventsMax } as const;
      const { events = [] } = await persist(this.connection, ask, () => 'A page of history', this.retries);
      if (events.length === 0) throw new ReplayFailure(`History ends at ${after} of ${head}.`);
      for (const event of events) if (event.seq <= head) this.take(event);
      after = events.at(-1)?.seq ?? head;
    }
  }
}
