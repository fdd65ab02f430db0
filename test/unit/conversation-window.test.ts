/** What a conversation knows by itself of a message that it remembers is what the store would say of it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RecentWindow, windowLimits } from '#actors/conversation/window.js';
import { MessageChanges } from '#src/storage/memory/message-changes.js';
import type { LogEvent } from '#src/wire/events.js';

const conv = 'room';
const people = ['mia', 'nils', 'olga'];
const emojis = ['x', 'y'];

/** What happens next, to a message that is so many before the last one. */
const step = fc.record({
  what: fc.constantFrom('say', 'react', 'react', 'unreact', 'edit', 'pin', 'unpin', 'delete'),
  back: fc.nat(12),
  from: fc.constantFrom(...people),
  emoji: fc.constantFrom(...emojis),
});
type Step = typeof step extends fc.Arbitrary<infer Value> ? Value : never;

const idOf = (seq: number) => `id ${seq}`;

function eventOf({ what, back, from, emoji }: Step, seq: number, said: readonly number[]): LogEvent {
  const row = { conv, seq, number: 1, id: idOf(seq), from, at: seq };
  const messageSeq = said.at(-1 - back);
  if (what === 'say' || messageSeq === undefined) return { ...row, ev: 'message.new', text: 'said' };
  const on = { ...row, message: idOf(messageSeq), messageSeq };
  switch (what) {
    case 'react':
      return { ...on, ev: 'reaction.add', emoji };
    case 'unreact':
      return { ...on, ev: 'reaction.remove', emoji };
    case 'edit':
      return { ...on, ev: 'message.edit', text: 'better' };
    case 'delete':
      return { ...on, ev: 'message.delete', messageNumber: 1, author: from, sentAt: messageSeq };
    default:
      return { ...on, ev: what === 'pin' ? 'message.pin' : 'message.unpin' };
  }
}

test('C3 C4 what is true of a message that is remembered is what the store says', () => {
  let here = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 3 * windowLimits.eventsMax }), (steps) => {
      const events: LogEvent[] = [];
      const said: number[] = [];
      const deleted: number[] = [];
      const store = new MessageChanges((id) => events.find((event) => event.id === id));
      const window = new RecentWindow([]);
      for (const [index, next] of steps.entries()) {
        const event = eventOf(next, index + 1, said);
        events.push(event);
        window.add(event);
        if (event.ev === 'message.new') said.push(event.seq);
        else store.apply(event as Extract<LogEvent, { message: string }>);
        // Nothing happens any more to what was deleted.
        if (event.ev === 'message.delete') deleted.push(...said.splice(said.indexOf(event.messageSeq), 1));
      }
      for (const seq of [...said, ...deleted])
        for (const user of people)
          for (const emoji of emojis) {
            const question = { message: idOf(seq), user, emoji };
            const known = window.target(question);
            if (seq >= window.firstSeq) here += 1;
            expect(known, `seq ${seq}`).toEqual(seq < window.firstSeq ? undefined : store.target(question));
          }
      expect(window.target({ message: 'of another room' })).toBeUndefined();
    }),
    { numRuns: 200 },
  );
  expect(here).toBeGreaterThan(1_000);
});
