/**
 * Unordered writes, as the commands that the driver's bulk objects would send: about a quarter less of this thread's
 * time (3.2 instead of 4.4 µs a document), and the server's own answer about each document.
 */
import { BSON, type Db, type Document } from 'mongodb';
import { DocumentSequence } from 'mongodb/lib/cmap/commands.js';
import { EncodedDocument } from './document-bytes.js';
import { isRefusal, isRefusalCode } from './failures.js';
import { positionsCollection } from './positions.js';

/** One document that the server did not take, by its place in what was sent. */
export interface Fault {
  readonly index: number;
  readonly code: number;
  readonly message: string;
}

interface WriteReply extends Document {
  readonly writeErrors?: ReadonlyArray<{ index: number; code: number; errmsg: string }>;
  readonly writeConcernError?: { code: number; errmsg: string };
}

/** With fewer, it may be that all are at fault; with all of more it is the server that takes nothing. */
const refusedAllMin = 8;

/** What FerretDB answers of a document that it cannot take, and of any while the Postgres below it is away. */
const internalError = 1;
/** Of what is refused with that. */
const triesMax = 4;

/** @throws Error when the call failed as a whole */
export function insertAll(
  database: Db,
  collection: string,
  documents: readonly Document[],
): Promise<Fault[]> {
  const send = (part: readonly Document[]) =>
    write(database, { insert: collection, documents: besideCommand(part) });
  return sendSurely(database, documents, send);
}

/** What is BSON already goes beside the command, as the driver does it for documents of its own collections. */
function besideCommand(part: readonly Document[]): readonly Document[] | DocumentSequence {
  const sequence = new DocumentSequence('documents');
  for (const document of part) {
    if (!(document instanceof EncodedDocument)) return part;
    sequence.push(document, document.bytes);
  }
  return sequence;
}

/** Each replaces the document of its id, if that is of a smaller version. */
export function replaceOlder(
  database: Db,
  collection: string,
  documents: readonly Document[],
): Promise<Fault[]> {
  const updates = documents.map((document) => ({
    q: { _id: document._id, v: { $lt: document.v } },
    u: document,
  }));
  return sendSurely(database, updates, (part) => write(database, { update: collection, updates: part }));
}

/** Changes all documents that a filter finds. */
export function updateAll(
  database: Db,
  collection: string,
  updates: ReadonlyArray<{ q: Document; u: Document }>,
): Promise<Fault[]> {
  const statements = updates.map((update) => ({ ...update, multi: true }));
  return sendSurely(database, statements, (part) => write(database, { update: collection, updates: part }));
}

/** Removes by filters. */
export function deleteAll(database: Db, collection: string, filters: readonly Document[]): Promise<Fault[]> {
  const deletes = filters.map((q) => ({ q, limit: 0 }));
  return sendSurely(database, deletes, (part) => write(database, { delete: collection, deletes: part }));
}

async function write(database: Db, command: Document): Promise<Fault[]> {
  const whole = { ...command, ordered: false, writeConcern: { w: 'majority' } };
  const reply = (await database.command(whole)) as WriteReply;
  const { writeErrors = [], writeConcernError } = reply;
  if (writeConcernError !== undefined)
    throw new Error(`a majority did not confirm: ${writeConcernError.errmsg}`);
  const passing = writeErrors.find(({ code }) => !isRefusalCode(code));
  if (passing !== undefined) throw new Error(`Mongo answers: ${passing.errmsg} (${passing.code})`);
  return writeErrors.map(({ index, code, errmsg }) => ({ index, code, message: errmsg }));
}

type Send = (part: readonly Document[]) => Promise<Fault[]>;

/** What is refused without a reason is sent again, if the server can do anything at all: it may have been away. */
async function sendSurely(database: Db, statements: readonly Document[], send: Send): Promise<Fault[]> {
  const faults: Fault[] = [];
  let places = statements.map((_, index) => index);
  for (let tries = 1; ; tries += 1) {
    const sent = places;
    const part = tries === 1 ? statements : sent.flatMap((index) => statements[index] ?? []);
    const found = (await sendAll(part, send)).map((fault) => ({ ...fault, index: sent[fault.index] ?? 0 }));
    const unclear = tries < triesMax ? found.filter(({ code }) => code === internalError) : [];
    faults.push(...found.filter((fault) => !unclear.includes(fault)));
    if (unclear.length === 0) return faults;
    await database.command({ find: positionsCollection, limit: 1, singleBatch: true });
    places = unclear.map(({ index }) => index);
  }
}

/** Some servers refuse the whole call because of one document, as does the driver: halves tell which. */
async function sendAll(statements: readonly Document[], send: Send): Promise<Fault[]> {
  const faults: Fault[] = [];
  let refusals = 0;
  const parts = [{ start: 0, end: statements.length }];
  for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
    const { start, end } = part;
    if (start === end) continue;
    try {
      const found = await send(
        start === 0 && end === statements.length ? statements : statements.slice(start, end),
      );
      faults.push(...found.map((fault) => ({ ...fault, index: fault.index + start })));
    } catch (error) {
      if (!isRefusal(error) && !isUnsendable(error)) throw error;
      if (end - start > 1) {
        const middle = (start + end) >> 1;
        parts.push({ start: middle, end }, { start, end: middle });
        continue;
      }
      faults.push(faultOf(error, start));
      refusals += 1;
      if (refusals >= refusedAllMin && refusals > start) throw error;
    }
  }
  return faults;
}

/** The driver cannot make BSON of it. */
function isUnsendable(error: unknown): boolean {
  return error instanceof BSON.BSONError || error instanceof RangeError || error instanceof TypeError;
}

function faultOf(error: unknown, index: number): Fault {
  const { code, message } = error as { code?: unknown; message?: unknown };
  return { index, code: typeof code === 'number' ? code : 0, message: String(message) };
}
