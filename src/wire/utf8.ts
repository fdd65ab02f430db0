/**
 * One step through UTF-8 that stands in a buffer, without decoding it. Overlong forms, surrogates and code points
 * beyond U+10FFFF are wrong: no decoder may get the chance to replace them silently.
 *
 * `at` is the index of a byte ≥ 0x80. Returns the index after the character, or −1 when it is not valid UTF-8.
 */
export function afterCharacter(bytes: Uint8Array, at: number, end: number): number {
  const lead = bytes[at] as number;
  if (lead < 0xc2 || lead > 0xf4) return -1;
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + length > end) return -1;
  const second = bytes[at + 1] as number;
  const lowest = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const highest = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  if (second < lowest || second > highest) return -1;
  for (let index = at + 2; index < at + length; index++) {
    if (((bytes[index] as number) & 0xc0) !== 0x80) return -1;
  }
  return at + length;
}
