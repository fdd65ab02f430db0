/** Lower-case UUID text → its 16 bytes, in the hot loop of every batch, and back, thousands at once. */

const hexDigits = '0123456789abcdef';
/** By UTF-16 unit, so that no unit is out of range; 0x80 marks what is no lower-case hex digit. */
const hexValues = new Uint8Array(0x10000).fill(0x80);
for (const [value, digit] of [...hexDigits].entries()) hexValues[digit.charCodeAt(0)] = value;

/** Where the two digits of each byte stand in the text. */
const positions = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34] as const;

/**
 * Writes the 16 bytes at `offset`.
 *
 * @throws RangeError when the text is no lower-case UUID
 */
export function writeUuid(target: Uint8Array, offset: number, text: string): void {
  let wrong = text.length ^ 36;
  for (let index = 0; index < 16; index += 1) {
    const position = positions[index] ?? 0;
    const high = hexValues[text.charCodeAt(position)] ?? 0x80;
    const low = hexValues[text.charCodeAt(position + 1)] ?? 0x80;
    wrong |= (high | low) & 0x80;
    target[offset + index] = (high << 4) | low;
  }
  if (wrong !== 0) throw new RangeError(`not a lower-case UUID: ${JSON.stringify(text.slice(0, 64))}`);
}

/** Before every id. */
export const zeroUuid = '00000000-0000-0000-0000-000000000000';

export const uuidBytes = 16;
const uuidChars = 36;

/** As text each; what is left after the last whole 16 bytes is left out. */
export function readUuids(bytes: Uint8Array): string[] {
  const count = Math.floor(bytes.length / uuidBytes);
  const text = Buffer.alloc(count * uuidChars, '-');
  for (let each = 0; each < count; each += 1) {
    for (let index = 0; index < uuidBytes; index += 1) {
      const byte = bytes[each * uuidBytes + index] ?? 0;
      const place = each * uuidChars + (positions[index] ?? 0);
      text[place] = hexDigits.charCodeAt(byte >> 4);
      text[place + 1] = hexDigits.charCodeAt(byte & 15);
    }
  }
  const all = text.toString('latin1');
  return Array.from({ length: count }, (_, each) => all.slice(each * uuidChars, (each + 1) * uuidChars));
}
