/** What every LogStore promises about what is done to messages, members and conversations, run on each implementation. */
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { foldChange } from '#src/message-fold.js';
import { applyToFacts, factsOf, nothing, standingOf, withoutContents } from '#src/storage/facts.js';
import type { ChangedMessage, ConversationSnapshot, LogStore } from '#src/storage/ports.js';
import type { LogEvent, MessageChange } from '#src/wire/events.js';
import { Asker, Script } from '../support/log-events.js';
import { RandomHistory } from '../support/random-history.js';
import { Draws } from '../support/sim-random.js';

export interface LogChangesFixture {
  open(shard: number): LogStore;
  addUsers(ids: string[]): Promise<void>;
  /** Everything that is stored about a message beside its place in the log, as text; absent: there are no such places. */
  leftOf?(message: string): Promise<string>;
  close(): Promise<void>;
}

const histories = 40;

class ChangesAsker extends Asker {
  async targets(...questions: Parameters<LogStore['targets']>[0]) {
    const result = await this.ask<Parameters<Parameters<LogStore['targets']>[1]>[0]>((done) =>
      this.store.targets(questions, done),
    );
    if (result.kind === 'failed') throw new Error(result.message);
    return result.targets;
  }

  async changed(range: Parameters<LogStore['changed']>[0]) {
    const result = await this.ask<Parameters<Parameters<LogStore['changed']>[1]>[0]>((done) =>
      this.store.changed(range, done),
    );
    if (result.kind === 'failed') throw new Error(result.message);
    return result.messages;
  }

  async parents(conv: string, messages: readonly string[]) {
    const result = await this.ask<Parameters<Parameters<LogStore['parents']>[1]>[0]>((done) =>
      this.store.parents({ conv, messages }, done),
    );
    if (result.kind === 'failed') throw new Error(result.message);
    return result.parents;
  }

  async snapshot(conv: string): Promise<ConversationSnapshot> {
    const result = await this.load(conv);
    if (result.kind === 'failed') throw new Error(result.message);
    return result.snapshot;
  }

  async events(conv: string): Promise<LogEvent[]> {
    const result = await this.read({
      conv,
      after: 0,
      before: Number.MAX_SAFE_INTEGER,
      limit: 10_000,
      last: false,
    });
    if (result.kind === 'failed') throw new Error(result.message);
    return result.events;
  }
}

function withoutMark(member: { user?: string; mark?: number }): { user?: string } {
  const { mark: _, ...rest } = member;
  return rest;
}

/** Bans and mutes are told in no order, and those that are over may be told still. */
function facts({
  info,
  members,
  standing,
}: Pick<ConversationSnapshot, 'info' | 'standing'> & { members: object[] }) {
  const byUser = (list: ReadonlyArray<{ user: string; until: number }>) =>
    list.filter(({ until }) => until > Date.now()).toSorted((one, other) => (one.user < other.user ? -1 : 1));
  const { isChanged, pins, bans, mutesOfAbsent } = standing;
  return {
    info,
    members: members.map(withoutMark),
    isChanged,
    pins,
    bans: byUser(bans),
    mutesOfAbsent: byUser(mutesOfAbsent),
  };
}

/** What a log says of its conversation, by the pure rules. */
function expectedOf(events: readonly LogEvent[], user: string) {
  const state = factsOf({ info: undefined, members: [], standing: nothing });
  const changed = new Map<string, ChangedMessage>();
  const deleted = new Set<string>();
  for (const event of events) {
    applyToFacts(state, event);
    if (!('message' in event)) continue;
    changed.set(event.message, foldChange(changed.get(event.message), event as MessageChange, user));
    if (event.ev === 'message.delete') deleted.add(event.message);
  }
  const log = events.map((event) =>
    deleted.has(event.id) || (event.ev === 'message.edit' && deleted.has(event.message))
      ? withoutContents(event)
      : event,
  );
  const seqOf = new Map(events.map(({ id, seq }) => [id, seq]));
  const inOrder = [...changed.values()].sort(
    (one, other) => (seqOf.get(one.message) ?? 0) - (seqOf.get(other.message) ?? 0),
  );
  return {
    info: state.info,
    members: [...state.members.values()],
    standing: standingOf(state),
    changed: inOrder,
    log,
  };
}

export function logChangesContract(name: string, make: () => Promise<LogChangesFixture>): void {
  describe(`LogStore contract, changes: ${name}`, () => {
    let fixture: LogChangesFixture;
    let shard = 1000;

    beforeAll(async () => {
      fixture = await make();
    });
    afterAll(() => fixture.close());

    async function room(members = 3) {
      const store = new ChangesAsker(fixture.open(++shard));
      await store.own();
      const script = new Script();
      const users = [script.owner, ...Array.from({ length: members }, () => uuidv7())];
      await fixture.addUsers(users);
      await store.write([script.create(users.slice(1), 'channel')]);
      const [owner = '', one = '', other = ''] = users;
      return { store, script, users, owner, one, other, conv: script.conv };
    }

    test('C1 C5 what a random history leaves is what the pure rules say, however it is cut into batches', async () => {
      for (let seed = 0; seed < histories; seed += 1) {
        const random = new Draws(seed, 1);
        const store = new ChangesAsker(fixture.open(++shard));
        await store.own();
        const users = Array.from({ length: 5 }, () => uuidv7());
        await fixture.addUsers(users);
        const conv = uuidv7();
        const history = new RandomHistory({ conv, users, random, at: Date.now(), id: uuidv7 });
        let written = 0;
        for (let batch = 0; batch < 6; batch += 1) {
          history.grow(random.between(1, 40));
          expect(await store.write(history.events.slice(written))).toEqual({ kind: 'committed' });
          written = history.events.length;
          const reader = random.pick(users);
          const expected = expectedOf(history.events, reader);
          const snapshot = await store.snapshot(conv);
          const byUser = (one: { user?: string }, two: { user?: string }) =>
            (one.user ?? '') < (two.user ?? '') ? -1 : 1;
          const [found, wanted] = [facts(snapshot), facts(expected)];
          expect({ ...found, members: found.members.toSorted(byUser) }, `seed ${seed}`).toEqual({
            ...wanted,
            members: wanted.members.toSorted(byUser),
          });
          const range = { conv, from: 1, to: written, named: [], user: reader };
          expect(await store.changed(range), `seed ${seed}`).toEqual(expected.changed);
          expect(await store.events(conv), `seed ${seed}`).toEqual(expected.log);
          expect(snapshot.recent).toEqual(expected.log.slice(-128));
        }
        expect(new Set(history.events.map(({ ev }) => ev)).size).toBeGreaterThan(8);
      }
    }, 120_000);

    test('C2 deleted: nothing that it said is left, in the log, in its edits or beside it, in one batch or in several', async () => {
      for (const isOneBatch of [true, false]) {
        const { store, script, owner, conv } = await room();
        const secret = `secret ${uuidv7()}`;
        const message = script.message(secret, { metadata: { secret }, type: 'image' });
        const other = script.message('not that one');
        const on = { message: message.id, messageSeq: message.seq };
        const batches: LogEvent[][] = [
          [message, other],
          [script.event('message.edit', owner, { ...on, text: `${secret} 2`, metadata: { secret } })],
          [script.event('reaction.add', owner, { ...on, emoji: secret })],
          [script.event('message.pin', owner, on)],
          [
            script.event('message.delete', owner, {
              ...on,
              messageNumber: message.number,
              author: owner,
              sentAt: message.at,
            }),
          ],
        ];
        for (const batch of isOneBatch ? [batches.flat()] : batches)
          expect(await store.write(batch)).toEqual({ kind: 'committed' });
        const events = await store.events(conv);
        const said = JSON.stringify(events.filter(({ ev }) => !ev.startsWith('reaction')));
        expect(said).not.toContain(secret);
        expect(said).toContain('not that one');
        expect(events.map(({ ev }) => ev)).toContain('message.edit');
        if (fixture.leftOf !== undefined) expect(await fixture.leftOf(message.id)).not.toContain(secret);
        const changed = await store.changed({ conv, from: 1, to: 99, named: [], user: owner });
        expect(changed).toEqual([
          {
            message: message.id,
            state: { version: script.seq, deletedAt: events.at(-1)?.at, deletedBy: owner },
          },
        ]);
        expect((await store.snapshot(conv)).standing.pins).toEqual([]);
        expect(await store.targets({ message: message.id })).toMatchObject([
          { isDeleted: true, version: script.seq, emojis: 0 },
        ]);
        expect(await store.parents(conv, [message.id])).toEqual([
          { id: message.id, from: owner, seq: message.seq, preview: '', deleted: true },
        ]);
      }
    });

    test('C3 counts are never negative, mine is mine, and the order is that of first use, over batches', async () => {
      const { store, script, owner, one, other, conv } = await room();
      const message = script.message('hello');
      await store.write([message]);
      const on = { message: message.id, messageSeq: message.seq };
      const react = (user: string, emoji: string, isOn = true) =>
        script.event(isOn ? 'reaction.add' : 'reaction.remove', user, { ...on, emoji });
      const seen = async (user: string) =>
        (await store.changed({ conv, from: 1, to: 99, named: [], user }))[0]?.state.reactions;
      await store.write([react(owner, 'a'), react(owner, 'b'), react(one, 'b'), react(one, 'c')]);
      expect(await seen(one)).toEqual([
        ['a', 1, false],
        ['b', 2, true],
        ['c', 1, true],
      ]);
      // The only one goes and comes back in one batch: it begins anew.
      await store.write([react(owner, 'a', false), react(owner, 'a')]);
      expect((await seen(owner))?.map(([emoji]) => emoji)).toEqual(['b', 'c', 'a']);
      // Somebody is left all the time: it stays where it was.
      await store.write([react(owner, 'b', false), react(other, 'b'), react(one, 'b', false)]);
      expect((await seen(other))?.[0]).toEqual(['b', 1, true]);
      await store.write([react(other, 'd'), react(other, 'd', false)]);
      expect((await seen(other))?.map(([emoji]) => emoji)).toEqual(['b', 'c', 'a']);
      await store.write([react(other, 'b', false), react(one, 'c', false), react(owner, 'a', false)]);
      expect(await seen(other)).toBeUndefined();
      expect(await store.targets({ message: message.id, user: owner, emoji: 'a' })).toMatchObject([
        { hasReacted: false, hasEmoji: false, emojis: 0 },
      ]);
    });

    test('C4 targets: where a message is, whose, and what this user did there; nothing of what is not there', async () => {
      const { store, script, owner, one, conv } = await room();
      const message = script.message('hello', { from: one });
      const joined = script.join(uuidv7());
      await store.write([message, joined]);
      await store.write([
        script.event('reaction.add', one, { message: message.id, messageSeq: message.seq, emoji: 'x' }),
      ]);
      const { seq, number, at } = message;
      const base = { conv, from: one, seq, number, at, version: script.seq, isDeleted: false, emojis: 1 };
      expect(
        await store.targets(
          { message: message.id },
          { message: uuidv7() },
          { message: message.id, user: one, emoji: 'x' },
          { message: joined.id },
          { message: message.id, user: owner, emoji: 'x' },
          { message: message.id, user: one, emoji: 'y' },
        ),
      ).toEqual([
        { ...base, hasReacted: false, hasEmoji: false },
        undefined,
        { ...base, hasReacted: true, hasEmoji: true },
        undefined,
        { ...base, hasReacted: false, hasEmoji: true },
        { ...base, hasReacted: false, hasEmoji: false },
      ]);
      expect(await store.targets()).toEqual([]);
    });

    test('C6 a page is asked for by its range and by name, and only what was changed is told', async () => {
      const { store, script, owner, conv } = await room();
      const messages = ['one', 'two', 'three'].map((text) => script.message(text));
      await store.write(messages);
      await store.write(
        messages.map(({ id, seq }) =>
          script.event('message.edit', owner, { message: id, messageSeq: seq, text: `now ${seq}` }),
        ),
      );
      const [first, second, third] = messages.map(({ id }) => id);
      const ask = async (from: number, to: number, named: string[]) =>
        (await store.changed({ conv, from, to, named, user: owner })).map(({ message }) => message);
      expect(await ask(3, 3, [])).toEqual([second]);
      expect(await ask(3, 3, [first ?? ''])).toEqual([first, second]);
      expect(await ask(4, 99, [uuidv7()])).toEqual([third]);
      expect(await ask(5, 99, [])).toEqual([]);
      expect(
        await store.changed({ conv: uuidv7(), from: 1, to: 99, named: [first ?? ''], user: owner }),
      ).toEqual([]);
    });

    test('C6 a parent shows the first 140 characters of what it says now, never half of one', async () => {
      const { store, script, owner, conv } = await room();
      const long = script.message('🙂'.repeat(200), { type: 'image' });
      const edited = script.message('before');
      const joined = script.join(uuidv7());
      await store.write([long, edited, joined]);
      await store.write([
        script.event('message.edit', owner, { message: edited.id, messageSeq: edited.seq, text: 'after' }),
      ]);
      const found = await store.parents(conv, [edited.id, long.id, uuidv7(), joined.id]);
      expect(found.toSorted((one, other) => one.seq - other.seq)).toEqual([
        { id: long.id, from: owner, seq: long.seq, preview: '🙂'.repeat(140), type: 'image' },
        { id: edited.id, from: owner, seq: edited.seq, preview: 'after' },
      ]);
      expect(await store.parents(uuidv7(), [long.id])).toEqual([]);
    });

    test('C7 pins are told in the order in which they were pinned, also within one millisecond and one batch', async () => {
      const { store, script, owner, conv } = await room();
      const messages = Array.from({ length: 6 }, (_, index) => script.message(`${index}`));
      await store.write(messages);
      const at = Date.now();
      const step = (ev: 'message.pin' | 'message.unpin', index: number) => ({
        ...script.event(ev, owner, {
          message: messages[index]?.id ?? '',
          messageSeq: messages[index]?.seq ?? 0,
        }),
        at,
      });
      await store.write([4, 0, 5].map((index) => step('message.pin', index)));
      await store.write([step('message.pin', 2), step('message.unpin', 4), step('message.pin', 4)]);
      await store.write([step('message.unpin', 5), step('message.pin', 1)]);
      expect((await store.snapshot(conv)).standing.pins).toEqual(
        [0, 2, 4, 1].map((index) => messages[index]?.id),
      );
    });

    test('G4 who makes another one the owner becomes an admin; there is one owner', async () => {
      const { store, script, owner, one, other, conv } = await room(2);
      await store.write([script.event('member.role', owner, { user: one, role: 'owner' })]);
      const { members } = await store.snapshot(conv);
      expect(members.map(({ user, role }) => [user, role]).sort()).toEqual(
        [
          [owner, 'admin'],
          [one, 'owner'],
          [other, 'member'],
        ].sort(),
      );
    });

    test('G5 a ban holds for who never was a member; what is over is none; a nickname ends with leaving', async () => {
      const { store, script, owner, one, other, conv } = await room(3);
      const stranger = uuidv7();
      await fixture.addUsers([stranger]);
      const soon = Date.now() + 300;
      await store.write([
        script.event('member.ban', owner, { user: stranger }),
        script.event('member.ban', owner, { user: one, until: soon }),
        script.event('member.nickname', owner, { user: other, nickname: 'Nick' }),
      ]);
      const told = facts(await store.snapshot(conv));
      expect(told.bans.map(({ user, until }) => [user, until]).sort()).toEqual(
        [
          [stranger, Number.POSITIVE_INFINITY],
          [one, soon],
        ].sort(),
      );
      expect(told.members).not.toContainEqual(expect.objectContaining({ user: stranger }));
      await store.write([script.leave(other), script.join(other)]);
      await sleep(Math.max(0, soon + 20 - Date.now()));
      const later = facts(await store.snapshot(conv));
      expect(later.bans.map(({ user }) => user)).toEqual([stranger]);
      expect(later.members).toContainEqual({ user: other, role: 'member' });
      await store.write([script.event('member.unban', owner, { user: stranger })]);
      expect(facts(await store.snapshot(conv)).bans).toEqual([]);
    });

    test('G6 a mute holds over leaving and coming back, until it is taken back', async () => {
      const { store, script, owner, one, conv } = await room(2);
      const until = Date.now() + 3_600_000;
      await store.write([script.event('member.mute', owner, { user: one, until }), script.leave(one)]);
      expect((await store.snapshot(conv)).standing.mutesOfAbsent).toEqual([{ user: one, until }]);
      await store.write([script.join(one)]);
      const back = await store.snapshot(conv);
      expect(back.members.find(({ user }) => user === one)).toMatchObject({
        role: 'member',
        mutedUntil: until,
      });
      expect(back.standing.mutesOfAbsent).toEqual([]);
      await store.write([
        script.event('member.unmute', owner, { user: one }),
        script.event('member.mute', owner, { user: one }),
        script.event('member.unmute', owner, { user: one }),
      ]);
      expect((await store.snapshot(conv)).members.find(({ user }) => user === one)).not.toHaveProperty(
        'mutedUntil',
      );
    });
  });
}
