/** Thumbnails are made one at a time, each picture is tried once, and an outage is not a try. */
import { expect, test } from 'vitest';
import { pictureBytesMax, type Thumbnail } from '#src/media/inspect.js';
import { BytesGoneError, type MediaStore, StoreAwayError } from '#src/media/store.js';
import { Thumbnails } from '#src/media/thumbnails.js';

const made: Thumbnail = { webp: new Uint8Array([1]), width: 4, height: 3 };

/** Pictures by id: what reading gives, or fails with. */
class World {
  readonly untried = new Map<string, number>();
  readonly tried = new Map<string, boolean>();
  readonly stored: string[] = [];
  readonly faults: unknown[] = [];
  readonly unreadable = new Map<string, Error>();
  atOnce = 0;
  atOnceMost = 0;
  outcome: Thumbnail | undefined = made;
  readonly thumbnails = new Thumbnails({
    rows: {
      setThumbnail: async (id, has) => {
        this.tried.set(id, has);
        this.untried.delete(id);
      },
      withoutThumbnail: async (limit) =>
        [...this.untried].slice(0, limit).map(([id, size]) => ({ id, size })),
    },
    store: {
      read: (id: string) => this.read(id),
      putThumbnail: async (id: string) => {
        this.stored.push(id);
      },
    } as unknown as MediaStore,
    pool: {
      thumbnail: async () => {
        this.atOnce += 1;
        this.atOnceMost = Math.max(this.atOnceMost, this.atOnce);
        await new Promise((resolve) => setImmediate(resolve));
        this.atOnce -= 1;
        return this.outcome;
      },
    },
    onFault: (error) => this.faults.push(error),
  });

  private async *read(id: string): AsyncGenerator<Uint8Array> {
    const error = this.unreadable.get(id);
    if (error !== undefined) throw error;
    yield new Uint8Array(10);
  }
}

test('M8 many pictures are made small one after the other, and the same one once', async () => {
  const world = new World();
  const ids = ['a', 'b', 'c', 'a', 'b'];
  await Promise.all(ids.map((id) => world.thumbnails.make(id, 10)));
  expect(world.atOnceMost).toBe(1);
  expect(world.stored).toEqual(['a', 'b', 'c']);
  expect([...world.tried]).toEqual([
    ['a', true],
    ['b', true],
    ['c', true],
  ]);
});

test('M8 what cannot have one, is too large or is gone is tried once; an outage is tried again', async () => {
  const world = new World();
  for (const id of ['odd', 'away', 'gone']) world.untried.set(id, 10);
  world.untried.set('large', pictureBytesMax + 1);
  world.outcome = undefined;
  world.unreadable.set('away', new StoreAwayError('away'));
  world.unreadable.set('gone', new BytesGoneError('gone'));
  await world.thumbnails.makeUp();
  expect(Object.fromEntries(world.tried)).toEqual({ odd: false, gone: false, large: false });
  expect(world.faults).toEqual([world.unreadable.get('away')]);
  expect([...world.untried.keys()]).toEqual(['away']);
  world.unreadable.clear();
  world.outcome = made;
  await world.thumbnails.makeUp();
  expect(world.tried.get('away')).toBe(true);
  expect([world.stored, world.untried.size]).toEqual([['away'], 0]);
});
