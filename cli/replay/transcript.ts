/**
 * A transcript: one JSON object a line, `{at, room, kind: message | action, nick, text}` or
 * `{at, kind: rename, nick, to}`. Its order is the order of its lines, whatever the times say, and two people are
 * the same only if their nicks are, byte for byte.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { z } from 'zod';
import { UserError } from '#src/errors.js';
import { messageOf } from '#src/storage/postgres/sql.js';
import { isStorableText } from '#src/wire/operations.js';

/** Something a person wrote. */
export interface Line {
  readonly nick: string;
  readonly text: string;
  /** `/me …` */
  readonly isAction: boolean;
  /** When it was written, as the transcript has it. */
  readonly at: string;
}

export interface Room {
  readonly name: string;
  readonly lines: Line[];
}

export interface Transcript {
  /** Of the file as it is on the disk, in hex. */
  readonly sha256: string;
  /** Everything in the file. */
  readonly lineCount: number;
  readonly renames: number;
  /** In the order in which they first appear. */
  readonly rooms: readonly Room[];
}

export interface TranscriptBounds {
  /** Only the first so many rooms. */
  readonly rooms?: number | undefined;
  /** Only the first so many messages of these. */
  readonly limit?: number | undefined;
}

const text = z.string().refine(isStorableText, 'must not contain NUL or lone surrogates');
const lineSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('message'), at: text, room: text.min(1), nick: text.min(1), text }),
  z.object({ kind: z.literal('action'), at: text, room: text.min(1), nick: text.min(1), text }),
  z.object({ kind: z.literal('rename'), at: text, nick: text, to: text }),
]);

const newline = 0x0a;
const gzipMagic = 0x1f8b;

/** @throws UserError that names the file, and the line when one is wrong */
export function readTranscript(file: string, bounds: TranscriptBounds = {}): Transcript {
  const { sha256, content } = readContent(file);
  const rooms = new Map<string, Room>();
  const { rooms: roomsMax = Number.POSITIVE_INFINITY, limit = Number.POSITIVE_INFINITY } = bounds;
  let lineCount = 0;
  let renames = 0;
  let messages = 0;
  for (const json of linesOf(content)) {
    lineCount += 1;
    const line = parseLine(json, file, lineCount);
    if (line.kind === 'rename') {
      renames += 1;
      continue;
    }
    let room = rooms.get(line.room);
    if (messages >= limit || (room === undefined && rooms.size >= roomsMax)) continue;
    if (room === undefined) {
      room = { name: line.room, lines: [] };
      rooms.set(line.room, room);
    }
    messages += 1;
    room.lines.push({ nick: line.nick, text: line.text, isAction: line.kind === 'action', at: line.at });
  }
  if (messages === 0) throw new UserError(`${file} holds no messages.`);
  return { sha256, lineCount, renames, rooms: [...rooms.values()] };
}

/** What a message carries beside its text: when it was written, and whether it is an action. */
export function metadataOf({ at, isAction }: Pick<Line, 'at' | 'isAction'>): Record<string, string | true> {
  return isAction ? { at, action: true } : { at };
}

/** Who writes in a room, in the order in which they first do. */
export function authorsOf(room: Room): string[] {
  return [...new Set(room.lines.map(({ nick }) => nick))];
}

function readContent(file: string): { sha256: string; content: Buffer } {
  try {
    const bytes = readFileSync(file);
    const isCompressed = bytes.length > 2 && bytes.readUInt16BE(0) === gzipMagic;
    return {
      sha256: createHash('sha256').update(bytes).digest('hex'),
      content: isCompressed ? gunzipSync(bytes) : bytes,
    };
  } catch (error) {
    throw new UserError(`${file} cannot be read: ${messageOf(error)}`);
  }
}

/** Cut at newlines only: `node:readline` would also cut at U+2028, which JSON allows inside a text. */
function* linesOf(content: Buffer): Generator<string> {
  let start = 0;
  while (start < content.length) {
    const found = content.indexOf(newline, start);
    const end = found === -1 ? content.length : found;
    if (end > start) yield content.toString('utf8', start, end);
    start = end + 1;
  }
}

function parseLine(json: string, file: string, number: number): z.output<typeof lineSchema> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new UserError(`${file}, line ${number}: not a JSON object.`);
  }
  const result = lineSchema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new UserError(`${file}, line ${number}: ${issue?.path.join('.')} ${issue?.message ?? 'is wrong'}.`);
}
