/** What a batch of events is to the mirrors. */
import { uuidv7 } from 'uuidv7';
import { expect, test } from 'vitest';
import { conversations } from '#src/entities/conversations.js';
import { type Change, type Entity, idOf, mirroredFields } from '#src/entities/entity.js';
import { changesOfEvents } from '#src/entities/log-changes.js';
import { members } from '#src/entities/members.js';
import { eventOfFields, messages } from '#src/entities/messages.js';
import { Script } from '#test/support/log-events.js';

function of(entity: Entity, changes: readonly Change[]): Change[] {
  return changes.filter((change) => change.entity === entity);
}

test('a batch of messages changes nothing but messages, at the version of the batch', () => {
  const script = new Script();
  const events = [script.message('one'), script.message('two', { type: 'image' })];
  const changes = changesOfEvents(events, 77);
  expect(changes).toHaveLength(2);
  expect(changes.map(({ entity, id, version }) => [entity.name, id, version])).toEqual(
    events.map(({ id }) => ['messages', id, 77]),
  );
  expect(changes.map(({ fields }) => eventOfFields(fields ?? {}))).toEqual(events);
});

test('a batch that makes a conversation and moves its members says what is true after it', () => {
  const script = new Script();
  const [ada, bob, cyd] = [uuidv7(), uuidv7(), uuidv7()] as const;
  const events = [
    script.create([ada, bob], 'group', 'Ducks'),
    script.leave(ada),
    script.add(cyd),
    script.remove(bob),
    script.message('hello'),
    script.join(bob),
  ];
  // A batch is in any order; the seq decides.
  const changes = changesOfEvents([...events].reverse(), 5);
  expect(of(messages, changes)).toHaveLength(events.length);
  expect(of(conversations, changes)).toEqual([
    {
      entity: conversations,
      id: script.conv,
      version: 1,
      fields: {
        id: script.conv,
        type: 'group',
        title: 'Ducks',
        description: null,
        avatarUrl: null,
        creator: script.owner,
        state: 'active',
        createdAt: events[0]?.at,
      },
    },
  ]);
  const told = new Map(of(members, changes).map(({ id, ...change }) => [id, change]));
  const joined = (user: string, role: string, seq: number) => ({
    entity: members,
    version: seq,
    fields: { conversation: script.conv, user, role, joinedSeq: seq, joinedAt: events[seq - 1]?.at },
  });
  expect(told).toEqual(
    new Map<string, Omit<Change, 'id'>>([
      [`${script.conv}:${ada}`, { entity: members, version: 2, fields: undefined }],
      [`${script.conv}:${bob}`, joined(bob, 'member', 6)],
      [`${script.conv}:${cyd}`, joined(cyd, 'member', 3)],
      [`${script.conv}:${script.owner}`, joined(script.owner, 'owner', 1)],
    ]),
  );
  for (const { entity, id, fields } of changes) {
    if (fields === undefined) continue;
    expect(idOf(entity, fields)).toBe(id);
    expect(Object.keys(fields).sort()).toEqual([...mirroredFields(entity)].sort());
  }
});
