import { expect, test } from 'vitest';
import type { ToFront } from '#src/threads/messages.js';
import { Stirs } from '#src/threads/stirs.js';
import type { LogEvent } from '#src/wire/events.js';

const row = { number: 1, id: 'i', at: 1 };
const said = (conv: string, seq: number): LogEvent => ({
  ...{ ev: 'message.new', ...row, conv, seq, from: 'ann', text: 'x' },
});

/** A link with room for so many messages. */
class FakeLink {
  readonly posted: ToFront[] = [];
  room = Number.POSITIVE_INFINITY;
  private listeners: Array<() => void> = [];

  post(message: ToFront): boolean {
    return this.postOrQueue(message);
  }

  postOrQueue(message: ToFront): boolean {
    if (this.posted.length >= this.room) return false;
    this.posted.push(message);
    return true;
  }

  onCredit(run: () => void): void {
    this.listeners.push(run);
  }

  empty(): void {
    this.posted.length = 0;
    for (const run of this.listeners) run();
  }
}

function world(): { stirs: Stirs; links: FakeLink[] } {
  const links = [new FakeLink(), new FakeLink()];
  return { stirs: new Stirs((front) => links[front]), links };
}

test('W20 a batch is one message for each front that follows: where each conversation went on, and who came and went', () => {
  const { stirs, links } = world();
  stirs.committed([said('a', 1)]);
  stirs.follow(1);
  stirs.committed([
    said('a', 2),
    {
      ev: 'conversation.create',
      ...row,
      conv: 'b',
      seq: 1,
      from: 'ann',
      type: 'group',
      members: ['bob', 'eve'],
    },
    { ev: 'member.ban', ...row, conv: 'a', seq: 3, from: 'ann', user: 'bob' },
    { ev: 'member.leave', ...row, conv: 'b', seq: 2, from: 'eve' },
    { ev: 'member.add', ...row, conv: 'a', seq: 4, from: 'ann', user: 'eve' },
  ]);
  expect(links[0]?.posted).toEqual([]);
  expect(links[1]?.posted).toEqual([
    {
      kind: 'stirred',
      convs: ['a', 'b'],
      firsts: [2, 1],
      moves: [
        ['b', 'ann', true],
        ['b', 'bob', true],
        ['b', 'eve', true],
        ['a', 'bob', false],
        ['b', 'eve', false],
        ['a', 'eve', true],
      ],
    },
  ]);
  stirs.unfollow(1);
  stirs.committed([said('a', 5)]);
  expect(links[1]?.posted).toHaveLength(1);
});

test('W20 A9 a front without room is told that it lacks something, and from then on everything again', () => {
  const { stirs, links } = world();
  const [link, other] = links as [FakeLink, FakeLink];
  stirs.follow(0);
  stirs.follow(1);
  link.room = 1;
  for (const seq of [1, 2, 3]) stirs.committed([said('a', seq)]);
  expect(link.posted).toHaveLength(1);
  expect(other.posted).toHaveLength(3);
  link.room = 5;
  link.empty();
  expect(link.posted).toEqual([{ kind: 'unsure' }]);
  stirs.committed([said('a', 4)]);
  expect(link.posted).toMatchObject([{ kind: 'unsure' }, { firsts: [4] }]);
});
