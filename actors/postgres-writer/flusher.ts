/**
 * Brings heads and read marks to their side tables: at most once a second, one flush in flight, off the ack path.
 * A mark's request is answered once it is in Postgres.
 */
import type { ActorContext } from '#src/runtime/actor.js';
import type { MarkMove, Progress } from '#src/storage/ports.js';
import type { LogEvent } from '#src/wire/events.js';
import type { WriterMessage } from '../messages.js';
import type { WriterPorts } from './ports.js';
import { DirtyProgress } from './progress.js';

/** How long a head or a mark may wait, in milliseconds. */
const flushEveryMs = 500;

type MarkRequest = Extract<WriterMessage, { kind: 'mark' }>;

const moves: Readonly<Record<MarkRequest['what'], (number: number) => MarkMove>> = {
  read: (mark) => ({ mark }),
  delivered: (delivered) => ({ mark: 0, delivered }),
  unread: (low) => ({ mark: 0, low }),
  quiet: (quiet) => ({ mark: 0, quiet }),
};

export class Flusher {
  private readonly dirty = new DirtyProgress();
  private readonly context: ActorContext<WriterMessage>;
  private readonly ports: WriterPorts;
  private batch = 0;
  private inFlight:
    | { progress: Progress; marks: MarkRequest[]; callers: Array<(flushed: boolean) => void> }
    | undefined;
  private marks: MarkRequest[] = [];
  private callers: Array<(flushed: boolean) => void> = [];
  private isDue = false;

  constructor(context: ActorContext<WriterMessage>, ports: WriterPorts) {
    this.context = context;
    this.ports = ports;
  }

  get isIdle(): boolean {
    return this.dirty.isEmpty && this.inFlight === undefined;
  }

  /** What a batch brought to one conversation. */
  onCommitted(conv: string, events: readonly LogEvent[], batch: number): void {
    this.batch = batch;
    this.dirty.onCommitted(conv, events);
    this.schedule();
  }

  mark(mark: MarkRequest): void {
    const { conv, user, number, what } = mark;
    this.dirty.mark({ conv, user, ...moves[what](number) });
    this.marks.push(mark);
    this.schedule();
  }

  /** Calls `done` once everything up to now is written, or false when it failed. */
  flush(done: (flushed: boolean) => void): void {
    if (this.isIdle) {
      done(true);
      return;
    }
    this.callers.push(done);
    this.start();
  }

  onDue(): void {
    this.isDue = false;
    this.start();
  }

  onDone(result: { kind: 'flushed' } | { kind: 'failed'; message: string }): void {
    const flight = this.inFlight;
    if (flight === undefined) return;
    this.inFlight = undefined;
    const flushed = result.kind === 'flushed';
    if (!flushed) this.dirty.restore(flight.progress);
    for (const { request, conv, user, seq, number, what } of flight.marks) {
      if (flushed) {
        this.ports.answer({ kind: 'ack', request, conv, seq });
        if (what === 'read' || what === 'delivered')
          this.ports.tellConversation(conv, {
            kind: 'receipts',
            step: { name: 'marked', user, number, what },
          });
      } else {
        const message = 'The mark could not be stored now.';
        this.ports.answer({ kind: 'err', request, code: 'unavailable', message, retryMs: 1000 });
      }
    }
    for (const caller of flight.callers) caller(flushed);
    if (this.callers.length > 0) this.start();
    else if (!this.dirty.isEmpty) this.schedule();
  }

  private schedule(): void {
    if (this.isDue || this.inFlight !== undefined) return;
    this.isDue = true;
    this.ports.timers.after(flushEveryMs, () => this.context.tellSelf({ kind: 'flush due' }));
  }

  private start(): void {
    if (this.inFlight !== undefined) return;
    if (this.dirty.isEmpty) {
      for (const caller of this.callers.splice(0)) caller(true);
      return;
    }
    const progress = this.dirty.take(this.batch);
    this.inFlight = { progress, marks: this.marks.splice(0), callers: this.callers.splice(0) };
    this.ports.store.flush(progress, (result) => this.context.tellSelf({ kind: 'flush done', result }));
  }
}
