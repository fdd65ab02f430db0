/**
 * The value of an element: its version in 8 bytes, big-endian, then a msgpack array `[shape, …values of the mirrored
 * fields in order]`; the version alone says that the element is gone. Whatever else is found there is somebody else's
 * or another version's, and is not believed.
 */
import { createHash } from 'node:crypto';
import { Packr } from 'msgpackr';
import { z } from 'zod';
import { type Change, type ElementFields, type Entity, idOf, mirroredFields } from '../../entities/entity.js';
import { eventOfFields, messages } from '../../entities/messages.js';
import type { LogEvent } from '../../wire/events.js';
import { MsgpackReader } from '../../wire/msgpack-reader.js';
import { depthLimit, scanMsgpack } from '../../wire/scan-msgpack.js';
import { elementBytesMax, rememberPerEntity } from '../tiers/place.js';
import type { Element } from '../tiers/ports.js';
import { decodePlainMessage, encodePlainMessage } from './plain-message.js';

/** `foreign`: no value of ours; `shape`: of a version of nubo that declares the entity otherwise. */
export type Unreadable = 'foreign' | 'shape';

const versionBytes = 8;
/** Beyond it, the first four bytes are of no version that is a safe integer. */
const highMax = 2 ** 21;
/** Never used by msgpack: in place of a body it tells the script to remove what is older. */
const removal = 0xc1;

/** Read by our own reader, which keeps a text byte for byte and never looks past what was scanned. */
const packr = new Packr({ useRecords: false });
/** A list of people may be long. */
const bounds = { bytesMax: elementBytesMax, depthMax: depthLimit, itemsMax: 65_536 };

interface Shape {
  readonly names: readonly string[];
  readonly hash: number;
  /** All fields, null. */
  readonly blank: ElementFields;
  readonly schema: z.ZodType;
}

const shapeOf = rememberPerEntity((entity: Entity): Shape => {
  const names = mirroredFields(entity);
  const types = names.map((name) => [name, entity.fields[name]?.type]);
  const schemas = names.map((name) => {
    const field = entity.fields[name];
    const schema = field?.schema ?? z.never();
    return [name, field?.isNullable === true ? schema.nullable() : schema] as const;
  });
  return {
    names,
    hash: createHash('sha256').update(JSON.stringify(types)).digest().readUInt32BE(0),
    blank: Object.fromEntries(names.map((name) => [name, null])),
    schema: z.object(Object.fromEntries(schemas)),
  };
});

/** @throws Error when a value is of no kind that msgpack knows */
export function encodeElement({ entity, version, fields }: Change): Buffer {
  if (fields === undefined) return withVersion(version, Buffer.alloc(0));
  const { names, hash } = shapeOf(entity);
  const plain = entity === messages ? encodePlainMessage(fields, hash) : undefined;
  if (plain !== undefined) return writeVersion(plain, version);
  const values: unknown[] = [hash];
  for (const name of names) values.push(fields[name] ?? null);
  return withVersion(version, packr.pack(values));
}

/** The value that removes an older element and leaves nothing: for one that cannot be held. */
export function encodeRemoval(version: number): Buffer {
  return withVersion(version, Buffer.from([removal]));
}

/** @param id of the element that should be there */
export function decodeElement(entity: Entity, id: string, value: Buffer): Element | Unreadable {
  const version = versionOf(value);
  if (version === undefined) return 'foreign';
  if (value.length === versionBytes) return { id, version, fields: undefined };
  const fields = decodeFields(entity, value);
  if (typeof fields === 'string') return fields;
  return idOf(entity, fields) === id && isValid(entity, fields) ? { id, version, fields } : 'foreign';
}

/** @returns the event; undefined: it is known to be gone */
export function decodeEvent(
  place: { conv: string; seq: number },
  value: Buffer,
): LogEvent | Unreadable | undefined {
  if (versionOf(value) === undefined) return 'foreign';
  if (value.length === versionBytes) return undefined;
  if (value.length <= elementBytesMax) {
    const plain = decodePlainMessage(place, value, shapeOf(messages).hash);
    if (plain !== undefined) return plain;
  }
  const fields = decodeFields(messages, value);
  if (typeof fields === 'string') return fields;
  const isHere = fields.conversation === place.conv && fields.seq === place.seq;
  return (isHere && checked(() => eventOfFields(fields))) || 'foreign';
}

function decodeFields(entity: Entity, value: Buffer): ElementFields | Unreadable {
  const body = value.subarray(versionBytes);
  // Once it is let through, nothing in it can run past its end, nest too deep or be a type of its own.
  if (scanMsgpack(body, bounds) !== undefined) return 'foreign';
  const reader = new MsgpackReader(body);
  const length = reader.arrayLength();
  const { names, hash, blank } = shapeOf(entity);
  const found = length > 0 ? reader.value() : undefined;
  if (typeof found !== 'number') return 'foreign';
  if (found !== hash || length !== names.length + 1) return 'shape';
  // A copy of an object that has all its names: the engine knows its shape.
  const fields: Record<string, unknown> = { ...blank };
  for (let index = 0; index < names.length; index += 1) fields[names[index] ?? ''] = reader.value();
  return fields;
}

function isValid(entity: Entity, fields: ElementFields): boolean {
  if (entity.name === messages.name) return checked(() => eventOfFields(fields)) !== undefined;
  return checked(() => shapeOf(entity).schema.safeParse(fields).success) === true;
}

/** What a schema says of a foreign value may be an exception of its own. */
function checked<Value>(look: () => Value): Value | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

function versionOf(value: Buffer): number | undefined {
  if (value.length < versionBytes) return undefined;
  const high = value.readUInt32BE(0);
  return high < highMax ? high * 2 ** 32 + value.readUInt32BE(4) : undefined;
}

function withVersion(version: number, body: Buffer): Buffer {
  const value = Buffer.allocUnsafe(versionBytes + body.length);
  value.set(body, versionBytes);
  return writeVersion(value, version);
}

function writeVersion(value: Buffer, version: number): Buffer {
  value.writeUInt32BE(Math.floor(version / 2 ** 32), 0);
  value.writeUInt32BE(version % 2 ** 32, 4);
  return value;
}
