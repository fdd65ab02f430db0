/** Attachments on disk: the contract, and what is a disk's own. */
import { randomUUID } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  statfsSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { createDiskStore } from '#src/media/disk-store.js';
import { StoreFullError } from '#src/media/store.js';
import { temporaryFolder } from '#test/support/children.js';
import { mediaStoreContract } from '../contract/media-store.js';

mediaStoreContract({
  name: 'disk',
  async open() {
    const folder = temporaryFolder('media');
    return {
      store: createDiskStore(folder.path),
      again: () => createDiskStore(folder.path),
      close: async () => folder.remove(),
    };
  },
});

test('M5 no key leads out of the folder, and no link is followed', async () => {
  const folder = temporaryFolder('media');
  try {
    const store = createDiskStore(join(folder.path, 'store'));
    for (const key of [
      '../../etc/passwd',
      `..${randomUUID()}`,
      `${randomUUID()}/../x`,
      `${randomUUID()}\0`,
      '',
    ]) {
      await expect(store.create(key, 5)).rejects.toBeInstanceOf(RangeError);
      await expect(store.remove(key)).rejects.toBeInstanceOf(RangeError);
    }
    expect(existsSync(join(folder.path, 'store'))).toBe(false);

    const key = randomUUID();
    const elsewhere = join(folder.path, 'elsewhere');
    writeFileSync(elsewhere, 'secret');
    const part = join(folder.path, 'store', 'parts', key.slice(-2));
    mkdirSync(part, { recursive: true });
    symlinkSync(elsewhere, join(part, key));
    await expect(store.create(key, 6)).rejects.toMatchObject({ code: 'ELOOP' });
    await expect(store.append({ key, length: 6, handle: 'disk' }, 6)).rejects.toMatchObject({
      code: 'ELOOP',
    });
  } finally {
    folder.remove();
  }
});

test('M5 only their owner reads the files', async () => {
  const folder = temporaryFolder('media');
  try {
    const path = join(folder.path, 'store');
    const store = createDiskStore(path);
    const key = randomUUID();
    await store.create(key, 1);
    expect(statSync(path).mode & 0o777).toBe(0o700);
    const part = join(path, 'parts', key.slice(-2));
    expect(readdirSync(part).map((name) => statSync(join(part, name)).mode & 0o777)).toEqual([0o600]);
  } finally {
    folder.remove();
  }
});

test('M7 a disk is never filled to its end: the database may be on it', async () => {
  const folder = temporaryFolder('media');
  try {
    const [plenty, full] = [createDiskStore(folder.path), createDiskStore(folder.path, { freeMin: 2 ** 60 })];
    const key = randomUUID();
    await expect(full.create(key, 10)).rejects.toBeInstanceOf(StoreFullError);
    const upload = { key, length: 10, handle: await plenty.create(key, 10) };
    await expect(full.append(upload, 0)).rejects.toBeInstanceOf(StoreFullError);
    const { bavail, bsize } = statfsSync(folder.path);
    await expect(plenty.create(randomUUID(), bavail * bsize)).rejects.toBeInstanceOf(StoreFullError);
  } finally {
    folder.remove();
  }
});

test.skipIf(!existsSync('/dev/full'))(
  'M3 a full disk is told as such, and the upload stands where it stood',
  async () => {
    const folder = temporaryFolder('media');
    try {
      const store = createDiskStore(folder.path);
      const key = randomUUID();
      const upload = { key, length: 10, handle: await store.create(key, 10) };
      const writer = await store.append(upload, 0);
      // Every write to it fails as on a full disk.
      const { open } = await import('node:fs/promises');
      const full = await open('/dev/full', 'w');
      Object.assign(writer, { file: full });
      await expect(writer.write(Buffer.from('x'))).rejects.toBeInstanceOf(StoreFullError);
      await writer.close();
      expect(await store.size(upload)).toBe(0);
    } finally {
      folder.remove();
    }
  },
);
