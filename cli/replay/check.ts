/**
 * Does what was stored and what was heard agree with what was sent? Pure: the records of one room in, counts of
 * faults out, so that a test can plant each fault and see it counted.
 */
import type { LogEventName } from '#src/wire/events.js';

/** A line of the transcript, as it was sent and acked. Rooms keep them in the order of the transcript. */
export interface SentLine {
  readonly id: string;
  readonly author: string;
  readonly text: string;
  readonly isAction: boolean;
  /** As the transcript has it. */
  readonly at: string;
  /** What the ack said; undefined when there was none. */
  readonly ackedSeq: number | undefined;
}

/** A row of the log. */
export interface StoredRow {
  readonly id: string;
  readonly seq: number;
  readonly number: number;
  /** undefined: a kind that this version does not know. */
  readonly kind: LogEventName | undefined;
  readonly actor: string;
  /** UTF-8; undefined when there is no text. */
  readonly body: Uint8Array | undefined;
  /** Of the metadata. */
  readonly isAction: boolean;
  readonly at: string | undefined;
}

/** What a listener was told. */
export interface SeenEvent {
  readonly seq: number;
  readonly id: string;
  readonly from: string;
  readonly kind: LogEventName;
  /** Empty when it is no message. */
  readonly text: string;
  readonly isAction: boolean;
}

export interface RoomRecord {
  /** Who created the room and listens in it. */
  readonly listener: string;
  /** Those who joined it, each once. */
  readonly authors: readonly string[];
  readonly sent: readonly SentLine[];
  readonly stored: readonly StoredRow[];
  /** In the order of arrival. */
  readonly seen: readonly SeenEvent[];
}

/** Counts; every one but `stored` and `heard` should be 0. */
export interface Findings {
  /** Messages in the log. */
  stored: number;
  /** Events that listeners were told. */
  heard: number;
  /** Sent, and not in the log. */
  lost: number;
  /** In the log twice, or there without having been sent. */
  duplicates: number;
  /** Messages whose `number` is not one more than that of the message before. */
  numberBreaks: number;
  /** Rows whose `seq` is not one more than that of the row before, and rooms that end too early or too late. */
  seqBreaks: number;
  /** Creations and joins that are missing, too many or somebody else's. */
  membershipFaults: number;
  /** Messages that stand before one that the transcript has earlier. */
  orderBreaks: number;
  /** Acks that named another seq than the one stored. */
  ackFaults: number;
  bytesDifferent: number;
  authorsDifferent: number;
  actionsDifferent: number;
  timesDifferent: number;
  /** Events that did not come right after the one before: missed, repeated or out of order. */
  heardBreaks: number;
  /** Events that said something else than what is stored. */
  heardDifferent: number;
}

export function noFindings(): Findings {
  return {
    ...{ stored: 0, heard: 0, lost: 0, duplicates: 0, numberBreaks: 0, seqBreaks: 0, membershipFaults: 0 },
    ...{ orderBreaks: 0, ackFaults: 0, bytesDifferent: 0, authorsDifferent: 0, actionsDifferent: 0 },
    ...{ timesDifferent: 0, heardBreaks: 0, heardDifferent: 0 },
  };
}

export function addFindings(total: Findings, more: Readonly<Findings>): void {
  for (const name of Object.keys(total) as Array<keyof Findings>) total[name] += more[name];
}

export function checkRoom(room: RoomRecord): Findings {
  const findings = noFindings();
  const rows = room.stored.toSorted((one, other) => one.seq - other.seq);
  checkSequence(room, rows, findings);
  checkMembership(room, rows, findings);
  checkMessages(room, rows, findings);
  checkHeard(room, rows, findings);
  return findings;
}

function checkSequence({ sent, authors }: RoomRecord, rows: readonly StoredRow[], findings: Findings): void {
  let seq = 0;
  let number = 0;
  for (const row of rows) {
    if (row.seq !== seq + 1) findings.seqBreaks += 1;
    seq = row.seq;
    // What is no message repeats the number of the message before it.
    const expected = number + (row.kind === 'message.new' ? 1 : 0);
    if (row.number !== expected) findings.numberBreaks += 1;
    number = row.number;
  }
  if (seq !== 1 + authors.length + sent.length) findings.seqBreaks += 1;
  if (number !== sent.length) findings.numberBreaks += 1;
}

/** The listener creates the room first of all; then every author joins once, before their first message. */
function checkMembership(
  { listener, authors }: RoomRecord,
  rows: readonly StoredRow[],
  findings: Findings,
): void {
  const missing = new Set(authors);
  const early = new Set<string>();
  rows.forEach((row, index) => {
    if (row.kind === 'message.new') {
      if (missing.has(row.actor)) early.add(row.actor);
    } else if (row.kind === 'conversation.create') {
      if (index !== 0 || row.actor !== listener) findings.membershipFaults += 1;
    } else if (row.kind !== 'member.join' || !missing.delete(row.actor)) findings.membershipFaults += 1;
  });
  // Who never joined is early with all they wrote: one fault each.
  findings.membershipFaults += new Set([...missing, ...early]).size;
  if (rows[0]?.kind !== 'conversation.create') findings.membershipFaults += 1;
}

const encoder = new TextEncoder();

function checkMessages({ sent }: RoomRecord, rows: readonly StoredRow[], findings: Findings): void {
  const places = new Map(sent.map(({ id }, place) => [id, place]));
  const found = new Set<string>();
  let last = -1;
  for (const row of rows) {
    if (row.kind !== 'message.new') continue;
    findings.stored += 1;
    const place = places.get(row.id);
    const line = place === undefined ? undefined : sent[place];
    if (place === undefined || line === undefined || found.has(row.id)) {
      findings.duplicates += 1;
      continue;
    }
    found.add(row.id);
    if (place < last) findings.orderBreaks += 1;
    last = place;
    compare(line, row, findings);
  }
  findings.lost += sent.length - found.size;
}

function compare(line: SentLine, row: StoredRow, findings: Findings): void {
  if (line.ackedSeq !== row.seq) findings.ackFaults += 1;
  if (!areEqual(encoder.encode(line.text), row.body)) findings.bytesDifferent += 1;
  if (line.author !== row.actor) findings.authorsDifferent += 1;
  if (line.isAction !== row.isAction) findings.actionsDifferent += 1;
  if (line.at !== row.at) findings.timesDifferent += 1;
}

function areEqual(one: Uint8Array, other: Uint8Array | undefined): boolean {
  return other !== undefined && Buffer.compare(one, other) === 0;
}

/** Every seq once and in order, and each with what is stored under it. */
function checkHeard({ seen }: RoomRecord, rows: readonly StoredRow[], findings: Findings): void {
  const bySeq = new Map(rows.map((row) => [row.seq, row]));
  let seq = 0;
  for (const event of seen) {
    findings.heard += 1;
    if (event.seq !== seq + 1) findings.heardBreaks += 1;
    seq = event.seq;
    const row = bySeq.get(event.seq);
    if (row === undefined || !isSame(event, row)) findings.heardDifferent += 1;
  }
  if (seq !== (rows.at(-1)?.seq ?? 0)) findings.heardBreaks += 1;
}

function isSame(event: SeenEvent, row: StoredRow): boolean {
  return (
    event.id === row.id &&
    event.kind === row.kind &&
    event.from === row.actor &&
    event.isAction === row.isAction &&
    (row.kind !== 'message.new' || areEqual(encoder.encode(event.text), row.body))
  );
}
