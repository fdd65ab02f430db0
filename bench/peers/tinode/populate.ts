/** Tinode's people and groups: groups that anybody may join, accounts, and each account's memberships. */
import type { Populated, Population } from '../../contract.js';
import { inParallel } from '../../in-parallel.js';
import { TinodeSession } from './session.js';

const atOnce = 32;
/** Join, read, write; without P, so that nobody is told who comes and goes. */
const access = 'JRW';

export async function populateTinode(url: string, population: Population): Promise<Populated> {
  const rooms = await makeGroups(url, population.rooms);
  const roomsOf: string[][] = Array.from({ length: population.users }, () => []);
  for (const [index, room] of rooms.entries())
    for (const member of population.membersOf(index)) roomsOf[member]?.push(room);
  const users = await inParallel(atOnce, roomsOf, async (groups) => {
    const session = await TinodeSession.open(url);
    try {
      const account = await session.makeAccount();
      for (const topic of groups) await session.ask('sub', { topic });
      return account;
    } finally {
      session.close();
    }
  });
  return { users, rooms };
}

async function makeGroups(url: string, count: number): Promise<string[]> {
  const founder = await TinodeSession.open(url);
  try {
    await founder.makeAccount();
    const indexes = Array.from({ length: count }, (_, index) => index);
    return await inParallel(atOnce, indexes, async (index) => {
      const set = { desc: { defacs: { auth: access, anon: access } } };
      const { topic = '' } = await founder.ask('sub', { topic: `new${index}`, set });
      return topic;
    });
  } finally {
    founder.close();
  }
}
