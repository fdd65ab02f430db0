/** One of a room where everybody types, is away and back, reads, and watches others. */
import type { Operation } from '#src/wire/operations.js';
import { refOfKey } from '../../order.js';
import { type Client, openClient } from '../client.js';
import { type Sightings, sharedNow } from '../sightings.js';
import type { PresenceTask } from '../tasks.js';

const subscribeRef = 1;
const watchRef = 2;
const changeRef = 3;
const readRef = 4;
const detailsMax = 5;

/** Of one process's people. */
export interface Counts {
  typingSent: number;
  changesSent: number;
  readsSent: number;
  typingShown: number;
  updatesShown: number;
  receiptsShown: number;
  refused: number;
  /** Connections that ended, gaps that were told, and events that did not follow the one before. */
  lost: number;
  /** The first few of what is wrong. */
  readonly details: string[];
  /** Of the messages of now. */
  sightings: Sightings;
}

export class Roommate {
  bytesBefore = 0;
  private readonly conv: string;
  private readonly counts: Counts;
  private client: Client | undefined;
  /** The seq of the last event it was shown; where the room stood when it came. */
  private live = 0;
  private isAway = false;
  private turns = 0;
  /** The seq of the first message it was shown. */
  private firstSeq = 0;

  constructor(conv: string, counts: Counts) {
    this.conv = conv;
    this.counts = counts;
  }

  get bytesIn(): number {
    return this.client?.bytesIn ?? 0;
  }

  /** Resolves when it hears the room and watches those behind it. */
  async enter(task: PresenceTask, index: number): Promise<void> {
    const { conv, counts } = this;
    let isReady = (): void => {};
    const ready = new Promise<void>((resolve) => {
      isReady = resolve;
    });
    const client = await openClient({
      ...{ address: task.address, codec: task.codec, token: task.people[index]?.token ?? '' },
      cares: {
        ack: (ref, _seq, head) => {
          if (ref === subscribeRef) this.live = head ?? 0;
          else if (ref === watchRef) isReady();
        },
        refused: (ref, code) => {
          counts.refused += 1;
          if (counts.details.length < detailsMax) counts.details.push(`ref ${ref} was refused: ${code}`);
          isReady();
        },
        event: (_conv, seq, mark) => this.onEvent(seq, mark),
        gap: () => {
          counts.lost += 1;
        },
        typing: () => {
          counts.typingShown += 1;
        },
        presence: () => {
          counts.updatesShown += 1;
        },
        receipts: () => {
          counts.receiptsShown += 1;
        },
      },
      ended: () => {
        counts.lost += 1;
      },
    });
    this.client = client;
    client.post([
      { op: 'subscribe', ref: subscribeRef, conv },
      { op: 'presence.watch', ref: watchRef, users: watchedBy(task, index) },
    ]);
    await ready;
  }

  post(operations: readonly Operation[]): void {
    this.client?.post(operations);
  }

  /** It types, and every other time is away or back and has read the next message. */
  act(): void {
    const { conv, counts } = this;
    const operations: Operation[] = [{ op: 'typing.start', conv }];
    counts.typingSent += 1;
    if (this.turns % 2 === 0) {
      this.isAway = !this.isAway;
      operations.push({ op: 'presence.set', ref: changeRef, status: this.isAway ? 'away' : 'online' });
      counts.changesSent += 1;
      const seq = this.firstSeq + this.turns / 2;
      if (this.firstSeq > 0 && seq <= this.live) {
        operations.push({ op: 'read', ref: readRef, conv, seq });
        counts.readsSent += 1;
      }
    }
    this.turns += 1;
    this.post(operations);
  }

  cut(): void {
    this.client?.socket.cut();
  }

  private onEvent(seq: number, mark: number | undefined): void {
    const { counts } = this;
    if (seq !== this.live + 1) counts.lost += 1;
    this.live = seq;
    if (mark === undefined || mark < 0) return;
    if (this.firstSeq === 0) this.firstSeq = seq;
    const { clients, lastAt } = counts.sightings;
    const number = refOfKey(mark);
    clients[number] = (clients[number] ?? 0) + 1;
    lastAt[number] = sharedNow();
  }
}

function watchedBy({ people, watchedEach }: PresenceTask, index: number): string[] {
  const { length } = people;
  return Array.from(
    { length: Math.min(watchedEach, length - 1) },
    (_, other) => people[(index + 1 + other) % length]?.user ?? '',
  );
}
