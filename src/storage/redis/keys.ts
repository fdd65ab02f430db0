/** The names of nubo's keys in Redis. All begin with its prefix, and nothing else is ever touched. */

export interface RedisKeys {
  readonly prefix: string;
  /** Hash: the elements of a node by their place in it. */
  cache(node: string): string;
  /** Sorted set of `<node> <place>` by last use (Unix ms): an element is in its hash if and only if it is here. */
  readonly lru: string;
  /** Hash: where the mirror stands, by source. */
  readonly positions: string;
  /** It lives as long as that server does, and a few seconds more. */
  node(server: string): string;
  /** Sharded channel. */
  flux(node: string): string;
}

/** @param prefix for example `nubo:` */
export function redisKeys(prefix: string): RedisKeys {
  return {
    prefix,
    cache: (node) => `${prefix}cache:${node}`,
    lru: `${prefix}lru`,
    positions: `${prefix}positions`,
    node: (server) => `${prefix}node:${server}`,
    flux: (node) => `${prefix}flux:${node}`,
  };
}

/** The member of the LRU for an element. Names of nodes have no spaces. */
export function lruMember(node: string, place: string): string {
  return `${node} ${place}`;
}

/** A pattern for SCAN that takes the text as it is. */
export function literalPattern(text: string): string {
  return text.replace(/[\\*?[\]]/g, '\\$&');
}
