/** What every mirror promises, run on each implementation: memory, Redis and Mongo. */
import fc from 'fast-check';
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type ElementFields, type Entity, idOf } from '#src/entities/entity.js';
import { changeOfEvent, messages } from '#src/entities/messages.js';
import { withoutContents } from '#src/storage/facts.js';
import { type Mirror, tierRangeMax } from '#src/storage/tiers/ports.js';
import type { LogEvent } from '#src/wire/events.js';
import { Script } from '../support/log-events.js';
import { changeOf, goneChange, MirrorAsker, pairs, sampleFields, samples } from '../support/mirrors.js';
import { logEvent, text, uuid } from '../unit/wire-arbitraries.js';

interface OpenMirror {
  readonly mirror: Mirror;
  /** Everything in it is lost, its positions too. Called before each test. */
  wipe(): Promise<void>;
  close(): Promise<void>;
  /** The store goes away, without a word, and comes back. Absent: it cannot, as memory. */
  readonly outage?: { begin(): Promise<void>; end(): Promise<void> };
}

export interface MirrorFixture {
  readonly name: string;
  open(): Promise<OpenMirror>;
  /** Messages are found by their id, too, and may be gone; false: only by conversation and seq. */
  readonly findsMessagesById: boolean;
  /** Keys of JSON objects may hold anything; false: neither dots nor dollars. */
  readonly takesAnyKey: boolean;
  /** What it cannot hold, as fields of a sample. Absent: only an element of 17 MiB. */
  readonly poisons?: readonly ElementFields[];
}

/** How long a store that is away may be waited for. */
const answerMsMax = 1_000;
/** How long it may take until what was filled can be read, and until a store that came back is used. */
const settledMsMax = 5_000;
/** No mirror holds an element of this size: it is the limit of Mongo and one byte. */
const oversized = 'x'.repeat(16 * 1024 * 1024 + 1);
/** The end of JavaScript's time. */
const timeMax = 8.64e15;

const changesOf = (events: readonly LogEvent[], version = 1) =>
  events.map((event) => changeOfEvent(event, version));

const storable = { unit: 'grapheme', maxLength: 12 } as const;
const json = fc.dictionary(
  fc.stringMatching(/^[a-zA-Zéß_ ]{1,8}$/),
  fc.oneof(
    text,
    fc.boolean(),
    fc.constant(null),
    fc.maxSafeInteger().map((value) => value + 0),
    fc.array(fc.integer(), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b'), fc.string(storable), { noNullPrototype: true }),
  ),
  { maxKeys: 4, noNullPrototype: true },
);
const isoDate = fc
  .date({ min: new Date('0001-01-01'), max: new Date('9999-12-31'), noInvalidDate: true })
  .map((date) => date.toISOString().slice(0, 10));
const anySample = fc.record(
  {
    id: fc.uuid({ version: 7 }),
    label: text,
    friend: fc.option(fc.uuid()),
    grade: fc.integer({ min: -32_768, max: 32_767 }),
    total: fc.maxSafeInteger().map((value) => value + 0),
    isActive: fc.option(fc.boolean()),
    seenAt: fc.option(fc.nat({ max: timeMax })),
    birthday: fc.option(isoDate),
    details: json,
    friends: fc.array(fc.uuid(), { maxLength: 3 }),
    badges: fc.option(fc.array(text, { maxLength: 3 })),
    addresses: fc.array(fc.oneof(fc.ipV4(), fc.constant('2001:db8::1')), { maxLength: 3 }),
  },
  { noNullPrototype: true },
);

/** One of each kind, and those that differ by little. */
function everyKind(script = new Script()): LogEvent[] {
  return [
    script.create([uuidv7(), uuidv7()], 'channel', 'títle "1"'),
    script.message('hello'),
    script.message('', { type: 'image', metadata: { a: [1, 2.5, null, { b: 'ü\n' }] }, replyTo: uuidv7() }),
    script.message('says that it is text', { type: 'text' }),
    script.message('a notice', { type: 'system' }),
    script.join(uuidv7()),
    script.add(uuidv7()),
    script.remove(uuidv7()),
    script.leave(uuidv7()),
    { ...script.create([], 'group'), description: 'without a title' },
  ];
}

const hasSpecialKey = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  (Array.isArray(value)
    ? value.some(hasSpecialKey)
    : Object.entries(value).some(([name, inner]) => /[.$]|^$/.test(name) || hasSpecialKey(inner)));

/** What an edit said is in no tier, since its message says it; nor is what pages tell beside a message. */
function asKept(event: LogEvent): LogEvent {
  if (event.ev === 'message.edit') return withoutContents(event);
  if (event.ev !== 'message.new') return event;
  const { state: _state, parent: _parent, ...kept } = event;
  return kept;
}

export function mirrorContract(fixture: MirrorFixture): void {
  describe(`Mirror contract: ${fixture.name}`, () => {
    let open: OpenMirror;
    let asker: MirrorAsker;

    beforeAll(async () => {
      open = await fixture.open();
      asker = new MirrorAsker(open.mirror);
    });
    beforeEach(() => open.wipe());
    afterAll(async () => {
      // The last answers of the suite could be given twice a little later.
      await new Promise((resolve) => setTimeout(resolve, 50));
      await open.close();
      expect(asker.answeredTwice).toBe(0);
    });

    const applied = { kind: 'applied', poisoned: [] };
    const put = async (...changes: Parameters<MirrorAsker['put']>[0]) =>
      expect(await asker.put(changes)).toEqual(applied);
    const page = (conv: string, from: number, to: number) => asker.events({ conv, from, to });
    const one = async (entity: Entity, id: string) => (await asker.elements(entity, [id]))[0];

    test('P1 a range is given whole, in rising order, however it came in', async () => {
      const script = new Script();
      const events = Array.from({ length: tierRangeMax }, (_, index) => script.message(`m${index}`));
      const neighbour = new Script();
      await put(...changesOf([...events].reverse()), ...changesOf([neighbour.message('of another')]));
      expect(await page(script.conv, 1, tierRangeMax)).toEqual({ kind: 'events', events });
      expect(await page(script.conv, 10, 11)).toEqual({ kind: 'events', events: events.slice(9, 11) });
      expect(await page(script.conv, 5, 5)).toEqual({ kind: 'events', events: events.slice(4, 5) });
    });

    test('P6 a range with a seq that is not here is absent, wherever the hole is', async () => {
      const script = new Script();
      const events = Array.from({ length: 6 }, (_, index) => script.message(`m${index}`));
      await put(...changesOf(events.filter(({ seq }) => seq > 1 && seq !== 4 && seq < 6)));
      for (const [from, to] of [
        [1, 3],
        [3, 5],
        [5, 6],
        [4, 4],
        [7, 9],
      ] as const)
        expect(await page(script.conv, from, to)).toEqual({ kind: 'absent' });
      expect(await page(script.conv, 2, 3)).toEqual({ kind: 'events', events: events.slice(1, 3) });
      expect(await page(uuidv7(), 2, 3)).toEqual({ kind: 'absent' });
    });

    test('every kind of event comes back as it was', async () => {
      const events = everyKind();
      await put(...changesOf(events));
      expect(await page(events[0]?.conv ?? '', 1, events.length)).toEqual({ kind: 'events', events });
    });

    test('any event comes back exactly', async () => {
      const script = fc.record({ conv: uuid, events: fc.array(logEvent, { minLength: 1, maxLength: 6 }) });
      await fc.assert(
        fc.asyncProperty(script, async ({ conv, events }) => {
          // Generated objects are of no class, and what is read is of the usual one.
          const made = structuredClone(events).map((event, index) => ({
            ...event,
            conv,
            seq: index + 1,
            at: event.at % (timeMax + 1),
          })) as LogEvent[];
          fc.pre(fixture.takesAnyKey || !made.some(hasSpecialKey));
          await open.wipe();
          await put(...changesOf(made));
          const kept = made.map(asKept);
          expect(await page(conv, 1, made.length)).toStrictEqual({ kind: 'events', events: kept });
        }),
        { numRuns: 60 },
      );
    });

    test('any element comes back exactly, with every type of field', async () => {
      await fc.assert(
        fc.asyncProperty(anySample, fc.maxSafeNat(), async (fields, version) => {
          await open.wipe();
          await put(changeOf(samples, fields, version));
          expect(await one(samples, fields.id)).toStrictEqual({ id: fields.id, version, fields });
        }),
        { numRuns: 60 },
      );
    });

    test('what is asked for is answered in that order: known, unknown, gone, twice', async () => {
      const [first, second] = [sampleFields(), sampleFields({ friend: null, badges: null, isActive: null })];
      const [left, gone] = [String(first.id), uuidv7()];
      await put(
        changeOf(samples, first, 3),
        changeOf(samples, second, 4),
        changeOf(samples, sampleFields({ id: gone }), 1),
      );
      await put(goneChange(samples, gone, 2));
      const known = { id: left, version: 3, fields: first };
      expect(await asker.elements(samples, [String(second.id), uuidv7(), gone, left, left])).toEqual([
        { id: second.id, version: 4, fields: second },
        undefined,
        { id: gone, version: 2, fields: undefined },
        known,
        known,
      ]);
      expect(await asker.elements(samples, [])).toEqual([]);
    });

    test('an element whose key has two parts is found by both', async () => {
      const left = uuidv7();
      const [near, far] = ['ä:b', 'c'].map((right) => ({ left, right, weight: 1 }));
      await put(changeOf(pairs, near ?? {}, 1), changeOf(pairs, far ?? {}, 2));
      const found = await asker.elements(pairs, [idOf(pairs, far ?? {}), idOf(pairs, near ?? {})]);
      expect(found.map((element) => element?.fields)).toEqual([far, near]);
    });

    test('elements of one entity are not those of another', async () => {
      const fields = sampleFields();
      await put(changeOf(samples, fields, 1));
      expect(await one(pairs, String(fields.id))).toBeUndefined();
    });

    test('H8 a secret field is in no mirror', async () => {
      const fields = sampleFields();
      await put(changeOf(samples, { ...fields, secret: 'never to be seen' }, 1));
      expect((await one(samples, String(fields.id)))?.fields).toStrictEqual(fields);
    });

    test.runIf(fixture.findsMessagesById)('messages are found by their id', async () => {
      const event = new Script().message('by id');
      const [change] = changesOf([event], 8);
      await put(...changesOf([event], 8));
      expect(await one(messages, event.id)).toEqual({ id: event.id, version: 8, fields: change?.fields });
      await put(goneChange(messages, event.id, 9));
      expect(await one(messages, event.id)).toMatchObject({ fields: undefined });
      expect(await page(event.conv, 1, 1)).toEqual({ kind: 'absent' });
    });

    test('an element never goes back in version', async () => {
      const id = uuidv7();
      const named = (label: string) => sampleFields({ id, label });
      const label = async () => (await one(samples, id))?.fields?.label;
      await put(changeOf(samples, named('second'), 2));
      await put(changeOf(samples, named('first'), 1));
      await put(changeOf(samples, named('another second'), 2));
      expect(await label()).toBe('second');
      await put(goneChange(samples, id, 1));
      expect(await label()).toBe('second');
      await put(goneChange(samples, id, Number.MAX_SAFE_INTEGER - 1));
      await put(changeOf(samples, named('late'), 2 ** 40));
      expect(await one(samples, id)).toMatchObject({ fields: undefined });
      await put(changeOf(samples, named('back'), Number.MAX_SAFE_INTEGER));
      expect(await one(samples, id)).toMatchObject({ version: Number.MAX_SAFE_INTEGER });
      expect(await label()).toBe('back');
    });

    test('a deleted text does not come back', async () => {
      const script = new Script();
      const event = script.message('to be deleted');
      const blank = { ...event, text: '' };
      await put(...changesOf([blank], 6));
      await put(...changesOf([event], 5));
      open.mirror.fill(changesOf([event], 5));
      await put(changeOf(samples, sampleFields(), 1));
      expect(await page(event.conv, 1, 1)).toEqual({ kind: 'events', events: [blank] });
    });

    test('what is gone before it was seen stays gone', async () => {
      const fields = sampleFields();
      const id = String(fields.id);
      await put(goneChange(samples, id, 5));
      await put(changeOf(samples, fields, 4));
      expect(await one(samples, id)).toEqual({ id, version: 5, fields: undefined });
    });

    test('of several changes of one element in one step the last version stays, in whatever order', async () => {
      for (const order of [
        [1, 2, 3],
        [3, 2, 1],
        [2, 3, 1],
      ]) {
        const fields = sampleFields();
        await put(...order.map((version) => changeOf(samples, { ...fields, grade: version }, version)));
        expect(await one(samples, String(fields.id))).toMatchObject({ version: 3, fields: { grade: 3 } });
      }
    });

    test('P1 a position is unknown at first and moves with what is applied', async () => {
      const source = 'log/1';
      expect(await asker.position(source)).toEqual({ kind: 'position', position: undefined });
      const script = new Script();
      const events = [script.message('one'), script.message('two'), script.message('three')];
      const steps = [
        { source, from: undefined, to: 0, changes: [] },
        { source, from: 0, to: 2, changes: changesOf(events.slice(0, 2)) },
        { source, from: 2, to: Number.MAX_SAFE_INTEGER, changes: changesOf(events.slice(2)) },
      ];
      for (const step of steps) {
        expect(await asker.apply(step)).toEqual(applied);
        expect(await asker.position(source)).toEqual({ kind: 'position', position: step.to });
      }
      expect(await page(script.conv, 1, 3)).toEqual({ kind: 'events', events });
      expect(await asker.position('log/2')).toEqual({ kind: 'position', position: undefined });
    });

    test('a step that was applied may be applied again: its answer may have been lost', async () => {
      const [first, second] = [sampleFields(), sampleFields()];
      const step = { source: 'entities', from: undefined, to: 5, changes: [changeOf(samples, first, 3)] };
      expect(await asker.apply(step)).toEqual(applied);
      expect(await asker.apply(step)).toEqual(applied);
      const next = { source: 'entities', from: 5, to: 6, changes: [changeOf(samples, second, 4)] };
      expect(await asker.apply(next)).toEqual(applied);
      expect(await asker.apply(next)).toEqual(applied);
      expect(await asker.position('entities')).toEqual({ kind: 'position', position: 6 });
      expect(await asker.elements(samples, [String(first.id), String(second.id)])).toMatchObject([
        { version: 3 },
        { version: 4 },
      ]);
    });

    test('a mirror that does not stand where the step begins is lost and stays where it is', async () => {
      const source = 'log/3';
      const changes = [changeOf(samples, sampleFields(), 1)];
      expect(await asker.apply({ source, from: 4, to: 5, changes })).toEqual({ kind: 'lost' });
      expect(await asker.position(source)).toEqual({ kind: 'position', position: undefined });
      expect(await asker.apply({ source, from: undefined, to: 5, changes: [] })).toEqual(applied);
      for (const from of [undefined, 4, 6])
        expect(await asker.apply({ source, from, to: 7, changes })).toEqual({ kind: 'lost' });
      expect(await asker.position(source)).toEqual({ kind: 'position', position: 5 });
    });

    test('a mirror that was wiped says so, and begins again', async () => {
      const source = 'log/4';
      const fields = sampleFields();
      const changes = [changeOf(samples, fields, 1)];
      expect(await asker.apply({ source, from: undefined, to: 5, changes })).toEqual(applied);
      await open.wipe();
      expect(await one(samples, String(fields.id))).toBeUndefined();
      expect(await asker.position(source)).toEqual({ kind: 'position', position: undefined });
      expect(await asker.apply({ source, from: 5, to: 6, changes })).toEqual({ kind: 'lost' });
      expect(await asker.apply({ source, from: undefined, to: 6, changes })).toEqual(applied);
      expect(await one(samples, String(fields.id))).toMatchObject({ version: 1 });
    });

    test('a large step is applied whole, and several sources go at once', async () => {
      const scripts = Array.from({ length: 3 }, () => new Script());
      const pages = scripts.map((script) =>
        Array.from({ length: 250 }, (_, index) => script.message(`m${index} ${'x'.repeat(200)}`)),
      );
      const results = await Promise.all(
        pages.map((events, index) =>
          asker.apply({ source: `log/${index}`, from: undefined, to: index, changes: changesOf(events) }),
        ),
      );
      expect(results).toEqual([applied, applied, applied]);
      for (const [index, script] of scripts.entries()) {
        for (const from of [1, 101, 201]) {
          const found = await page(script.conv, from, from + 49);
          expect(found).toEqual({ kind: 'events', events: pages[index]?.slice(from - 1, from + 49) });
        }
        expect(await asker.position(`log/${index}`)).toEqual({ kind: 'position', position: index });
      }
    });

    test('what is put moves no position', async () => {
      const source = 'entities';
      const fields = sampleFields();
      await put(changeOf(samples, fields, 1));
      expect(await asker.position(source)).toEqual({ kind: 'position', position: undefined });
      expect(await asker.apply({ source, from: undefined, to: 9, changes: [] })).toEqual(applied);
      await put(changeOf(samples, fields, 2));
      await put();
      expect(await asker.position(source)).toEqual({ kind: 'position', position: 9 });
      expect(await one(samples, String(fields.id))).toMatchObject({ version: 2 });
    });

    test('a poisoned change is told, leaves nothing old behind, and the rest is applied', async () => {
      const source = 'entities';
      const poisons = [{ label: oversized }, ...(fixture.poisons ?? [])];
      const bad = poisons.map((poison) => changeOf(samples, sampleFields(poison), 2));
      const good = [sampleFields(), sampleFields()];
      const [first, last] = good.map((fields) => changeOf(samples, fields, 1));
      if (first === undefined || last === undefined) throw new Error('there are two');
      await put(...bad.map(({ id }) => changeOf(samples, sampleFields({ id }), 1)));
      const changes = [first, ...bad, last];
      const result = await asker.apply({ source, from: undefined, to: 3, changes });
      if (result.kind !== 'applied') throw new Error(JSON.stringify(result));
      expect(new Set(result.poisoned.map(({ change }) => change.id))).toEqual(
        new Set(bad.map(({ id }) => id)),
      );
      for (const { message } of result.poisoned) expect(message.length).toBeGreaterThan(10);
      for (const { message } of result.poisoned) expect(message.length).toBeLessThan(500);
      expect(await asker.position(source)).toEqual({ kind: 'position', position: 3 });
      const ids = [...bad.map(({ id }) => id), first.id, last.id];
      const found = await asker.elements(samples, ids);
      expect(found.map((element) => element?.fields)).toEqual([...bad.map(() => undefined), ...good]);
      const again = await asker.put(bad);
      expect(again.kind === 'applied' && again.poisoned.length).toBe(bad.length);
    });

    test('what is poisoned does no harm to what is newer', async () => {
      const fields = sampleFields();
      await put(changeOf(samples, fields, 3));
      const result = await asker.put([changeOf(samples, { ...fields, label: oversized }, 2)]);
      expect(result).toMatchObject({ kind: 'applied', poisoned: [{ change: { version: 2 } }] });
      expect(await one(samples, String(fields.id))).toEqual({ id: fields.id, version: 3, fields });
    });

    test('what was filled can be read, and is never older than what was there', async () => {
      const script = new Script();
      const events = everyKind(script);
      const [known, gone] = [sampleFields(), uuidv7()];
      await put(changeOf(samples, known, 7));
      open.mirror.fill(changesOf(events));
      open.mirror.fill([changeOf(samples, { ...known, label: 'old' }, 6), goneChange(samples, gone, 1)]);
      open.mirror.fill([]);
      const filled = { timeout: settledMsMax, interval: 10 };
      await expect
        .poll(() => page(script.conv, 1, events.length), filled)
        .toEqual({ kind: 'events', events });
      await expect
        .poll(() => one(samples, gone), filled)
        .toEqual({ id: gone, version: 1, fields: undefined });
      expect(await one(samples, String(known.id))).toEqual({ id: known.id, version: 7, fields: known });
    });

    test('T11 what a mirror that loses elements may have lost since is not filled with what it was', async () => {
      if (open.mirror.isWhole) return;
      const [early, late, other] = [sampleFields(), sampleFields(), sampleFields()];
      await asker.apply({ source: 'log/1', from: undefined, to: 5, changes: [] });
      open.mirror.fill([changeOf(samples, early, 0)], { source: 'log/1', batch: 4 });
      open.mirror.fill([changeOf(samples, other, 0)], { source: 'log/2', batch: 9 });
      await expect
        .poll(
          () => {
            open.mirror.fill([changeOf(samples, late, 0)], { source: 'log/1', batch: 5 });
            return one(samples, String(late.id));
          },
          { timeout: settledMsMax, interval: 10 },
        )
        .toMatchObject({ version: 0 });
      for (const { id } of [early, other]) expect(await one(samples, String(id))).toBeUndefined();
    });

    test('a mirror that begins empty is cleared, and stands where it stood', async () => {
      if (open.mirror.isWhole) return;
      const script = new Script();
      const fields = sampleFields();
      const changes = [...changesOf([script.message('x')]), changeOf(samples, fields, 1)];
      await asker.apply({ source: 'log/1', from: undefined, to: 4, changes });
      expect(await asker.clear()).toEqual({ kind: 'cleared' });
      expect(await page(script.conv, 1, 1)).toEqual({ kind: 'absent' });
      expect(await one(samples, String(fields.id))).toBeUndefined();
      // The position of another source would be lost with it: what is absent was applied without exception, too.
      expect(await asker.position('log/1')).toEqual({ kind: 'position', position: 4 });
      expect(await asker.apply({ source: 'log/1', from: 4, to: 5, changes })).toEqual(applied);
      expect(await one(samples, String(fields.id))).toMatchObject({ version: 1 });
    });

    test('a store that is away fails every call soon, and is used again when it is back', async () => {
      const { outage, mirror } = open;
      if (outage === undefined) return;
      const fields = sampleFields();
      const change = changeOf(samples, fields, 1);
      const step = { source: 'log/1', from: undefined, to: 1, changes: [change] };
      await outage.begin();
      const calls: Array<() => Promise<{ kind: string }>> = [
        () => page(uuidv7(), 1, 2),
        () => asker.get(samples, [change.id]),
        () => asker.position('log/1'),
        () => asker.apply(step),
        () => asker.put([change]),
        ...(mirror.isWhole ? [] : [() => asker.clear()]),
      ];
      // The first call of an outage may have to find out.
      for (const call of [...calls, ...calls]) {
        const begun = performance.now();
        expect(await call()).toMatchObject({ kind: 'failed', message: expect.stringMatching(/.{10}/) });
        expect(performance.now() - begun).toBeLessThan(answerMsMax);
      }
      mirror.fill([change]);
      await outage.end();
      await expect
        .poll(() => asker.position('log/9'), { timeout: settledMsMax, interval: 50 })
        .toEqual({ kind: 'position', position: undefined });
      await asker.put([change]);
      expect(await one(samples, change.id)).toMatchObject({ version: 1 });
    });
  });
}
