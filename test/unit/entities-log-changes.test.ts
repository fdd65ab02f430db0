/** What a batch of events is to the mirrors. */
import { uuidv7 } from 'uuidv7';
import { expect, test } from 'vitest';
import { idOf, mirroredFields } from '#src/entities/entity.js';
import { changesOfEvents } from '#src/entities/log-changes.js';
import { eventOfFields } from '#src/entities/messages.js';
import { Script } from '#test/support/log-events.js';

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

test('what is no message is one all the same, so that pages have no holes, and nothing else is told', () => {
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
  const changes = changesOfEvents(events, 5);
  expect(changes.map(({ entity, id, version }) => [entity.name, id, version])).toEqual(
    events.map(({ id }) => ['messages', id, 5]),
  );
  for (const [index, { entity, id, fields = {} }] of changes.entries()) {
    expect(idOf(entity, fields)).toBe(id);
    expect(Object.keys(fields).sort()).toEqual([...mirroredFields(entity)].sort());
    expect(eventOfFields(fields)).toEqual(events[index]);
  }
});

test('T11 what an edit says is told to no mirror, and a deletion rewrites its message at its own version', () => {
  const script = new Script();
  const said = script.message('secret one');
  const edit = script.edit(said, 'secret two');
  const gone = script.delete(said);
  const [first, second, third, rewritten] = [
    ...changesOfEvents([said, edit], 7),
    ...changesOfEvents([gone], 8),
  ];
  expect(first).toMatchObject({ id: said.id, version: 7, fields: { content: 'secret one' } });
  expect(second).toMatchObject({ id: edit.id, version: 7, fields: { content: '', event: 'message.edit' } });
  expect(third).toMatchObject({ id: gone.id, version: 8 });
  expect(rewritten).toMatchObject({ id: said.id, version: 8, fields: { content: '', details: null } });
  expect(eventOfFields(rewritten?.fields ?? {})).toEqual({ ...said, text: '' });
  expect(JSON.stringify([second, third, rewritten])).not.toContain('secret');
});
