/**
 * Changes ↔ documents. A document has the columns of its entity, `v` (the version) and `last_use`; one whose element is
 * gone has `gone` instead of the columns, so that an older version never comes back.
 */
import { type Binary, BSON, type Document } from 'mongodb';
import {
  type Change,
  type ElementFields,
  type Entity,
  type Field,
  mirroredFields,
} from '../../entities/entity.js';
import type { Element } from '../tiers/ports.js';
import { DocumentBytes, type ElementName, EncodedDocument, elementName } from './document-bytes.js';
import { fromBson, toBson, UnfitValue, uuidBinary, uuidText } from './values.js';

/** UUIDs are Binary of subtype 4, all other ids are text. */
export type DocumentId = Binary | string;

export interface StoredDocument extends Document {
  _id: DocumentId;
  /** Of the change it is from. */
  v: number;
  last_use: Date;
  gone?: true;
}

/** What a document has beside the columns of its entity; made once for many documents. */
export class Beside {
  readonly fields: Document;
  /** Of a document with nothing else. */
  readonly bytes: Uint8Array;

  constructor(fields: Document) {
    this.fields = fields;
    this.bytes = BSON.serialize(fields);
  }
}

interface Column {
  readonly name: string;
  readonly column: string;
  readonly element: ElementName;
  readonly type: Field['type'];
  readonly isNullable: boolean;
}

const own = {
  id: elementName('_id'),
  version: elementName('v'),
  gone: elementName('gone'),
  lastUse: elementName('last_use'),
};
/** Written to by one document at a time. */
const bytes = new DocumentBytes();

/** How documents of one entity are made and read; made once per entity. */
export class DocumentShape {
  readonly entity: Entity;
  /** The id is one UUID. */
  readonly hasUuidIds: boolean;
  private readonly columns: readonly Column[];
  /** The field that is the id itself, and is not stored a second time. */
  private readonly idField: string | undefined;

  constructor(entity: Entity) {
    this.entity = entity;
    const [key, ...others] = entity.key;
    const field = key === undefined || others.length > 0 ? undefined : entity.fields[key];
    this.hasUuidIds = field?.type === 'uuid';
    const isId = field?.column === '_id' || field?.column === 'id';
    this.idField = isId && (field.type === 'uuid' || field.type === 'text') ? key : undefined;
    this.columns = mirroredFields(entity)
      .filter((name) => name !== this.idField)
      .map((name) => columnOf(entity, name));
  }

  /** @throws RangeError when it is no id of this entity */
  idOf(id: string): DocumentId {
    return this.hasUuidIds ? uuidBinary(id) : id;
  }

  /**
   * @param now Unix ms: it counts as used
   * @throws Error when a value cannot be stored
   */
  documentOf({ id, version, fields }: Change, now: number, beside?: Beside): StoredDocument {
    if (!Number.isSafeInteger(version)) throw new UnfitValue(`${version} is no version`);
    const _id = this.idOf(id);
    const last_use = new Date(now);
    if (fields === undefined) return { _id, v: version, gone: true, last_use };
    const document: StoredDocument = { _id, v: version, last_use };
    for (const { name, column, type } of this.columns) document[column] = toBson(type, fields[name]);
    return beside === undefined ? document : Object.assign(document, beside.fields);
  }

  /** `documentOf`, as BSON. */
  encodedOf({ id, version, fields }: Change, now: number, beside?: Beside): EncodedDocument {
    if (!Number.isSafeInteger(version)) throw new UnfitValue(`${version} is no version`);
    bytes.begin();
    if (this.hasUuidIds) bytes.uuid(own.id, id);
    else bytes.text(own.id, id);
    bytes.number(own.version, version);
    if (fields === undefined) bytes.boolean(own.gone, true);
    bytes.date(own.lastUse, now);
    if (fields !== undefined)
      for (const { name, element, type } of this.columns) bytes.value(element, type, fields[name]);
    if (fields !== undefined && beside !== undefined) bytes.elements(beside.bytes);
    return new EncodedDocument(bytes.end());
  }

  /** @returns undefined when the document is none of this entity, or of another version of its declaration */
  elementOf(document: Document): Element | undefined {
    const id = this.hasUuidIds ? uuidText(document._id) : document._id;
    const version = document.v;
    if (typeof id !== 'string' || !Number.isSafeInteger(version)) return undefined;
    if (document.gone === true) return { id, version, fields: undefined };
    const fields: Record<string, unknown> = {};
    if (this.idField !== undefined) fields[this.idField] = id;
    for (const { name, column, type, isNullable } of this.columns) {
      const value = fromBson(type, document[column], isNullable);
      if (value === undefined) return undefined;
      fields[name] = value;
    }
    return { id, version, fields: fields as ElementFields };
  }
}

function columnOf(entity: Entity, name: string): Column {
  const field = entity.fields[name];
  if (field === undefined) throw new Error(`${entity.name} has no field ${name}`);
  const element = elementName(field.column);
  return { name, column: field.column, element, type: field.type, isNullable: field.isNullable === true };
}

const shapes = new WeakMap<Entity, DocumentShape>();

export function shapeOf(entity: Entity): DocumentShape {
  const known = shapes.get(entity);
  if (known !== undefined) return known;
  const shape = new DocumentShape(entity);
  shapes.set(entity, shape);
  return shape;
}
