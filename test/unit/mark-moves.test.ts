import { expect, test } from 'vitest';
import { afterMove } from '#actors/postgres-writer/mark-moves.js';
import { DirtyProgress } from '#actors/postgres-writer/progress.js';
import type { MarkMove } from '#src/storage/ports.js';
import { Script } from '../support/log-events.js';
import { SeededRandom } from '../support/seeded-random.js';

/** What a store does with a move. */
function moved(mark: number, { mark: high, low = Number.POSITIVE_INFINITY }: MarkMove): number {
  return Math.max(Math.min(mark, low), high);
}

test('U4 moves of a mark one after another are one move', () => {
  const random = new SeededRandom(7);
  const below = (count: number) => Math.floor(random.next() * count);
  for (let trial = 0; trial < 2_000; trial += 1) {
    const start = below(10);
    let one = start;
    let together: MarkMove | undefined;
    for (let step = 1 + below(6); step > 0; step -= 1) {
      const move: MarkMove = below(2) === 0 ? { mark: below(10) } : { mark: 0, low: below(10) };
      one = moved(one, move);
      together = afterMove(together, move);
    }
    expect(moved(start, together ?? { mark: 0 })).toBe(one);
  }
});

test('U8 of two ends of quiet the later word holds, and no other move takes it away', () => {
  const first = afterMove({ mark: 3, quiet: 500 }, { mark: 0, low: 1 });
  expect(first).toEqual({ mark: 1, low: 1, quiet: 500 });
  expect(afterMove(first, { mark: 0, quiet: 0 })).toMatchObject({ quiet: 0 });
});

test('U4 L14 who comes back begins at the head, whatever they had taken back before', () => {
  const script = new Script();
  const dirty = new DirtyProgress();
  const { conv } = script;
  const [create, said] = [script.create(['bob']), script.message('said')];
  dirty.mark({ conv, user: 'bob', mark: 0, low: 0 });
  dirty.onCommitted(conv, [create, said, script.leave('bob'), script.join('bob')]);
  const { marks } = dirty.take(1);
  expect(marks.find(({ user }) => user === 'bob')).toEqual({
    conv,
    user: 'bob',
    mark: 1,
    low: 0,
    came: 'in',
  });
});
