/** What happens to Redis and Mongo during a run: they are away, stand still, come back empty, lose some of it. */
import type { Draws } from '#test/support/sim-random.js';
import type { SimTierStore } from '#test/support/sim-tier.js';
import type { World } from './world.js';

const kinds = ['wipe', 'evict', 'away', 'restart empty', 'freeze', 'positions lost'] as const;

/** Plans some for each tier over the time that the operations take. */
export function planOutages(world: World, random: Draws, lastingMs: number): void {
  for (const tier of world.tiers) {
    const count = random.between(1, 4);
    for (let number = 0; number < count; number += 1) {
      world.after(random.next() * lastingMs, () => happen(world, random, tier));
    }
  }
}

function happen(world: World, random: Draws, tier: SimTierStore): void {
  const kind = random.pick(kinds);
  world.trace(`${tier.name}: ${kind}`);
  world.totals.outages += 1;
  const ms = random.next() * (random.chance(0.2) ? 8_000 : 1_500);
  switch (kind) {
    case 'wipe':
      return tier.wipe();
    case 'evict':
      // Only what begins empty may lose elements without losing everything.
      return tier.isWhole ? tier.wipe() : tier.evict(random);
    case 'positions lost':
      return tier.positions.clear();
    case 'away':
    case 'restart empty':
      if (kind === 'restart empty') tier.wipe();
      if (tier.state === 'up') tier.state = 'down';
      return world.after(ms, () => {
        if (tier.state === 'down') tier.state = 'up';
      });
    case 'freeze':
      if (tier.state === 'up') tier.state = 'frozen';
      return world.after(ms, () => {
        if (tier.state === 'frozen') tier.thaw();
      });
  }
}
