/** Addresses: kind, slash, id. The id may hold slashes of its own. */
import type { Address } from './actor.js';

/** The part before the first slash. Throws for what is no address: that is a bug of the sender. */
export function kindOf(address: Address): string {
  const slash = address.indexOf('/');
  if (slash <= 0) throw new Error(`not an address: ${address}`);
  return address.slice(0, slash);
}

/** The part after the first slash. */
export function idOf(address: Address): string {
  return address.slice(address.indexOf('/') + 1);
}
