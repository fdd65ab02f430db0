/** About how much of the heap a value takes, in bytes: for limits, not for accounts. */

const headerBytes = 16;
const slotBytes = 8;
const isTwoBytes = /[\u0100-\uffff]/;

/** @param value what JSON can hold, nested at most a few levels */
export function byteEstimate(value: unknown): number {
  if (typeof value === 'string') return headerBytes + value.length * (isTwoBytes.test(value) ? 2 : 1);
  if (typeof value !== 'object' || value === null) return slotBytes;
  let bytes = headerBytes;
  if (Array.isArray(value)) {
    for (const item of value) bytes += slotBytes + byteEstimate(item);
    return bytes;
  }
  // Names of fields are shared by all objects of a shape; those of free objects are not.
  for (const inner of Object.values(value)) bytes += 2 * slotBytes + byteEstimate(inner);
  return bytes;
}
