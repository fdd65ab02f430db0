/**
 * Where a request comes from when a proxy brings it. A proxy adds the address it was called from to the right of
 * `X-Forwarded-For`; whatever stands left of that was said by whoever called it, and may be a lie. So the header counts
 * only from a peer that is trusted, from the right, and up to the first address that is not trusted itself.
 */
import { BlockList, isIP } from 'node:net';
import { canonicalAddress } from './addresses.js';

interface Network {
  readonly address: string;
  readonly family: 'ipv4' | 'ipv6';
  readonly prefix: number;
}

/** `10.0.0.0/8`, `::1`: an address, or a network by the length of its prefix; undefined for what is neither. */
export function networkOf(text: string): Network | undefined {
  const [given = '', length, ...rest] = text.split('/');
  const address = isIP(given) === 0 ? undefined : canonicalAddress(given);
  if (address === undefined || rest.length > 0) return undefined;
  const family = address.includes(':') ? 'ipv6' : 'ipv4';
  const longest = family === 'ipv6' ? 128 : 32;
  if (length === undefined) return { address, family, prefix: longest };
  // A network of IPv4 is written as one, not as a part of IPv6.
  if (family === 'ipv4' && given.includes(':')) return undefined;
  const prefix = /^\d{1,3}$/.test(length) ? Number(length) : longest + 1;
  return prefix > longest ? undefined : { address, family, prefix };
}

export class Proxies {
  private readonly networks = new BlockList();
  private readonly isEmpty: boolean;

  /** @throws Error for a rule that networkOf does not take: the configuration has checked them. */
  constructor(rules: readonly string[]) {
    this.isEmpty = rules.length === 0;
    for (const rule of rules) {
      const network = networkOf(rule);
      if (network === undefined) throw new Error(`not a network: ${rule}`);
      this.networks.addSubnet(network.address, network.prefix, network.family);
    }
  }

  /**
   * The address that a request is counted by, in its one short form.
   *
   * @param peer the other end of the connection, in that form, or what is no address at all
   * @param forwardedFor `X-Forwarded-For`, several headers joined by commas
   */
  clientOf(peer: string, forwardedFor: string | undefined): string {
    if (this.isEmpty || forwardedFor === undefined || !this.isTrusted(peer)) return peer;
    let client = peer;
    for (const hop of forwardedFor.split(',').toReversed()) {
      const address = addressOfHop(hop.trim());
      // What no address is was still said by a proxy that is trusted, of somebody it does not name.
      if (address === undefined) return client;
      client = address;
      if (!this.isTrusted(address)) return client;
    }
    return client;
  }

  private isTrusted(address: string): boolean {
    if (isIP(address) === 0) return false;
    return this.networks.check(address, address.includes(':') ? 'ipv6' : 'ipv4');
  }
}

/** Some proxies add the port: `203.0.113.9:4711`, `[2001:db8::9]:4711`. */
function addressOfHop(hop: string): string | undefined {
  const [, bracketed] = /^\[([^\]]{1,64})\](?::\d{1,5})?$/.exec(hop) ?? [];
  const [, dotted] = /^([\d.]{7,15}):\d{1,5}$/.exec(hop) ?? [];
  return canonicalAddress(bracketed ?? dotted ?? hop);
}
