/** What is counted and timed while a crowd plays: by the second, and over the measured time. */
import type { Second } from '../contract.js';
import type { Cursor } from './cursor.js';
import { Latencies } from './latencies.js';

/**
 * Deliveries of a room whose latency is recorded are those of so many of its listeners, evenly chosen: a message shown
 * to thousands says the same about time as one shown to sixteen.
 */
const sampledListenersMax = 16;

export class Meters {
  /** Of this second. */
  sent = 0;
  refused = 0;
  private ackedNow = 0;
  private deliveredNow = 0;
  private readonly secondAck = new Latencies();
  private readonly secondDelivery = new Latencies();
  /** Of messages that were due in the measured time, whenever they were answered or shown. */
  readonly ack = new Latencies();
  readonly delivery = new Latencies();
  /** How late the generator itself was: from when a message was due to when it was written. */
  readonly lateness = new Latencies();
  /** In the measured time. */
  ackedMeasured = 0;
  deliveredMeasured = 0;
  private measuredFrom = Number.POSITIVE_INFINITY;
  private measuredTo = Number.POSITIVE_INFINITY;

  /** Marks whose latencies count, once all listeners are known. */
  static sample(cursors: readonly Cursor[]): void {
    const stride = Math.ceil(cursors.length / sampledListenersMax);
    for (const [index, cursor] of cursors.entries()) cursor.isSampled = index % stride === 0;
  }

  beginMeasuring(now: number): void {
    this.measuredFrom = now;
  }

  endMeasuring(now: number): void {
    this.measuredTo = now;
  }

  isMeasured(at: number): boolean {
    return at >= this.measuredFrom && at < this.measuredTo;
  }

  acked(due: number, now: number): void {
    this.ackedNow++;
    this.secondAck.record(now - due);
    if (this.isMeasured(due)) this.ack.record(now - due);
  }

  delivered(cursor: Cursor, due: number, now: number): void {
    this.deliveredNow++;
    if (cursor.isSampled && !Number.isNaN(due)) this.recordDelivery(due, now);
  }

  /** `count` messages of the room's order from `place` on. */
  shown(cursor: Cursor, place: number, count: number, now: number): void {
    this.deliveredNow += count;
    if (!cursor.isSampled) return;
    const { order } = cursor.room;
    for (let at = place; at < place + count; at++) this.recordDelivery(order.dueAt(at), now);
  }

  private recordDelivery(due: number, now: number): void {
    this.secondDelivery.record(now - due);
    if (this.isMeasured(due)) this.delivery.record(now - due);
  }

  /** One that was never answered took at least until now. */
  gaveUp(due: number, now: number): void {
    if (this.isMeasured(due)) this.ack.record(now - due);
  }

  /** Ends a second. @param isMeasured it belongs to the measured time */
  second(at: number, isMeasured: boolean): Second {
    const { sent, ackedNow: acked, refused, deliveredNow: delivered } = this;
    if (isMeasured) {
      this.ackedMeasured += acked;
      this.deliveredMeasured += delivered;
    }
    const second: Second = {
      ...{ at, sent, acked, refused, delivered },
      ...percentiles('ack', this.secondAck),
      ...percentiles('delivery', this.secondDelivery),
    };
    this.sent = 0;
    this.ackedNow = 0;
    this.refused = 0;
    this.deliveredNow = 0;
    this.secondAck.reset();
    this.secondDelivery.reset();
    return second;
  }
}

function percentiles(name: 'ack' | 'delivery', latencies: Latencies): Partial<Second> {
  if (latencies.count === 0) return {};
  return { [`${name}P50`]: latencies.at(50), [`${name}P99`]: latencies.at(99) };
}
