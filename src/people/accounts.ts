/** People with a password of their own: sign-up, log-in, and what they see of themselves (H1, H2). */

import postgres, { type Sql } from 'postgres';
import { uuidv7 } from 'uuidv7';
import { z } from 'zod';
import { users } from '../entities/users.js';
import { NuboError } from '../errors.js';
import type { Clock } from '../runtime/ports.js';
import type { ChangeStamps } from '../storage/tiers/change-stamps.js';
import type { Services } from '../threads/services.js';
import type { LogInLimits } from './login-limits.js';
import type { PasswordPool } from './passwords.js';
import { check, displayName, email, password, username } from './rules.js';

const signUpInput = z.object({
  username,
  password,
  email: email.optional(),
  displayName: displayName.optional(),
});

const logInInput = z.object({ name: z.string(), password: z.string() });

const namesByConstraint: Record<string, string> = {
  users_username_key: 'username',
  users_email_key: 'email',
};

export interface AccountPorts {
  readonly sql: Sql;
  readonly passwords: PasswordPool;
  readonly limits: LogInLimits;
  readonly clock: Clock;
  readonly stamps: ChangeStamps;
}

export interface Accounts {
  /** → the new user's id. `invalid`, `taken`, `rate_limited` or `overloaded` otherwise; nothing is stored then. */
  signUp(input: Services['people.signUp']['input']): Promise<string>;
  /** → the id of the active user with this username or e-mail and this password; else `unauthorized`. */
  logIn(input: Services['people.logIn']['input']): Promise<string>;
}

export function createAccounts(ports: AccountPorts): Accounts {
  const { sql, passwords, limits, clock } = ports;
  return {
    async signUp(input) {
      const person = check(signUpInput, input);
      await limits.address(input.device.address);
      // Looked up first, so that a taken name costs no hash; the unique indexes decide.
      await refuseTaken(sql, person);
      const hash = await passwords.hash(person.password);
      const id = uuidv7();
      const now = new Date(clock.now());
      try {
        await sql`
          insert into users (id, username, email, password_hash, display_name, created_at, updated_at)
          values (${id}, ${person.username}, ${person.email ?? null}, ${hash}, ${person.displayName ?? null}, ${now}, ${now})`;
      } catch (error) {
        const field =
          error instanceof postgres.PostgresError
            ? namesByConstraint[error.constraint_name ?? '']
            : undefined;
        throw field === undefined ? error : taken(field);
      } finally {
        ports.stamps.stamp(users.name, id);
      }
      return id;
    },

    async logIn(input) {
      const { name, password: attempt } = check(logInInput, input);
      await limits.address(input.device.address);
      // What no username, e-mail or password can be is wrong whoever asks: it need not be looked up or hashed.
      const typed = password.safeParse(attempt);
      if (!typed.success || !isName(name)) throw wrong();
      await limits.name(name);
      const [found] = await sql<{ id: string; hash: string | null; state: number }[]>`
        select id, password_hash as hash, state from users
        where ${name.includes('@') ? sql`lower(email)` : sql`lower(username)`} = lower(${name})`;
      const fits = await passwords.verify(found?.hash ?? null, typed.data);
      if (found === undefined || !fits || found.state !== 1) throw wrong();
      await limits.forgive(name);
      return found.id;
    },
  };
}

/** One answer for every reason: who has an account is nobody else's business. */
function wrong(): NuboError {
  return new NuboError('unauthorized', 'The name or the password is wrong.');
}

function taken(field: string): NuboError {
  return new NuboError('taken', `This ${field} is taken.`, { stored: false });
}

/** A username has no `@`, an e-mail address always: no name is both. */
function isName(name: string): boolean {
  return (name.includes('@') ? email : username).safeParse(name).success;
}

async function refuseTaken(
  sql: Sql,
  person: { username: string; email?: string | undefined },
): Promise<void> {
  const [found] = await sql<{ username: boolean | null; email: boolean | null }[]>`
    select bool_or(lower(username) = lower(${person.username})) as username,
      bool_or(lower(email) = lower(${person.email ?? null})) as email
    from users where lower(username) = lower(${person.username}) or lower(email) = lower(${person.email ?? null})`;
  if (found?.username === true) throw taken('username');
  if (found?.email === true) throw taken('email');
}
