/**
 * Which shard owns an id: a hash over 256 virtual shards, then a map that is data. A new map may move virtual
 * shards to other shard numbers; the hash never changes, since it decides where everything that is stored belongs.
 */

export const virtualShardCount = 256;

export interface PlacementMap {
  /** Shard numbers (rows of `writers`), by thread index. */
  readonly shards: readonly number[];
  /** Thread index of each virtual shard; dealt out in turn when absent. */
  readonly virtualShards?: readonly number[];
}

export interface Placement {
  /** How many shard threads there are. */
  readonly count: number;
  /** The thread index, 0 … count − 1, that owns an id. */
  shardOf(id: string): number;
  /** The shard number that owns an id. */
  numberOf(id: string): number;
}

/**
 * FNV-1a over the characters, folded to one byte. All of them count: of a UUIDv7 the first ones are time and the
 * last ones random, and an id that is no UUID must spread as well.
 */
export function virtualShardOf(id: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < id.length; index += 1) {
    hash = Math.imul(hash ^ id.charCodeAt(index), 0x01000193);
  }
  // The low bits alone have seen only the low bits of the characters.
  hash ^= hash >>> 16;
  return (hash ^ (hash >>> 8)) & (virtualShardCount - 1);
}

export function createPlacement(map: PlacementMap): Placement {
  const { shards } = map;
  if (shards.length === 0) throw new Error('a placement needs a shard');
  if (new Set(shards).size !== shards.length) throw new Error('a shard number stands twice in a placement');
  const threads = Array.from(
    { length: virtualShardCount },
    (_, virtual) => map.virtualShards?.[virtual] ?? virtual % shards.length,
  );
  if (map.virtualShards !== undefined && map.virtualShards.length !== virtualShardCount) {
    throw new Error(`a placement names ${virtualShardCount} virtual shards`);
  }
  const numbers = threads.map((thread) => {
    const number = shards[thread];
    if (number === undefined) throw new Error(`a placement names thread ${thread}, which it does not have`);
    return number;
  });
  return {
    count: shards.length,
    shardOf: (id) => threads[virtualShardOf(id)] ?? 0,
    numberOf: (id) => numbers[virtualShardOf(id)] ?? 0,
  };
}
