import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, expect, test } from 'vitest';
import { authorsOf, metadataOf, readTranscript } from '#cli/replay/transcript.js';
import { UserError } from '#src/errors.js';
import { projectRoot } from '#src/project-root.js';

const folder = mkdtempSync(join(tmpdir(), 'nubo-transcript-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = '2006-02-24T00:00:01Z';

function fileOf(lines: readonly unknown[], name = 'transcript.ndjson', end = '\n'): string {
  const text = lines.map((line) => (typeof line === 'string' ? line : JSON.stringify(line))).join('\n') + end;
  const path = join(folder, name);
  writeFileSync(path, name.endsWith('.gz') ? gzipSync(text) : text);
  return path;
}

const said = (room: string, nick: string, text: string, kind = 'message') => ({ at, room, kind, nick, text });

test('H6 lines keep their order by room, renames are skipped, and nicks are compared byte by byte', () => {
  const lines = [
    said('b', 'Ann', 'one'),
    said('a', 'ann', 'two'),
    { at, kind: 'rename', nick: 'ann', to: 'Ann' },
    said('b', 'ann ', 'waves', 'action'),
    { ...said('b', 'Ann', 'earlier'), at: '2005-01-01T00:00:00Z' },
  ];
  for (const file of [
    fileOf(lines),
    fileOf(lines, 'transcript.ndjson.gz'),
    fileOf(lines, 'cut.ndjson', ''),
  ]) {
    const { rooms, lineCount, renames } = readTranscript(file);
    expect({ lineCount, renames }).toEqual({ lineCount: 5, renames: 1 });
    expect(rooms.map(({ name }) => name)).toEqual(['b', 'a']);
    expect(rooms[0]?.lines.map(({ text }) => text)).toEqual(['one', 'waves', 'earlier']);
    expect(rooms.map(authorsOf)).toEqual([['Ann', 'ann '], ['ann']]);
    expect(rooms[0]?.lines.map(metadataOf)).toEqual([
      { at },
      { at, action: true },
      { at: '2005-01-01T00:00:00Z' },
    ]);
  }
});

test('W16 a text keeps what other readers cut or mend', () => {
  const text = 'a\u2028b\u2029c\u0085d\u000be\ufefff\u0003\u0002\r\n"\\';
  // JSON.stringify leaves U+2028 as it is, inside one line.
  const { rooms } = readTranscript(fileOf([said('a', '`|\\^[', text)]));
  expect(rooms[0]?.lines[0]).toEqual({ nick: '`|\\^[', text, isAction: false, at });
});

test('O1 what is wrong is one sentence with the file and the line', () => {
  const wrong: Array<[unknown[], RegExp]> = [
    [[said('a', 'ann', 'one'), '{"at": '], /line 2: not a JSON object/],
    [[said('a', 'ann', 'one'), '[]'], /line 2/],
    [[said('a', '', 'one')], /line 1: nick/],
    [[said('a', 'ann', 'NUL \u0000')], /line 1: text must not contain NUL/],
    [[said('a', 'ann', 'lone \ud800')], /line 1: text must not contain NUL or lone surrogates/],
    [[said('a', 'ann', 'one', 'shout')], /line 1: kind/],
    [[{ at, kind: 'rename', nick: 'ann', to: 'Ann' }], /holds no messages/],
  ];
  for (const [lines, message] of wrong) {
    const read = () => readTranscript(fileOf(lines));
    expect(read).toThrow(UserError);
    expect(read).toThrow(message);
  }
  expect(() => readTranscript(join(folder, 'none'))).toThrow(/none cannot be read/);
});

test('O1 only the first rooms and messages, when asked', () => {
  const file = fileOf(['a', 'b', 'a', 'c', 'b'].map((room, index) => said(room, 'ann', String(index))));
  const texts = (bounds: Parameters<typeof readTranscript>[1]) =>
    readTranscript(file, bounds).rooms.map(({ lines }) => lines.map(({ text }) => text));
  expect(texts({ rooms: 2 })).toEqual([
    ['0', '2'],
    ['1', '4'],
  ]);
  expect(texts({ limit: 3 })).toEqual([['0', '2'], ['1']]);
  expect(texts({ rooms: 1, limit: 1 })).toEqual([['0']]);
});

test('H6 the sample holds what makes transcripts difficult', () => {
  const { rooms, renames, sha256 } = readTranscript(join(projectRoot, 'samples/ubuntu-irc.ndjson.gz'));
  const lines = rooms.flatMap((room) => room.lines);
  expect({ rooms: rooms.length, lines: lines.length, renames }).toEqual({
    rooms: 7,
    lines: 5704,
    renames: 151,
  });
  expect(sha256).toMatch(/^[0-9a-f]{64}$/);
  const count = (picked: (line: (typeof lines)[number]) => boolean) => lines.filter(picked).length;
  expect(count(({ isAction }) => isAction)).toBe(11);
  expect(count(({ text }) => /\p{Cc}/u.test(text))).toBeGreaterThan(5);
  expect(count(({ text }) => Buffer.byteLength(text) > text.length)).toBeGreaterThan(5);
  expect(count(({ text }) => text.includes('\\'))).toBeGreaterThan(5);
  expect(count(({ nick }) => nick.endsWith(' '))).toBeGreaterThan(5);
  expect(count(({ nick }) => /[`|\\^[]/.test(nick))).toBeGreaterThan(50);
  expect(
    rooms.some(({ lines: of }) => of.some(({ at: time }, index) => time < (of[index - 1]?.at ?? ''))),
  ).toBe(true);
});
