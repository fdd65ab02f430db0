/** The account that is there after the first start in development, so that there is something to try. */
import { NuboError } from '../errors.js';
import { openSql } from '../storage/postgres/sql.js';
import { ChangeStamps } from '../storage/tiers/change-stamps.js';
import { createAccounts } from './accounts.js';
import { createLogInLimits } from './login-limits.js';
import { createPasswordPool } from './passwords.js';

/**
 * Makes the account when its name is free. One that exists keeps its password, whatever that is.
 *
 * @param options.poolFile the compiled workers/pool.js
 */
export async function ensureDemo(options: {
  url: string;
  demo: { readonly username: string; readonly password: string };
  poolFile: string;
}): Promise<void> {
  const sql = openSql(options.url, { max: 1, name: 'nubo demo' });
  try {
    const [found] = await sql`select 1 from users where lower(username) = lower(${options.demo.username})`;
    if (found !== undefined) return;
    const passwords = createPasswordPool({ filename: options.poolFile });
    try {
      const clock = { now: () => Date.now() };
      const stamps = new ChangeStamps();
      const accounts = createAccounts({ stamps, sql, passwords, clock, limits: createLogInLimits() });
      await accounts.signUp({ ...options.demo, device: { name: 'nubo start', address: '127.0.0.1' } });
    } catch (error) {
      if (!(error instanceof NuboError) || error.code !== 'taken') throw error;
    } finally {
      await passwords.close();
    }
  } finally {
    await sql.end();
  }
}
