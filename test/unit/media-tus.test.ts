/** Headers of uploads, names and types of files, ranges: what is asked for, and what is made of it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { rangeOf } from '#src/media/byte-ranges.js';
import { dispositionOf, plainFileName } from '#src/media/file-name.js';
import { checkAppend, checkRoom, readAppend, readCreation, standingHeaders } from '#src/media/tus.js';
import { isAllowed, isShownInPlace, plainType } from '#src/media/types.js';

const bytesMax = 1000;
const base64 = (text: string) => Buffer.from(text).toString('base64');

function asked(headers: Record<string, string>) {
  const all = new Map(Object.entries({ 'tus-resumable': '1.0.0', ...headers }));
  return (name: string) => all.get(name) || undefined;
}

const create = (headers: Record<string, string>) => readCreation(asked(headers), bytesMax);

test('M1 a creation says how long, and may say name and type', () => {
  const metadata = `filename ${base64('a ü.png')}, filetype ${base64('image/png')},is_confidential`;
  expect(create({ 'upload-length': '1000', 'upload-metadata': metadata })).toEqual({
    kind: 'create',
    length: 1000,
    name: 'a ü.png',
    type: 'image/png',
  });
  expect(create({ 'upload-length': '1' })).toMatchObject({ kind: 'create', length: 1, name: '', type: '' });
});

test('M1 M3 a creation that lies or says nothing is refused with the status of the protocol', () => {
  const cases: Array<[headers: Record<string, string>, status: number]> = [
    [{}, 400],
    ...['0', '-1', '1.5', '1e3', 'NaN', '', ' 5', '99999999999999999'].map(
      (length): [Record<string, string>, number] => [{ 'upload-length': length }, 400],
    ),
    [{ 'upload-length': '1001' }, 413],
    [{ 'upload-defer-length': '1' }, 400],
    [{ 'upload-length': '5', 'tus-resumable': '0.2.2' }, 412],
    [{ 'upload-length': '5', 'tus-resumable': '' }, 412],
    [{ 'upload-length': '5', 'upload-metadata': 'filename %%%' }, 400],
    [{ 'upload-length': '5', 'upload-metadata': `filename ${base64('a')},filename ${base64('b')}` }, 400],
    [{ 'upload-length': '5', 'upload-metadata': `filename ${Buffer.from([0xff]).toString('base64')}` }, 400],
    [{ 'upload-length': '5', 'upload-metadata': `filename ${base64('x'.repeat(10_000))}` }, 400],
  ];
  for (const [headers, status] of cases)
    expect([headers, create(headers)]).toMatchObject([headers, { kind: 'refused', status }]);
});

test('M3 bytes are taken where the upload stands, and never more than were said', () => {
  const type = 'application/offset+octet-stream';
  const read = (headers: Record<string, string>) => readAppend(asked({ 'content-type': type, ...headers }));
  expect(read({ 'upload-offset': '5', 'content-length': '7' })).toEqual({
    kind: 'append',
    offset: 5,
    bytes: 7,
  });
  for (const [headers, status] of [
    [{ 'upload-offset': '5', 'content-type': 'application/json' }, 415],
    [{}, 400],
    [{ 'upload-offset': '-1' }, 400],
    [{ 'upload-offset': '5', 'content-length': 'x' }, 400],
    [{ 'upload-offset': '5', 'tus-resumable': '2.0.0' }, 412],
  ] as const)
    expect(read(headers)).toMatchObject({ kind: 'refused', status });

  const append = (offset: number, bytes?: number) => checkAppend({ kind: 'append', offset, bytes }, 5, 10);
  expect(append(5)).toBeUndefined();
  expect(append(5, 5)).toBeUndefined();
  expect(append(5, 6)).toMatchObject({ status: 413 });
  for (const offset of [0, 4, 6, 10])
    expect(append(offset)).toMatchObject({ status: 409, headers: { 'upload-offset': '5' } });
  expect(checkRoom(1, 10, 10)).toMatchObject({ status: 413 });
});

test('M1 an answer says where it stands and until when', () => {
  expect(standingHeaders({ offset: 5, length: 10 }, Date.UTC(2030, 0, 2, 3, 4, 5))).toEqual({
    'tus-resumable': '1.0.0',
    'upload-offset': '5',
    'upload-length': '10',
    'upload-expires': 'Wed, 02 Jan 2030 03:04:05 GMT',
  });
});

test('M5 a name is the last part of what may be a path, without what hides or cannot be stored', () => {
  const cases: Array<[given: string, name: string]> = [
    ['photo.jpg', 'photo.jpg'],
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\me\\report.pdf', 'report.pdf'],
    ['a\0b\r\nSet-Cookie: x.txt', 'abSet-Cookie: x.txt'],
    ['exe.\u202egnp.js', 'exe.gnp.js'],
    ['..', 'file'],
    ['', 'file'],
    ['/', 'file'],
    [' . ', 'file'],
    ['e\u0301te\u0301.txt', 'été.txt'],
    ['👨‍👩‍👧.png', '👨‍👩‍👧.png'],
    ['\ud800x', 'x'],
  ];
  for (const [given, name] of cases) expect(plainFileName(given)).toBe(name);
  const long = plainFileName(`${'ä'.repeat(10_000)}.tar.gz`);
  expect(Array.from(long)).toHaveLength(255);
  expect(long.endsWith('.gz')).toBe(true);
  expect(Buffer.byteLength(plainFileName(`${'🦆'.repeat(300)}.txt`))).toBeLessThanOrEqual(1024);
});

test('M5 whatever a file is called, its name is storable and one line of header', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (given) => {
      const name = plainFileName(given);
      expect(Buffer.byteLength(name)).toBeGreaterThan(0);
      expect(Buffer.byteLength(name)).toBeLessThanOrEqual(1024);
      expect(name).not.toMatch(/[\p{Cc}/\\]/u);
      expect(name.isWellFormed()).toBe(true);
      const header = dispositionOf(name, 'attachment');
      expect(header).toMatch(
        /^attachment; filename="[\x20-\x21\x23-\x5b\x5d-\x7e]*"; filename\*=UTF-8''[\w%.~!-]*$/,
      );
      expect(decodeURIComponent(header.split("UTF-8''")[1] ?? '')).toBe(name);
    }),
    { numRuns: 2_000 },
  );
});

test('M5 a wildcard covers nothing that a browser or a system would run', () => {
  const runs = [
    'text/html',
    'image/svg+xml',
    'application/xhtml+xml',
    'application/x-msdownload',
    'application/wasm',
  ];
  for (const type of runs) {
    expect(isAllowed(type, ['*', 'text/*', 'image/*', 'application/*'])).toBe(false);
    expect(isAllowed(type, ['image/png', type])).toBe(true);
    expect(isShownInPlace(type)).toBe(false);
  }
  expect(isAllowed('image/png', ['image/*'])).toBe(true);
  expect(isAllowed('application/zip', ['image/*', 'application/pdf'])).toBe(false);
  expect(isAllowed('application/octet-stream', ['*'])).toBe(true);
  expect(isShownInPlace('application/pdf')).toBe(false);
  expect(plainType('Image/PNG; q=1')).toBe('image/png');
  for (const nothing of ['', 'png', 'a/b\r\nx: y', `image/${'x'.repeat(300)}`])
    expect(plainType(nothing)).toBe('application/octet-stream');
});

test('M6 one range is sent as asked, several or none as the whole, one behind the end not at all', () => {
  const cases: Array<[header: string | undefined, range: unknown]> = [
    [undefined, 'all'],
    ['bytes=0-0', { from: 0, to: 1 }],
    ['bytes=3-5', { from: 3, to: 6 }],
    ['bytes=3-', { from: 3, to: 10 }],
    ['bytes=-4', { from: 6, to: 10 }],
    ['bytes=-400', { from: 0, to: 10 }],
    ['bytes=9-999999999999999', { from: 9, to: 10 }],
    ['bytes=10-', 'none'],
    ['bytes=-0', 'none'],
    ['bytes=5-3', 'all'],
    ['bytes=0-0,2-2', 'all'],
    [`bytes=${Array.from({ length: 5000 }, () => '0-').join(',')}`, 'all'],
    ['bytes=-', 'all'],
    ['items=0-1', 'all'],
    ['bytes=99999999999999999999-', 'all'],
  ];
  for (const [header, range] of cases) expect([header, rangeOf(header, 10)]).toEqual([header, range]);
});
