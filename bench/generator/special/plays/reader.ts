/** One connection that reads pages of history and looks at each: dense, full, of this room, with the texts written. */
import type { Operation } from '#src/wire/operations.js';
import { keyOf } from '../../order.js';
import { type Client, openClient } from '../client.js';
import type { HistoryTask } from '../tasks.js';

export interface Page {
  readonly room: number;
  /** The events just before this seq; the newest when absent. */
  readonly before?: number;
}

export type Reading =
  | { readonly kind: 'right'; readonly events: number }
  | { readonly kind: 'wrong'; readonly why: string }
  | { readonly kind: 'refused'; readonly code: string };

interface Waiting {
  readonly page: Page;
  readonly resolve: (reading: Reading) => void;
  readonly reject: (error: Error) => void;
}

/** One event of the page that is being taken in. */
interface Seen {
  readonly conv: string;
  readonly seq: number;
  readonly mark: number | undefined;
}

export class Reader {
  private readonly task: HistoryTask;
  private readonly waiting = new Map<number, Waiting>();
  private client: Client | undefined;
  private ref = 0;
  private seen: Seen[] = [];
  private end: Error | undefined;

  constructor(task: HistoryTask) {
    this.task = task;
  }

  async open(token: string): Promise<void> {
    const { address, codec } = this.task;
    this.client = await openClient({
      ...{ address, codec, token },
      cares: {
        event: (conv, seq, mark) => void this.seen.push({ conv, seq, mark }),
        ack: (ref) => this.onPage(ref),
        refused: (ref, code) => this.settle(ref, { kind: 'refused', code }),
      },
      ended: (why) => {
        this.end = new Error(why);
        for (const { reject } of this.waiting.values()) reject(this.end);
        this.waiting.clear();
      },
    });
  }

  get bytesIn(): number {
    return this.client?.bytesIn ?? 0;
  }

  close(): void {
    this.client?.socket.cut();
  }

  read(page: Page): Promise<Reading> {
    return new Promise((resolve, reject) => {
      if (this.end !== undefined) return reject(this.end);
      const ref = ++this.ref;
      this.waiting.set(ref, { page, resolve, reject });
      const { room, before } = page;
      const place = before === undefined ? {} : { before };
      const conv = this.task.rooms[room] ?? '';
      const limit = this.task.pageEvents;
      this.client?.post([{ op: 'history', ref, conv, ...place, limit } satisfies Operation]);
    });
  }

  private onPage(ref: number): void {
    const seen = this.seen;
    this.seen = [];
    const page = this.waiting.get(ref)?.page;
    if (page === undefined) return;
    const why = faultOf(this.task, page, seen);
    this.settle(ref, why === undefined ? { kind: 'right', events: seen.length } : { kind: 'wrong', why });
  }

  private settle(ref: number | undefined, reading: Reading): void {
    if (ref === undefined) return;
    this.waiting.get(ref)?.resolve(reading);
    this.waiting.delete(ref);
  }
}

type Filled = Pick<HistoryTask, 'rooms' | 'firstSeq' | 'lastSeq' | 'pageEvents'>;

/** What is wrong with a page, or undefined. */
export function faultOf(
  { rooms, firstSeq, lastSeq, pageEvents }: Filled,
  { room, before = lastSeq + 1 }: Page,
  seen: readonly Seen[],
): string | undefined {
  const start = Math.max(1, before - pageEvents);
  if (seen.length !== before - start)
    return `room ${room} before ${before}: ${seen.length} events instead of ${before - start}`;
  for (const [index, { conv, seq, mark }] of seen.entries()) {
    if (conv !== rooms[room]) return `room ${room} before ${before}: an event of ${conv}`;
    if (seq !== start + index) return `room ${room} before ${before}: seq ${seq} instead of ${start + index}`;
    if (seq >= firstSeq && mark !== keyOf(room, seq - firstSeq))
      return `room ${room} seq ${seq}: another text than was written`;
  }
  return undefined;
}
