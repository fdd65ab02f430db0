/**
 * A delivery that is not simply the next one: what is wrong with it, if anything? With numbers of the target's own the
 * place is known; without them it is looked for in the order.
 */
import type { Checker } from './checker.js';
import type { Cursor } from './cursor.js';
import { hole, keyOf, refOfKey, senderOfKey } from './order.js';

export interface Delivery {
  readonly sender: number;
  readonly ref: number;
  readonly seq: number | undefined;
  /** It was sent, and to this room. */
  readonly isKnown: boolean;
  /** Its text is the one that was sent. */
  readonly isSame: boolean;
}

/** @returns when it was due; NaN when that is not known. */
export function judge(checker: Checker, cursor: Cursor, delivery: Delivery): number {
  const { sender, ref, seq, isKnown, isSame } = delivery;
  const { room } = cursor;
  if (!isSame) {
    const what = isKnown
      ? `message ${ref} of client ${sender} with another text`
      : 'a message nobody had sent';
    checker.fault('foreign', `room ${room.index} was shown ${what}`);
  }
  if (!isKnown) return Number.NaN;
  if (seq === undefined) placeByKey(checker, cursor, delivery);
  else placeBySeq(checker, cursor, delivery, seq);
  return checker.windows[sender]?.dueOf(ref) ?? Number.NaN;
}

function placeBySeq(checker: Checker, cursor: Cursor, { sender, ref }: Delivery, seq: number): void {
  const { room } = cursor;
  const { order } = room;
  order.seqBase ??= seq - order.end;
  const place = seq - order.seqBase;
  const key = keyOf(sender, ref);
  const due = checker.windows[sender]?.dueOf(ref) ?? Number.NaN;
  const name = `message ${ref} of client ${sender} in room ${room.index}`;
  if (place < 0) return placeStray(checker, cursor, key, name);
  const wasShown = checker.isShown(sender, ref);
  if (place >= order.end) {
    if (wasShown) checker.fault('duplicates', `${name}, again as number ${seq}`);
    while (order.end < place) order.push(hole, Number.NaN);
    order.push(key, due);
    if (!wasShown) checker.show(room, sender, ref);
    cursor.skipTo(place);
    return;
  }
  const isPast = place < cursor.at;
  const there = isPast ? cursor.missing.get(place) : order.keyAt(place);
  if (there === undefined) return checker.fault('duplicates', name);
  if (isPast) cursor.missing.delete(place);
  else cursor.skipTo(place);
  const known = there === hole ? (order.filled.get(place) ?? hole) : there;
  if (known === hole) {
    order.fill(place, key, due);
    if (wasShown) checker.fault('duplicates', `${name}, again as number ${seq}`);
    else checker.show(room, sender, ref);
  } else if (known !== key) {
    checker.fault('disordered', `${name} came as number ${seq}, which another has elsewhere`);
    return;
  }
  if (isPast && !cursor.isExcused(place)) checker.fault('disordered', `${name} came late`);
}

function placeByKey(checker: Checker, cursor: Cursor, { sender, ref }: Delivery): void {
  const { room } = cursor;
  const { order, strays } = room;
  const key = keyOf(sender, ref);
  const name = `message ${ref} of client ${sender} in room ${room.index}`;
  const isNew = !checker.isShown(sender, ref);
  if (cursor.early.has(key)) return checker.fault('duplicates', name);
  if (isNew || strays.has(key)) {
    if (cursor.at < order.end) return placeStray(checker, cursor, key, name);
    // Nothing else is due to this one: that is the place.
    const due = strays.get(key) ?? checker.windows[sender]?.dueOf(ref) ?? Number.NaN;
    strays.delete(key);
    order.push(key, due);
    if (isNew) checker.show(room, sender, ref);
    cursor.at++;
    return;
  }
  const place = order.find(key, cursor.at);
  if (place >= cursor.at) {
    for (let count = cursor.skipTo(place); count > 0; count--) wrongOrder(checker, cursor);
    return;
  }
  for (const [passed, missing] of cursor.missing) {
    if (missing !== key) continue;
    cursor.missing.delete(passed);
    return checker.fault('disordered', `${name} came late`);
  }
  checker.fault('duplicates', name);
}

/** It has no place in the order yet, or never will. */
function placeStray(checker: Checker, cursor: Cursor, key: number, name: string): void {
  const { room, early } = cursor;
  if (early.has(key)) return checker.fault('duplicates', name);
  if (!room.strays.has(key)) {
    const sender = senderOfKey(key);
    const ref = refOfKey(key);
    room.strays.set(key, checker.windows[sender]?.dueOf(ref) ?? Number.NaN);
    if (checker.isShown(sender, ref)) checker.fault('duplicates', name);
    else checker.show(room, sender, ref);
  }
  early.set(key, cursor.at);
}

function wrongOrder(checker: Checker, { room }: Cursor): void {
  checker.fault(
    'disordered',
    `a message of room ${room.index} came before one that others were shown before it`,
  );
}

/** When all is over: what came early, and was never followed by anything that told why. */
export function finish(checker: Checker, cursor: Cursor): void {
  for (let count = cursor.finish(); count > 0; count--) wrongOrder(checker, cursor);
}
