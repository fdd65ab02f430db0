/** A room as a faultless replay leaves it: what was sent, what is stored and what was heard all agree. */
import { uuidv7 } from 'uuidv7';
import type { SeenEvent, SentLine, StoredRow } from '#cli/replay/check.js';
import type { LogEventName } from '#src/wire/events.js';

/** Of RoomRecord, but a test may change it. */
export interface PlantedRoom {
  listener: string;
  authors: string[];
  sent: SentLine[];
  stored: StoredRow[];
  seen: SeenEvent[];
}

export interface PlantedLine {
  /** Place among the authors. */
  readonly author: number;
  readonly text: string;
  readonly isAction?: boolean;
}

/** All authors join first; then the lines follow. */
export function faultlessRoom(authorCount: number, lines: readonly PlantedLine[]): PlantedRoom {
  const listener = uuidv7();
  const authors = Array.from({ length: authorCount }, () => uuidv7());
  const room: PlantedRoom = { listener, authors, sent: [], stored: [], seen: [] };
  const add = (kind: LogEventName, actor: string, line?: PlantedLine & { at: string }) => {
    const id = uuidv7();
    const seq = room.stored.length + 1;
    const { text = '', isAction = false, at } = line ?? {};
    const body = line === undefined ? undefined : Buffer.from(text);
    if (line !== undefined) room.sent.push({ id, author: actor, text, isAction, at: line.at, ackedSeq: seq });
    room.stored.push({ id, seq, number: room.sent.length, kind, actor, body, isAction, at });
    room.seen.push({ seq, id, from: actor, kind, text, isAction });
  };
  add('conversation.create', listener);
  for (const author of authors) add('member.join', author);
  lines.forEach((line, index) => {
    add('message.new', authors[line.author] ?? listener, { ...line, at: `2006-02-24T00:00:${index}Z` });
  });
  return room;
}
