/**
 * Which JSON comes back from BSON as it went in. BSON gives a meaning of its own to some keys (`$ref`, `_bsontype`),
 * servers differ about keys that begin with a dollar and about arrays in arrays, and all refuse to nest too deep: such an object is kept as its
 * text, so that what a client sent is neither changed nor refused.
 */

/** Servers refuse documents that are nested more than 100 deep; the document itself is the first level. */
const depthMax = 64;

/** @param value of JSON: no undefined, no bigint, no cycle */
export function isPlainJson(value: unknown, depth = 1): boolean {
  if (typeof value !== 'object' || value === null) return true;
  if (depth > depthMax) return false;
  if (Array.isArray(value)) {
    return value.every((item) => !Array.isArray(item) && isPlainJson(item, depth + 1));
  }
  for (const key in value) {
    if (!isPlainKey(key) || !isPlainJson((value as Record<string, unknown>)[key], depth + 1)) return false;
  }
  return true;
}

function isPlainKey(key: string): boolean {
  if (key.length === 0 || key.includes('.') || key.includes('\u0000')) return false;
  return key.charCodeAt(0) !== 0x24 && key !== '_bsontype' && key !== '__proto__';
}
