/** One element of a tier beside what Postgres says: what differs, in words. */
import { type Entity, mirroredFields } from '#src/entities/entity.js';
import { messages } from '#src/entities/messages.js';
import { timeOfId } from '#src/ids.js';
import { type Element, recentDays } from '#src/storage/tiers/ports.js';

/** What a tier has under one key. */
export interface Found {
  readonly entity: Entity;
  /** How it is looked for again, and that as text. */
  readonly key: unknown;
  readonly name: string;
  /** Of the element, as far as it can be known. */
  readonly id: string;
  /** undefined: nothing is there, or nothing that can be read. */
  readonly element: Element | undefined;
  /** Why it is not as it should be, whatever Postgres says. */
  readonly trouble?: string;
}

export interface Standards {
  /** A whole mirror has it. */
  readonly isExpected: boolean;
  /** Unix ms */
  readonly now: number;
  /** Unix ms: messages from before have left the log. */
  readonly horizon: number | undefined;
}

const dayMs = 86_400_000;
/** What is about to be too old may be gone already: ids may be ahead of the clock, and uses are told late. */
const recentMs = (recentDays - 1) * dayMs - 3_600_000;
const shownChars = 60;
const shownFields = 3;

/** @returns undefined when there is nothing to say */
export function differenceOf(
  { entity, id, element, trouble }: Found,
  truth: Element | undefined,
  standards: Standards,
): string | undefined {
  if (trouble !== undefined) return trouble;
  const isThere = truth?.fields !== undefined;
  if (element === undefined) {
    if (!standards.isExpected || !isThere || isOld(entity, truth, standards.now)) return undefined;
    return 'is not there, and Postgres has it';
  }
  if (truth !== undefined && element.version > truth.version)
    return `is of version ${element.version}, and Postgres is at ${truth.version}`;
  if (element.fields === undefined) return isThere ? 'is said to be gone, and Postgres has it' : undefined;
  if (!isThere) return isExpired(entity, id, standards.horizon) ? undefined : 'is there, and not in Postgres';
  const { fields: ours } = element;
  const { fields: theirs } = truth;
  const other = mirroredFields(entity).filter((name) => !isEqual(entity, name, ours[name], theirs?.[name]));
  if (other.length === 0) return undefined;
  const told = other
    .slice(0, shownFields)
    .map((name) => `${name} is ${shown(ours[name])}, in Postgres ${shown(theirs?.[name])}`);
  const more = other.length > shownFields ? `; and ${other.length - shownFields} fields more` : '';
  const behind = element.version < truth.version ? ` (version ${element.version} of ${truth.version})` : '';
  return `${told.join('; ')}${more}${behind}`;
}

function isEqual(entity: Entity, name: string, ours: unknown, theirs: unknown): boolean {
  if (canonical(ours) === canonical(theirs)) return true;
  if (entity.fields[name]?.isCoarse !== true || typeof ours !== 'number' || typeof theirs !== 'number')
    return false;
  return theirs > ours && theirs - ours < dayMs;
}

/** The order of keys is nobody's, and what JSON does not tell apart is the same. */
function canonical(value: unknown): string {
  return JSON.stringify(value ?? null, (_key, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  );
}

function shown(value: unknown): string {
  const text = canonical(value);
  return text.length > shownChars ? `${text.slice(0, shownChars)}…` : text;
}

/** By the latest time that its fields or its version tell of: what nobody used for 30 days leaves by itself. */
function isOld(entity: Entity, { version, fields }: Element, now: number): boolean {
  const times = Object.entries(entity.fields)
    .filter(([, { type }]) => type === 'time')
    .map(([name]) => Number(fields?.[name] ?? 0));
  const latest = Math.max(...[version, ...times].filter((time) => time <= now));
  return latest < now - recentMs;
}

function isExpired(entity: Entity, id: string, horizon: number | undefined): boolean {
  return entity.name === messages.name && horizon !== undefined && timeOfId(id) < horizon;
}
