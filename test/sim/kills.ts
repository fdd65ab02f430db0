/** What is killed during a run, and when. Every run has at least three deaths. */
import type { Draws } from '#test/support/sim-random.js';
import { SimStore } from '#test/support/sim-store.js';
import { SimThread } from '#test/support/sim-thread.js';
import { shardCount } from './server.js';
import type { World } from './world.js';

const kinds = ['actor', 'actor', 'writer', 'shard', 'front', 'server', 'rival'] as const;
type Kind = (typeof kinds)[number];

/** Plans 3 to 6 deaths over the time that the operations take. */
export function planKills(world: World, random: Draws, lastingMs: number): void {
  const count = random.between(3, 6);
  const chosen: Kind[] = [random.pick(['actor', 'writer']), random.pick(['shard', 'front'])];
  while (chosen.length < count) chosen.push(random.pick(kinds));
  for (const kind of chosen) {
    world.after(300 + random.next() * (lastingMs - 600), () => strike(world, random, kind));
  }
}

export function strike(world: World, random: Draws, kind: Kind): void {
  const { server, totals } = world;
  world.trace(`kill ${kind}`);
  const shard = server.liveShards.length > 0 ? random.pick(server.liveShards) : undefined;
  switch (kind) {
    case 'actor':
      if (shard === undefined) return later(world, random, kind);
      // One in four is a message that no instance survives.
      shard.actorCrashes += random.chance(0.25) ? 3 : 1;
      return;
    case 'writer':
      if (shard === undefined) return later(world, random, kind);
      shard.writerCrash = random.pick(['before', 'after']);
      return;
    case 'shard':
      if (shard === undefined) return later(world, random, kind);
      totals.shardKills += 1;
      return server.killShard(shard.index);
    case 'front': {
      if (server.liveFronts.length === 0) return later(world, random, kind);
      totals.frontKills += 1;
      return server.killFront(random.pick(server.liveFronts).index);
    }
    case 'server':
      totals.serverKills += 1;
      return server.killAll();
    case 'rival':
      totals.rivals += 1;
      return rival(world, random);
  }
}

function later(world: World, random: Draws, kind: Kind): void {
  world.after(100, () => strike(world, random, kind));
}

/** A second server on the same database raises the epoch, and ends: ours must stop writing (L13). */
function rival(world: World, random: Draws): void {
  const { simulation, database, counts } = world;
  const thread = new SimThread(
    simulation,
    () => world.now(),
    () => {},
  );
  const faults = () => world.faults;
  const store = new SimStore({
    ...{ shard: random.between(0, shardCount - 1), database, simulation, random, faults, counts, thread },
  });
  store.own(() => {});
}
