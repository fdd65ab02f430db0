/** Addresses to connect from: each has so many ports for one server, and all of 127.0.0.0/8 is this machine. */
const perSource = 12_000;
const sources = 200;

/**
 * Of the so-maniest connection of this process. Undefined, so the system's choice, for a server elsewhere, and for the
 * first ones: an address of one's own costs a system call.
 */
export function sourceOf(index: number, host: string): string | undefined {
  const block = Math.floor(index / perSource) % sources;
  if (block === 0 || !host.startsWith('127.')) return undefined;
  return `127.0.0.${1 + block}`;
}
