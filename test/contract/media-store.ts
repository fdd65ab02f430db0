/** What every store of attachments promises, run on each: disk and S3. */
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BytesGoneError, type MediaStore, type Upload, WrongOffsetError } from '#src/media/store.js';

interface OpenStore {
  readonly store: MediaStore;
  /** Another one on the same bytes, as after a start. */
  again(): MediaStore;
  close(): Promise<void>;
}

export interface MediaStoreFixture {
  readonly name: string;
  open(): Promise<OpenStore>;
}

const megabyte = 1024 * 1024;

export function mediaStoreContract(fixture: MediaStoreFixture): void {
  describe(`M2 a store of attachments: ${fixture.name}`, () => {
    let opened: OpenStore;
    let store: MediaStore;
    beforeAll(async () => {
      opened = await fixture.open();
      store = opened.store;
    });
    afterAll(() => opened.close());

    async function created(length: number): Promise<Upload> {
      const key = randomUUID();
      return { key, length, handle: await store.create(key, length) };
    }

    /** → bytes held, after the pieces and a close. */
    async function appended(
      on: MediaStore,
      upload: Upload,
      offset: number,
      ...pieces: Uint8Array[]
    ): Promise<number> {
      const writer = await on.append(upload, offset);
      for (const piece of pieces) await writer.write(Buffer.from(piece));
      return writer.close();
    }

    async function read(key: string, from: number, to: number, what: 'bytes' | 'thumbnail' = 'bytes') {
      const pieces: Uint8Array[] = [];
      for await (const piece of store.read(key, what, { from, to })) pieces.push(piece);
      return Buffer.concat(pieces);
    }

    test('M2 what is sent in parts of any size, over restarts, is what is read', async () => {
      const bytes = randomBytes(12 * megabyte + 345);
      const upload = await created(bytes.length);
      const cuts = [0, 1, 77, 77 + 3 * megabyte, 6 * megabyte, 11 * megabyte + 1, bytes.length];
      for (const [index, from] of cuts.slice(0, -1).entries()) {
        const on = index % 2 === 0 ? store : opened.again();
        const part = bytes.subarray(from, cuts[index + 1]);
        expect(await on.size(upload)).toBe(from);
        const middle = Math.floor(part.length / 2);
        expect(await appended(on, upload, from, part.subarray(0, middle), part.subarray(middle))).toBe(
          cuts[index + 1],
        );
      }
      await store.finish(upload);
      expect((await read(upload.key, 0, bytes.length)).equals(bytes)).toBe(true);
      expect((await read(upload.key, 5, 6)).equals(bytes.subarray(5, 6))).toBe(true);
      const [from, to] = [5 * megabyte - 3, 8 * megabyte + 9];
      expect((await read(upload.key, from, to)).equals(bytes.subarray(from, to))).toBe(true);
    });

    test('M3 nobody goes on elsewhere than where the upload stands', async () => {
      const upload = await created(10);
      expect(await appended(store, upload, 0, Buffer.from('abcd'))).toBe(4);
      for (const offset of [0, 3, 5, 10]) {
        await expect(store.append(upload, offset)).rejects.toMatchObject({
          name: 'WrongOffsetError',
          held: 4,
        });
      }
      await expect(store.finish(upload)).rejects.toBeInstanceOf(WrongOffsetError);
      expect(await appended(store, upload, 4, Buffer.from('efghij'))).toBe(10);
      await store.finish(upload);
    });

    test('M4 a finish is done once, however often it is asked for, and says where it stands after a restart', async () => {
      const upload = await created(3);
      expect(await appended(store, upload, 0, Buffer.from('xyz'))).toBe(3);
      await store.finish(upload);
      await opened.again().finish(upload);
      expect(await opened.again().size(upload)).toBe(3);
      expect(String(await read(upload.key, 0, 3))).toBe('xyz');
    });

    test('M7 what is removed is gone in every form, and removing it again does no harm', async () => {
      const whole = await created(4);
      await appended(store, whole, 0, Buffer.from('data'));
      await store.finish(whole);
      await store.putThumbnail(whole.key, Buffer.from('small'));
      expect(String(await read(whole.key, 0, 5, 'thumbnail'))).toBe('small');
      expect(await store.thumbnailSize(whole.key)).toBe(5);
      const half = await created(6 * megabyte);
      await appended(store, half, 0, randomBytes(5 * megabyte + 10));
      for (const { key } of [whole, half, half]) await store.remove(key);
      for (const what of ['bytes', 'thumbnail'] as const)
        await expect(read(whole.key, 0, 4, what)).rejects.toBeInstanceOf(BytesGoneError);
      expect(await store.thumbnailSize(whole.key)).toBeUndefined();
      expect(await store.size(half)).toBe(0);
      await expect(store.append(half, 0)).rejects.toBeInstanceOf(BytesGoneError);
    });

    test('M7 two keys have nothing to do with each other, and one that begins anew begins empty', async () => {
      const [one, other] = [await created(8), await created(8)];
      await appended(store, one, 0, Buffer.from('one'));
      await appended(store, other, 0, Buffer.from('other'));
      const anew = { ...one, handle: await store.create(one.key, 8) };
      expect(await store.size(anew)).toBe(0);
      expect(await store.size(other)).toBe(5);
      await store.remove(one.key);
      expect(await store.size(other)).toBe(5);
    });

    test('M6 a reader who stops early holds nothing open', async () => {
      const upload = await created(2 * megabyte);
      await appended(store, upload, 0, randomBytes(2 * megabyte));
      await store.finish(upload);
      for (let turn = 0; turn < 50; turn += 1) {
        for await (const piece of store.read(upload.key, 'bytes', { from: 0, to: 2 * megabyte })) {
          expect(piece.length).toBeGreaterThan(0);
          break;
        }
      }
      await expect(read(randomUUID(), 0, 1)).rejects.toBeInstanceOf(BytesGoneError);
    });
  });
}
