/**
 * People in haste: they write where they are no members, join, and write the same from elsewhere before they have
 * heard that the first was refused. The shard dies about when it refuses, now and then a front with it: whatever
 * becomes of the copies, what was said to be refused must not appear (P7).
 */
import type { Draws } from '#test/support/sim-random.js';
import type { World } from './world.js';

const hastesPerRun = 3;
const copies = 4;

/** Plans a few of them over the time that the operations take. */
export function planHaste(world: World, random: Draws, lastingMs: number): void {
  for (let count = 0; count < hastesPerRun; count += 1) {
    world.after(500 + random.next() * (lastingMs - 500), () => hasten(world, random));
  }
}

function hasten(world: World, random: Draws): void {
  const { database, sender, workload } = world;
  const channels = workload.rooms.filter(({ type }) => type === 'channel');
  if (channels.length === 0) return;
  const room = random.pick(channels);
  const device = random.pick(world.devices);
  const { user } = device;
  const { conv } = room;
  const id = (): string => random.uuid(world.now());
  // Restrictions count from admission: what comes behind a leave is refused at once (L6).
  if (database.isMember(conv, user)) workload.submit(device, conv, { op: 'leave', id: id(), conv });
  const durable = workload.submit(device, conv, { op: 'send', id: id(), conv, text: 'in haste' });
  world.witness.whenRefused(durable.operation.id, () => strikeThen(world, random, conv));
  if (random.chance(0.7)) device.socket?.stopReading(300 + random.next() * 2000);
  for (const other of world.devicesOf(user)) workload.submit(other, conv, { op: 'join', id: id(), conv });
  for (let count = 0; count < copies; count += 1) {
    world.after(random.next() * (random.chance(0.5) ? 5 : 500), () => {
      if (durable.state === 'open') sender.repeat(durable);
    });
  }
}

function strikeThen(world: World, random: Draws, conv: string): void {
  const { server, totals } = world;
  totals.hasty += 1;
  if (random.chance(0.8)) {
    world.after(random.next() * random.pick([1, 5, 200]), () => {
      world.trace('kill shard in haste');
      totals.shardKills += 1;
      server.killShard(server.placement.shardOf(conv));
    });
  }
  if (random.chance(0.3) && server.liveFronts.length > 0) {
    const { index } = random.pick(server.liveFronts);
    world.after(random.next() * 300, () => {
      world.trace('kill front in haste');
      totals.frontKills += 1;
      server.killFront(index);
    });
  }
}
