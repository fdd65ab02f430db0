/** Pages on their way from a tier to who asked, and to the tiers that lack them, while messages are deleted. */
import { expect, test } from 'vitest';
import { nothing } from '#src/storage/facts.js';
import type { ToFront } from '#src/threads/messages.js';
import type { LogEvent } from '#src/wire/events.js';
import { type Bench, conv, createActive, fresh, now, snapshotOf } from '../support/conversation-bench.js';

/** A page of old messages, of which one is deleted by `erase`. */
function oldPage(bench: Bench, ask: (bench: Bench) => void) {
  const said = (seq: number): LogEvent => ({
    ...{ ev: 'message.new', conv, seq, number: seq - 1, id: fresh(), from: 'mia', at: now },
    text: `secret ${seq}`,
  });
  const events = Array.from({ length: 10 }, (_, index) => said(991 + index));
  const gone = events[4] as LogEvent<'message.new'>;
  const kept: Array<readonly LogEvent[]> = [];
  ask(bench);
  bench.reads.shift()?.done({ kind: 'events', events, keep: (page) => void kept.push(page) });
  const erase = () => {
    const { id: message, seq: messageSeq, number: messageNumber, from: author, at: sentAt } = gone;
    const about = { message, messageSeq, messageNumber, author, sentAt };
    const place = { conv, seq: 1001, number: 1000, id: fresh(), from: 'mia', at: now };
    // Ahead of whatever is in the mailbox.
    bench.actor.receive({ kind: 'committed', events: [{ ev: 'message.delete', ...place, ...about }] });
    bench.turn();
  };
  const textsOf = (page: readonly LogEvent[] | undefined) =>
    page?.flatMap((event) => (event.ev === 'message.new' ? [event.text] : []));
  const expected = events.map((event) => (event === gone ? '' : `secret ${event.seq}`));
  return { kept, gone, erase, textsOf, expected };
}

/** One whose messages were changed before, and that remembers nothing of them. */
const changedOnce = () =>
  snapshotOf({ head: { seq: 1000, number: 999 }, standing: { ...nothing, isChanged: true }, recent: [] });
const history = (bench: Bench) =>
  bench.turn({ kind: 'history', request: 256, user: 'mia', conv, before: 1001, limit: 10 });

test('T11 a page gets into faster tiers, and to who asked, without what the store says was deleted', () => {
  const bench = createActive({}, changedOnce());
  const { kept, gone, textsOf, expected } = oldPage(bench, history);
  expect(kept).toEqual([]);
  const state = { version: 1000, deletedAt: now };
  bench.changes.shift()?.done({ kind: 'changed', messages: [{ message: gone.id, state }] });
  expect(kept.map(textsOf)).toEqual([expected]);
  expect(textsOf((bench.posts.at(-1) as { events?: LogEvent[] }).events)).toEqual(expected);
});

test('T11 what is deleted while a page is on its way is neither told nor kept', () => {
  const bench = createActive({}, changedOnce());
  const { kept, erase, textsOf, expected } = oldPage(bench, history);
  erase();
  bench.changes.shift()?.done({ kind: 'changed', messages: [] });
  expect(kept.map(textsOf)).toEqual([expected]);
  expect(textsOf((bench.posts.at(-1) as { events?: LogEvent[] }).events)).toEqual(expected);
});

test('T11 what is deleted before the backlog of a subscription is told is not in it', () => {
  const bench = createActive({}, changedOnce());
  const { erase, textsOf, expected } = oldPage(bench, (asked) =>
    asked.turn({ kind: 'subscribe', request: 512, user: 'mia', conv, have: 990 }),
  );
  bench.changes.shift()?.done({ kind: 'changed', messages: [] });
  erase();
  const answer = bench.posts.find((post) => post.kind === 'subscribed') as Extract<
    ToFront,
    { kind: 'subscribed' }
  >;
  expect(answer.backlog.kind === 'events' && textsOf(answer.backlog.events)).toEqual(expected);
});
