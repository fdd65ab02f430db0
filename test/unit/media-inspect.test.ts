/** What files are, by their bytes, and small pictures of large ones: also of bytes that mean harm. */
import { deflateRawSync } from 'node:zlib';
import fc from 'fast-check';
import { imageDimensionsFromData } from 'image-dimensions';
import { describe, expect, test } from 'vitest';
import { inspect, thumbnailOf } from '#src/media/inspect.js';
import { claimedPng, picture, silentWav, turnedJpeg } from '#test/support/pictures.js';

const look = (bytes: Uint8Array | string) => {
  const head = Buffer.from(bytes as string);
  return inspect({ head, size: head.length });
};
const typeOf = async (bytes: Uint8Array | string) => (await look(bytes)).type;

describe('M5 a file is what its bytes are', () => {
  test('M5 pictures, with their dimensions', async () => {
    const made = picture(64, 32);
    for (const [bytes, type] of [
      [made.pngSync(), 'image/png'],
      [made.jpegSync(80), 'image/jpeg'],
      [made.webpSync(80), 'image/webp'],
    ] as const)
      expect(await look(bytes)).toEqual({ type, width: 64, height: 32, durationMs: null });
  });

  test('M5 a sound says how long it is where that is cheap to know', async () => {
    expect(await look(silentWav())).toMatchObject({ type: 'audio/wav', durationMs: 1000 });
  });

  test('M5 pages, drawings and scripts are known for what they are, however they begin', async () => {
    for (const page of [
      '<html><script>alert(1)</script>',
      '\n\t <!DOCTYPE html><p>x',
      '\ufeff<!-- x --><body onload=x>',
      '<SCRIPT>x</SCRIPT>',
      '<img src=x onerror=y>',
    ])
      expect([page, await typeOf(page)]).toEqual([page, 'text/html']);
    for (const drawing of [
      '<svg xmlns="http://www.w3.org/2000/svg"><script>x</script></svg>',
      '<?xml version="1.0"?><!-- x --><svg/>',
      '<?xml version="1.0"?><x:svg xmlns:x="http://www.w3.org/2000/svg"/>',
      ' \n<!DOCTYPE svg [<!ENTITY x "y">]><svg>',
    ])
      expect([drawing, await typeOf(drawing)]).toEqual([drawing, 'image/svg+xml']);
    expect(await typeOf('<?xml version="1.0"?><html xmlns="x"/>')).toBe('application/xhtml+xml');
    expect(await typeOf('<?xml version="1.0"?><note/>')).toBe('application/xml');
    expect(await typeOf('#!/bin/sh\nrm -rf x')).toBe('application/x-sh');
    expect(await typeOf(Buffer.from('7f454c46020101000000000000000000', 'hex'))).toBe('application/x-elf');
  });

  test('M5 text is text, and what is nothing that is known is bytes', async () => {
    expect(await typeOf('a < b and a <b> or an <svg> in the middle\n')).toBe('text/plain');
    expect(await typeOf('\u001b[31mred\u001b[0m ünïcode')).toBe('text/plain');
    expect(await typeOf('a\0b')).toBe('application/octet-stream');
    expect(await typeOf(Buffer.from([0xff, 0x80, 0x80, 0x81, 0x82]))).toBe('application/octet-stream');
    // A head may end in the middle of a character, a file may not.
    const cut = Buffer.from('é').subarray(0, 1);
    expect((await inspect({ head: cut, size: 2 })).type).toBe('text/plain');
    expect((await inspect({ head: cut, size: 1 })).type).toBe('application/octet-stream');
  });

  test('M8 an archive that unfolds to much is looked at quickly, and not unfolded', async () => {
    const packed = deflateRawSync(Buffer.alloc(200 * 1024 * 1024), { level: 9 });
    const name = '[Content_Types].xml';
    const head = Buffer.alloc(30);
    head.writeUInt32LE(0x04034b50, 0);
    head.writeUInt16LE(20, 4);
    head.writeUInt16LE(8, 8);
    head.writeUInt32LE(packed.length, 18);
    head.writeUInt32LE(200 * 1024 * 1024, 22);
    head.writeUInt16LE(name.length, 26);
    const before = process.memoryUsage.rss();
    const type = await typeOf(Buffer.concat([head, Buffer.from(name), packed]));
    expect(['application/zip', 'application/octet-stream']).toContain(type);
    expect(process.memoryUsage.rss() - before).toBeLessThan(100 * 1024 * 1024);
  });

  test('M5 no bytes make it fail', async () => {
    const magic = [
      '89504e470d0a1a0a',
      'ffd8ffe1',
      '474946383961',
      '504b0304',
      '52494646',
      '1a45dfa3',
      '494433',
      '',
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...magic), fc.uint8Array({ maxLength: 300 }), async (start, rest) => {
        const bytes = Buffer.concat([Buffer.from(start, 'hex'), rest]);
        expect((await look(bytes)).type).toMatch(/^\w+\/[\w.+-]+$/);
        thumbnailOf({ bytes });
      }),
      { numRuns: 300 },
    );
  });
});

describe('M8 thumbnails', () => {
  test('M8 a large picture becomes a WebP of at most 320 pixels, a small one stays as large as it is', () => {
    const made = thumbnailOf({ bytes: picture(800, 400).jpegSync(80) });
    expect(made).toMatchObject({ width: 800, height: 400 });
    expect(imageDimensionsFromData(made?.webp ?? new Uint8Array())).toEqual({
      type: 'webp',
      width: 320,
      height: 160,
    });
    const small = thumbnailOf({ bytes: picture(20, 10).pngSync() });
    expect(imageDimensionsFromData(small?.webp ?? new Uint8Array())).toEqual({
      type: 'webp',
      width: 20,
      height: 10,
    });
  });

  test('M8 a picture is turned as its camera was, and nothing else of the camera is left', () => {
    const turned = turnedJpeg(800, 400);
    const made = thumbnailOf({ bytes: turned });
    expect(made).toMatchObject({ width: 400, height: 800 });
    expect(imageDimensionsFromData(made?.webp ?? new Uint8Array())).toMatchObject({
      width: 160,
      height: 320,
    });
    expect(turned.includes('Exif')).toBe(true);
    expect(Buffer.from(made?.webp ?? []).includes('EXIF')).toBe(false);
  });

  test('M8 a picture that claims to be huge is not taken apart', () => {
    const timed = (bytes: Uint8Array) => {
      const from = performance.now();
      const found = thumbnailOf({ bytes });
      return { found, ms: performance.now() - from };
    };
    // As large as may be.
    const allowed = timed(claimedPng(8_000, 6_000, 6_000));
    expect(allowed.found).toMatchObject({ width: 8_000, height: 6_000 });
    const bombs = [
      claimedPng(8_000, 7_000, 7_000),
      claimedPng(30_000, 30_000, 100),
      claimedPng(0x7fffffff, 0x7fffffff, 0),
      claimedPng(1, 60_000_000, 10),
    ];
    for (const bytes of bombs) {
      expect(bytes.length).toBeLessThan(1_000_000);
      const { found, ms } = timed(bytes);
      expect(found).toBeUndefined();
      expect(ms).toBeLessThan(allowed.ms / 4);
    }
  });

  test('M8 what is broken, or of another kind, has none', () => {
    const whole = picture(64, 64).pngSync();
    expect(thumbnailOf({ bytes: whole.subarray(0, 40) })).toBeUndefined();
    expect(thumbnailOf({ bytes: Buffer.from('<svg/>') })).toBeUndefined();
    // Nothing is taken apart whose dimensions are not known before.
    expect(thumbnailOf({ bytes: picture(8, 8).bmpSync() })).toBeUndefined();
    expect(thumbnailOf({ bytes: new Uint8Array(0) })).toBeUndefined();
  });
});
