/** How many searches of a shard are under way at once, and how many of one user (F4). */
import { NuboError } from '../../errors.js';
import { isOutage } from './sql.js';

/** Searches of one shard at once, and those that wait for their turn. */
export const searchConnections = 2;
const waitingMax = 32;
/** Searches of one user at once: all of them come to one shard. */
const ofUserMax = 4;
const retryMs = 1_000;

export class SearchGate {
  private underWay = 0;
  private readonly byUser = new Map<string, number>();

  /**
   * @param advice what to ask instead when the database takes too long
   * @throws NuboError `overloaded` or `rate_limited` with the time to wait, `unavailable` without the database, or
   * whatever the search refuses
   */
  async run<Found>(user: string, advice: string, search: () => Promise<Found>): Promise<Found> {
    if (this.underWay >= searchConnections + waitingMax)
      throw new NuboError('overloaded', 'Too many searches are under way.', { retryMs });
    const own = this.byUser.get(user) ?? 0;
    if (own >= ofUserMax)
      throw new NuboError('rate_limited', 'Wait for what you have searched first.', { retryMs });
    this.underWay += 1;
    this.byUser.set(user, own + 1);
    try {
      return await search();
    } catch (error) {
      throw refusalOf(error, advice);
    } finally {
      this.underWay -= 1;
      const left = (this.byUser.get(user) ?? 1) - 1;
      if (left > 0) this.byUser.set(user, left);
      else this.byUser.delete(user);
    }
  }
}

function refusalOf(error: unknown, advice: string): unknown {
  const code = (error as { code?: unknown } | undefined)?.code;
  if (code === '57014')
    return new NuboError('overloaded', `This search takes too long: ${advice}`, { retryMs });
  if (!isOutage(error)) return error;
  return new NuboError('unavailable', 'The database cannot be reached now.', { retryMs });
}
