/**
 * A frame of a client becomes operations: scan, decode, then each operation against its own schema. A wrong one is
 * told apart from its neighbours, who are taken as if it were not there (W16).
 */
import type { z } from 'zod';
import { MsgpackReader } from './msgpack-reader.js';
import type { Operation } from './operations.js';
import { type OperationForm, operationByCode, operationByName } from './places.js';
import { type Codec, prescan } from './prescan.js';
import { readSend } from './read-send.js';

export type DecodedItem =
  | { readonly kind: 'operation'; readonly operation: Operation }
  /** `ref` null: it has none that could be read. */
  | {
      readonly kind: 'invalid';
      readonly ref: number | null;
      readonly message: string;
    };

export type DecodedFrame =
  | { readonly kind: 'operations'; readonly items: readonly DecodedItem[] }
  /** Nothing of the frame was taken: it breaks a bound or is not in the codec at all (`bad_frame`). */
  | { readonly kind: 'bad'; readonly message: string };

/**
 * Decodes one frame, with at most `frameOperationsMax` operations (W2, W3, W16). Never throws. What it returns keeps
 * no reference to the frame's memory.
 */
export function decodeOperations(codec: Codec, frame: Uint8Array): DecodedFrame {
  const reason = prescan(codec, frame);
  if (reason !== undefined) return bad(reason);
  return codec === 'msgpack' ? decodeMsgpack(new MsgpackReader(frame)) : decodeJson(frame);
}

function bad(reason: string): DecodedFrame {
  return { kind: 'bad', message: `The frame was refused: ${reason}.` };
}

function decodeMsgpack(reader: MsgpackReader): DecodedFrame {
  const length = reader.arrayLength();
  if (length < 0) return bad('it is neither an operation nor an array of operations');
  const isList = length === 0 || isArrayHeader(reader.peek());
  if (!isList) {
    reader.position = 0;
    return { kind: 'operations', items: [readOperation(reader)] };
  }
  const items: DecodedItem[] = [];
  for (let index = 0; index < length; index++) items.push(readOperation(reader));
  return { kind: 'operations', items };
}

function isArrayHeader(header: number): boolean {
  return (header & 0xf0) === 0x90 || header === 0xdc || header === 0xdd;
}

function readOperation(reader: MsgpackReader): DecodedItem {
  const send = readSend(reader);
  if (send !== undefined) return { kind: 'operation', operation: send };
  const value = reader.value();
  if (!Array.isArray(value)) return invalid(null, 'an operation must be an array [code, ref, …]');
  const form = operationByCode.get(value[0]);
  // Without its code nothing says where the ref stands, but in every operation it is the first place.
  if (form === undefined) return invalid(value[1], `there is no operation with the code ${shown(value[0])}`);
  const fields: Record<string, unknown> = {};
  for (let place = 0; place < form.keys.length; place++) {
    const field = value[place + 1];
    if (field !== null && field !== undefined) fields[form.keys[place] as string] = field;
  }
  return checked(form, fields);
}

/** Fatal, although the scan has looked: nothing may be replaced silently. Keeps a byte order mark, which is wrong. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeJson(frame: Uint8Array): DecodedFrame {
  let value: unknown;
  try {
    value = JSON.parse(decoder.decode(frame));
  } catch {
    return bad('it is not JSON');
  }
  if (Array.isArray(value)) return { kind: 'operations', items: value.map(checkOperation) };
  if (typeof value !== 'object' || value === null) {
    return bad('it is neither an operation nor an array of operations');
  }
  return { kind: 'operations', items: [checkOperation(value)] };
}

/** Checks one operation in the form of JSON, as the server would: for clients, before they send it. */
export function checkOperation(value: unknown): DecodedItem {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return invalid(null, 'an operation must be an object {op, ref, …}');
  }
  const object = value as Record<string, unknown>;
  const form = operationByName.get(object.op);
  if (form === undefined) return invalid(object.ref, `there is no operation ${shown(object.op)}`);
  // Only its own known fields, and null is as good as absent: so both codecs mean the same.
  const fields: Record<string, unknown> = {};
  for (const key of form.keys) {
    if (!Object.hasOwn(object, key)) continue;
    const field = object[key];
    if (field !== null) fields[key] = field;
  }
  return checked(form, fields);
}

function checked(form: OperationForm, fields: Record<string, unknown>): DecodedItem {
  const result = form.schema.safeParse(fields);
  if (!result.success) {
    const issue = result.error.issues[0] as z.core.$ZodIssue;
    return invalid(fields.ref, `${form.name}: ${sentence(issue, fields)}`);
  }
  const operation = result.data as Record<string, unknown>;
  operation.op = form.name;
  return { kind: 'operation', operation: operation as Operation };
}

function invalid(ref: unknown, reason: string): DecodedItem {
  const isRef = typeof ref === 'number' && Number.isInteger(ref) && ref >= 0 && ref <= 0xffffffff;
  return { kind: 'invalid', ref: isRef ? ref : null, message: `${reason}.` };
}

/** Field and reason, as in `text must be at most 32768 bytes of UTF-8`. */
function sentence(issue: z.core.$ZodIssue, fields: Record<string, unknown>): string {
  const [field] = issue.path;
  if (issue.path.length === 1 && !Object.hasOwn(fields, String(field))) return `${String(field)} is missing`;
  const path = issue.path.map(String).join('.').slice(0, 100).toWellFormed();
  // Our own reasons are half sentences; those of the library stand for themselves.
  return issue.message.startsWith('must ') ? `${path} ${issue.message}` : `${path}: ${issue.message}`;
}

/** What a client sent where a name or code should be, short enough to be sent back. */
function shown(value: unknown): string {
  if (typeof value === 'string') return `"${value.toWellFormed().slice(0, 40)}"`;
  return typeof value === 'number' ? String(value) : `(${value === null ? 'null' : typeof value})`;
}
