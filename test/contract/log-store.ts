/** What every LogStore promises, run on each implementation. */
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { directConversationId } from '#src/ids.js';
import { nothing } from '#src/storage/facts.js';
import { type LogStore, recentEventsMax } from '#src/storage/ports.js';
import type { LogEvent } from '#src/wire/events.js';
import { Asker, Script } from '../support/log-events.js';

/** One database and the stores on it. */
export interface LogStoreFixture {
  open(shard: number): LogStore;
  addUsers(ids: string[]): Promise<void>;
  close(): Promise<void>;
}

const bodies = [
  ...[
    '',
    ' ',
    '\\',
    '\\.',
    '\\N',
    'a\tb\nc\r\nd',
    '\u0001\u0002\u001f\u007f',
    'it\'s "quoted" $$ $1 %s',
    '\ufeff',
  ],
  ...[
    'PGCOPY\n\u00ff\r\n',
    '日本語 Ελληνικά עברית',
    '👩‍👩‍👧‍👦 \u{1f600}',
    'e\u0301',
    'x'.repeat(32 * 1024),
    '\u{10ffff}'.repeat(8192),
  ],
];

function range(
  conv: string,
  part: Partial<Parameters<LogStore['read']>[0]> = {},
): Parameters<LogStore['read']>[0] {
  return { conv, after: 0, before: Number.MAX_SAFE_INTEGER, limit: 100, last: false, ...part };
}

export function logStoreContract(name: string, make: () => Promise<LogStoreFixture>): void {
  describe(`LogStore contract: ${name}`, () => {
    let fixture: LogStoreFixture;
    let shard = 0;
    const askers: Asker[] = [];

    beforeAll(async () => {
      fixture = await make();
    });
    afterAll(async () => {
      expect(askers.reduce((sum, asker) => sum + asker.answeredTwice, 0)).toBe(0);
      await fixture.close();
    });

    /** A store on a shard number of its own, or on the one given. */
    function open(number = ++shard): Asker {
      const asker = new Asker(fixture.open(number));
      askers.push(asker);
      return asker;
    }

    async function owned(): Promise<Asker> {
      const asker = open();
      expect(await asker.own()).toMatchObject({ kind: 'owned', batch: 0 });
      return asker;
    }

    test('the end of a log is that of a load, and of one that is long the last events', async () => {
      const store = await owned();
      const script = new Script();
      await fixture.addUsers([script.owner]);
      await store.write([script.create()]);
      const same = async (conv: string) => {
        const [loaded, tail] = [await store.load(conv), await store.loadTail(conv)];
        if (loaded.kind === 'failed' || tail.kind === 'failed') throw new Error('nothing was read');
        const { head, recent } = loaded.snapshot;
        expect(tail).toEqual({ kind: 'tail', tail: { head, recent } });
        return recent.length;
      };
      expect(await same(script.conv)).toBe(1);
      const events = Array.from({ length: recentEventsMax + 20 }, (_, index) => script.message(`${index}`));
      await store.write(events);
      expect(await same(script.conv)).toBe(recentEventsMax);
      expect(await same(uuidv7())).toBe(0);
    });

    test('P1 what was committed is read back as it was written', async () => {
      const store = await owned();
      const script = new Script();
      const replyTo = uuidv7();
      const events: LogEvent[] = [
        script.create([uuidv7()], 'group', 'títle "1"'),
        script.message('hello'),
        script.message('', {
          type: 'image',
          metadata: { a: [1, 2.5, null, { b: 'ü\n' }], '': true },
          replyTo,
        }),
        script.join(uuidv7()),
        script.add(uuidv7()),
        script.remove(uuidv7()),
        script.leave(uuidv7()),
      ];
      expect(await store.write(events)).toEqual({ kind: 'committed' });
      expect(await store.read(range(script.conv))).toEqual({ kind: 'events', events });
    });

    test('P1 bodies of every kind are stored byte for byte', async () => {
      const store = await owned();
      const script = new Script();
      const events = bodies.map((text) => script.message(text));
      expect(await store.write(events)).toEqual({ kind: 'committed' });
      expect(await store.read(range(script.conv))).toEqual({ kind: 'events', events });
    });

    test('P2 milliseconds are exact, whatever the time', async () => {
      const store = await owned();
      const script = new Script();
      const times = [1, 999, 946684799999, 946684800001, 1763697600123, 2 ** 41 - 1, 4102444800001];
      const events = times.map((at) => script.message('t', { at }));
      await store.write(events);
      expect(await store.read(range(script.conv))).toEqual({ kind: 'events', events });
      const ids = events.map((event) => event.id);
      const found = await store.lookup(ids);
      const at =
        found.kind === 'found' ? new Map(found.operations.map((one) => [one.id, one.at])) : new Map();
      expect(ids.map((id) => at.get(id))).toEqual(times);
    });

    test('P2 lookup finds what is stored and leaves out what is not', async () => {
      const store = await owned();
      const script = new Script();
      const event = script.message('x');
      await store.write([event]);
      const { id, conv, from, seq, at } = event;
      expect(await store.lookup([uuidv7(), id])).toEqual({
        kind: 'found',
        operations: [{ id, conv, from, seq, at }],
      });
      expect(await store.lookup([])).toEqual({ kind: 'found', operations: [] });
    });

    test('P2 an id that is in the log makes the whole batch a duplicate, in whichever conversation', async () => {
      const store = await owned();
      const script = new Script();
      const first = script.message('first');
      await store.write([first]);
      const other = new Script();
      const batch = [other.message('new'), other.message('again', { id: first.id })];
      expect(await store.write(batch)).toEqual({ kind: 'duplicate' });
      expect(await store.read(range(other.conv))).toEqual({ kind: 'events', events: [] });
      const after = new Script();
      expect(await store.write([after.message('and on')])).toEqual({ kind: 'committed' });
    });

    test('P2 the same id through another shard is a duplicate too', async () => {
      const one = await owned();
      const other = await owned();
      const script = new Script();
      const event = script.message('mine');
      expect(await one.write([event])).toEqual({ kind: 'committed' });
      expect(await other.write([new Script().message('yours', { id: event.id })])).toEqual({
        kind: 'duplicate',
      });
    });

    test('P4 a seq that is written twice is broken, never a duplicate', async () => {
      const store = await owned();
      const script = new Script();
      await store.write([script.message('one')]);
      script.seq = 0;
      expect(await store.write([script.message('another one')])).toMatchObject({ kind: 'broken' });
      const loaded = await store.load(script.conv);
      expect(loaded).toMatchObject({ kind: 'loaded', snapshot: { head: { seq: 1, number: 1 } } });
    });

    test('L1 a batch that does not follow is broken and does nothing', async () => {
      const store = await owned();
      const script = new Script();
      const event = script.message('x');
      expect(await store.write([event], { batch: 2 })).toMatchObject({ kind: 'broken' });
      expect(await store.write([event], { batch: 1 })).toEqual({ kind: 'committed' });
      expect(await store.write([], { batch: 1 })).toMatchObject({ kind: 'broken' });
    });

    test('L1 an empty batch commits and counts', async () => {
      const store = await owned();
      expect(await store.write([])).toEqual({ kind: 'committed' });
      expect(await store.own()).toMatchObject({ kind: 'owned', batch: 1 });
    });

    test('L2 a new owner fences the old one, and learns its last batch', async () => {
      const old = await owned();
      const script = new Script();
      await old.write([script.message('before')]);
      const heir = open(shard);
      expect(await heir.own()).toEqual({ kind: 'owned', epoch: old.epoch + 1, batch: 1 });
      expect(await old.write([script.message('late')])).toEqual({ kind: 'fenced' });
      script.seq -= 1;
      expect(await heir.write([script.message('mine')])).toEqual({ kind: 'committed' });
      expect(await old.write([script.message('late')])).toEqual({ kind: 'fenced' });
    });

    test('L2 L3 an owner whose shard was taken since is fenced, and takes nothing back', async () => {
      const old = await owned();
      expect(await old.own()).toMatchObject({ kind: 'owned', batch: 0 });
      const heir = open(shard);
      await heir.own();
      expect(await heir.write([new Script().message('mine')])).toEqual({ kind: 'committed' });
      expect(await old.own()).toEqual({ kind: 'fenced' });
      expect(await heir.write([])).toEqual({ kind: 'committed' });
    });

    test('L1 a shard that was never owned takes no batch', async () => {
      const stranger = open();
      expect(await stranger.write([new Script().message('x')], { epoch: 1, batch: 1 })).toEqual({
        kind: 'fenced',
      });
    });

    test('L9 a value the store cannot hold is bad, alone or among others, and does nothing', async () => {
      const store = await owned();
      const script = new Script();
      for (const text of ['nul \u0000', 'lone \ud800', '\udfff']) {
        const batch = [new Script().message('fine'), new Script().message(text)];
        expect(await store.write(batch)).toMatchObject({ kind: 'bad' });
        expect(await store.lookup([batch[0]?.id ?? ''])).toEqual({ kind: 'found', operations: [] });
        const inMetadata = new Script().message('x', { metadata: { key: text } });
        expect(await store.write([inMetadata])).toMatchObject({ kind: 'bad' });
        const inKey = new Script().message('x', { metadata: { [text]: 1 } });
        expect(await store.write([inKey])).toMatchObject({ kind: 'bad' });
        const inTitle = new Script().create([], 'group', text);
        expect(await store.write([inTitle])).toMatchObject({ kind: 'bad' });
      }
      expect(await store.write([new Script().message('x', { id: 'no uuid' })])).toMatchObject({
        kind: 'bad',
      });
      expect(await store.write([new Script().add('no uuid')])).toMatchObject({ kind: 'bad' });
      expect(await store.write([{ ...script.message('x'), seq: 0 }])).toMatchObject({ kind: 'bad' });
      expect(await store.write([new Script().message('and on')])).toEqual({ kind: 'committed' });
    });

    test('L11 rows may come in any order', async () => {
      const store = await owned();
      const script = new Script();
      const ids = Array.from({ length: 50 }, () => uuidv7()).reverse();
      const events = ids.map((id) => script.message('x', { id }));
      expect(await store.write(events)).toEqual({ kind: 'committed' });
      expect(await store.read(range(script.conv))).toEqual({ kind: 'events', events });
    });

    test('L15 ids of any time are taken, and are unique wherever they land', async () => {
      const store = await owned();
      const script = new Script();
      const ids = ['00000000-0001-7000-8000-000000000000', 'ffffffff-ffff-7fff-bfff-ffffffffffff'];
      const events = ids.map((id) => script.message('odd', { id }));
      expect(await store.write(events)).toEqual({ kind: 'committed' });
      expect(await store.write([new Script().message('again', { id: ids[0] ?? '' })])).toEqual({
        kind: 'duplicate',
      });
      expect(await store.read(range(script.conv))).toEqual({ kind: 'events', events });
    });

    test('A7 load of a conversation that does not exist', async () => {
      const store = await owned();
      expect(await store.load(uuidv7())).toEqual({
        kind: 'loaded',
        snapshot: {
          info: undefined,
          head: { seq: 0, number: 0 },
          members: [],
          standing: nothing,
          recent: [],
        },
      });
    });

    test('A7 load gives info, members with roles and marks, the head and the last events', async () => {
      const store = await owned();
      const script = new Script();
      const [ann, bob, eve] = [uuidv7(), uuidv7(), uuidv7()] as [string, string, string];
      const creation = script.create([ann, eve], 'channel', 'talk');
      const many = Array.from({ length: recentEventsMax }, (_, index) => script.message(`m${index}`));
      await store.write([creation, ...many, script.join(bob), script.leave(eve)]);
      const result = await store.load(script.conv);
      if (result.kind !== 'loaded') throw new Error(result.message);
      const { info, head, members, recent } = result.snapshot;
      const creationInfo = {
        ...{ type: 'channel', title: 'talk', state: 'active' },
        ...{ creator: script.owner, createdAt: creation.at },
      };
      expect(info).toEqual({ conv: script.conv, ...creationInfo });
      expect(head).toEqual({ seq: recentEventsMax + 3, number: recentEventsMax });
      expect(new Map(members.map(({ user, role, mark }) => [user, [role, mark]]))).toEqual(
        new Map([
          [script.owner, ['owner', 0]],
          [ann, ['member', 0]],
          [bob, ['member', recentEventsMax]],
        ]),
      );
      expect(recent.map((event) => event.seq)).toEqual(
        Array.from({ length: recentEventsMax }, (_, index) => index + 4),
      );
    });

    test('L6 membership follows the order of the batch, and over batches', async () => {
      const store = await owned();
      const script = new Script();
      const [ann, bob] = [uuidv7(), uuidv7()] as [string, string];
      const present = async () => {
        const result = await store.load(script.conv);
        return result.kind === 'loaded' ? result.snapshot.members.map((member) => member.user).sort() : [];
      };
      await store.write([script.create(), script.join(ann), script.leave(ann), script.join(bob)]);
      expect(await present()).toEqual([script.owner, bob].sort());
      await store.write([script.leave(bob), script.add(bob), script.add(ann), script.remove(ann)]);
      expect(await present()).toEqual([script.owner, bob].sort());
      await store.write([script.remove(bob)]);
      expect(await present()).toEqual([script.owner]);
    });

    test('L14 a rejoiner starts at the head, and marks only grow', async () => {
      const store = await owned();
      const script = new Script();
      const ann = uuidv7();
      const markOf = async () => {
        const result = await store.load(script.conv);
        return result.kind === 'loaded'
          ? result.snapshot.members.find((member) => member.user === ann)?.mark
          : undefined;
      };
      await store.write([
        script.create([ann]),
        script.message('1'),
        script.message('2'),
        script.message('3'),
      ]);
      expect(await markOf()).toBe(0);
      const { conv } = script;
      const mark = (number: number) =>
        store.flush({ batch: 1, heads: [], marks: [{ conv, user: ann, mark: number }] });
      expect(await mark(2)).toEqual({ kind: 'flushed' });
      expect(await markOf()).toBe(2);
      await mark(1);
      expect(await markOf()).toBe(2);
      await store.write([script.leave(ann), script.message('4')]);
      await store.write([script.join(ann)]);
      expect(await markOf()).toBe(4);
    });

    test('L14 flush takes heads that go back, users who are no members and odd previews', async () => {
      const store = await owned();
      const script = new Script();
      const { conv } = script;
      await store.write([script.create()]);
      const head = (seq: number, preview: string) => ({ conv, seq, number: seq, at: seq, preview });
      const marks = [{ conv, user: uuidv7(), mark: 1 }];
      expect(await store.flush({ batch: 1, heads: [head(2, 'two')], marks })).toEqual({ kind: 'flushed' });
      expect(await store.flush({ batch: 1, heads: [head(1, 'cut \ud83d')], marks: [] })).toEqual({
        kind: 'flushed',
      });
      expect(await store.flush({ batch: 0, heads: [], marks: [] })).toEqual({ kind: 'flushed' });
    });

    test('W11 read pages both ways, within open bounds', async () => {
      const store = await owned();
      const script = new Script();
      await store.write(Array.from({ length: 10 }, (_, index) => script.message(`${index + 1}`)));
      const seqs = async (part: Partial<Parameters<LogStore['read']>[0]>) => {
        const result = await store.read(range(script.conv, part));
        return result.kind === 'events' ? result.events.map((event) => event.seq) : result;
      };
      expect(await seqs({ limit: 3 })).toEqual([1, 2, 3]);
      expect(await seqs({ limit: 3, last: true })).toEqual([8, 9, 10]);
      expect(await seqs({ after: 4, before: 7 })).toEqual([5, 6]);
      expect(await seqs({ after: 4, before: 9, limit: 2, last: true })).toEqual([7, 8]);
      expect(await seqs({ after: 10 })).toEqual([]);
      expect(await seqs({ after: -1, before: Number.POSITIVE_INFINITY, limit: 0 })).toEqual([]);
    });

    test('R5 what is asked in one turn is answered from after the commit, each for itself', async () => {
      const store = await owned();
      const scripts = Array.from({ length: 150 }, () => new Script());
      const events = scripts.map((script, index) => script.message(`${index}`));
      await store.write(events);
      const loads = await Promise.all(scripts.map((script) => store.load(script.conv)));
      expect(loads).toEqual(
        events.map((event) => ({
          kind: 'loaded',
          snapshot: {
            info: undefined,
            head: { seq: 1, number: 1 },
            members: [],
            standing: nothing,
            recent: [event],
          },
        })),
      );
      const lookups = await Promise.all(events.map((event) => store.lookup([event.id])));
      expect(
        lookups.map((result) => (result.kind === 'found' ? result.operations[0]?.conv : result)),
      ).toEqual(scripts.map((script) => script.conv));
    });

    test('H6 unknown users are named', async () => {
      const store = await owned();
      const [known, unknown] = [uuidv7(), uuidv7()];
      await fixture.addUsers([known]);
      expect(await store.unknownUsers([known, unknown])).toEqual({
        ...{ kind: 'checked', unknown: [unknown], blocked: [] },
      });
      expect(await store.unknownUsers([])).toEqual({ kind: 'checked', unknown: [], blocked: [] });
    });

    test('B1 a block is kept once, taken back once, and known to the next load and to whoever is asked', async () => {
      const store = await owned();
      const [one, other, third] = [uuidv7(), uuidv7(), uuidv7()];
      await fixture.addUsers([one, other, third]);
      const conv = directConversationId(one, other);
      const block = { conv, blocker: one, blocked: other, isOn: true };
      expect(await store.setBlock({ ...block, isOn: false })).toEqual({ kind: 'kept' });
      expect(await store.setBlock(block)).toEqual({ kind: 'kept' });
      expect(await store.setBlock(block)).toEqual({ kind: 'kept' });
      expect(await store.setBlock({ ...block, blocked: uuidv7(), conv: uuidv7() })).toEqual({
        kind: 'unknown',
      });
      const blockersOf = async () => {
        const [loaded, tail] = [await store.load(conv), await store.loadTail(conv)];
        if (loaded.kind === 'failed' || tail.kind === 'failed') throw new Error('not loaded');
        expect(tail.tail.blockers).toEqual(loaded.snapshot.blockers);
        return loaded.snapshot.blockers;
      };
      expect(await blockersOf()).toEqual([one]);
      // Whichever of the two asks.
      expect(await store.unknownUsers([one, third], other)).toMatchObject({ unknown: [], blocked: [one] });
      expect(await store.unknownUsers([other, third], one)).toMatchObject({ unknown: [], blocked: [other] });
      expect(await store.unknownUsers([one, other], third)).toMatchObject({ blocked: [] });
      await store.setBlock({ conv, blocker: other, blocked: one, isOn: true });
      expect(await blockersOf()).toEqual([one, other].sort());
      await store.setBlock({ ...block, isOn: false });
      expect(await blockersOf()).toEqual([other]);
      await store.setBlock({ conv, blocker: other, blocked: one, isOn: false });
      expect(await blockersOf()).toBeUndefined();
    });
  });
}
