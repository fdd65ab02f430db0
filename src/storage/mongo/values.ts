/** One value of a field ↔ BSON. */
import { Binary, UUID } from 'mongodb';
import type { FieldType } from '../../entities/entity.js';
import { writeUuid } from '../../uuid-bytes.js';
import { isPlainJson } from './plain-json.js';

/** What is wrong with a value: it is no value of its type. */
export class UnfitValue extends Error {}

/**
 * @param text lower case
 * @throws RangeError when it is no UUID
 */
export function uuidBinary(text: string): Binary {
  const bytes = Buffer.allocUnsafe(16);
  writeUuid(bytes, 0, text);
  return new Binary(bytes, Binary.SUBTYPE_UUID);
}

/** The text of a UUID as the driver reads it; undefined when it is something else. */
export function uuidText(value: unknown): string | undefined {
  if (value instanceof UUID) return value.toHexString(true);
  const isBytes = value instanceof Binary && value.sub_type === Binary.SUBTYPE_UUID && value.length() === 16;
  return isBytes ? value.toUUID().toHexString(true) : undefined;
}

/**
 * @returns null for null and undefined
 * @throws UnfitValue, RangeError when it is no value of the type
 */
export function toBson(type: FieldType, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  switch (type) {
    case 'uuid':
      return uuidBinary(value as string);
    case 'uuids':
      return (value as string[]).map(uuidBinary);
    case 'time':
      return dateOf(value as number);
    case 'json':
      return isPlainJson(value) ? value : JSON.stringify(value);
    default:
      return value;
  }
}

/** @throws UnfitValue when it is none */
export function dateOf(time: number): Date {
  const date = new Date(time);
  if (date.getTime() !== time) throw new UnfitValue(`${time} is no time that can be stored`);
  return date;
}

/**
 * @param isNullable null is a value of this field
 * @returns undefined when it is no value of the type: somebody else's document, or another version's
 */
export function fromBson(type: FieldType, value: unknown, isNullable: boolean): unknown {
  if (value === null) return isNullable ? null : undefined;
  switch (type) {
    case 'uuid':
      return uuidText(value);
    case 'uuids':
      return arrayOf(value, uuidText);
    case 'texts':
    case 'addresses':
      return arrayOf(value, textOf);
    case 'text':
    case 'date':
      return textOf(value);
    case 'smallint':
    case 'bigint':
      return Number.isSafeInteger(value) ? value : undefined;
    case 'boolean':
      return typeof value === 'boolean' ? value : undefined;
    case 'time':
      return value instanceof Date && !Number.isNaN(value.getTime()) ? value.getTime() : undefined;
    case 'json':
      return jsonOf(value);
  }
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function arrayOf(value: unknown, item: (value: unknown) => string | undefined): string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const items = value.map(item);
  return items.every((text) => text !== undefined) ? items : undefined;
}

/** A text here is JSON that BSON would have changed. */
function jsonOf(value: unknown): unknown {
  try {
    const json: unknown = typeof value === 'string' ? JSON.parse(value) : value;
    return isObject(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
