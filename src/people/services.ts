/** The services of people and operators, wired. Runs in a shard thread. */
import type { Sql } from 'postgres';
import { z } from 'zod';
import { NuboError } from '../errors.js';
import type { Clock } from '../runtime/ports.js';
import type { EntityStore } from '../storage/postgres/entity-store.js';
import { guarded } from '../storage/postgres/guarded.js';
import type { ChangeStamps } from '../storage/tiers/change-stamps.js';
import type { ElementReader } from '../storage/tiers/element-reader.js';
import type { Revocation } from '../threads/messages.js';
import type { ServiceHandlers, ServiceName } from '../threads/services.js';
import { uuid } from '../wire/operations.js';
import { createAccounts } from './accounts.js';
import { createApplicationUsers } from './application-users.js';
import { createLogInLimits, type LogInLimitOptions } from './login-limits.js';
import { createOperators } from './operators.js';
import type { PasswordPool } from './passwords.js';
import { createProfiles } from './profiles.js';
import { listRevocations } from './revocation-store.js';
import { check } from './rules.js';
import { createSessions } from './sessions.js';
import type { Tokens } from './tokens.js';

type PeopleServiceName = Extract<
  ServiceName,
  | `people.${string}`
  | 'operator.createUsers'
  | 'operator.mintTokens'
  | 'operator.revoke'
  | 'revocations.list'
  | 'users.get'
>;
export type PeopleServices = Pick<ServiceHandlers, PeopleServiceName>;

export interface PeoplePorts {
  readonly sql: Sql;
  readonly tokens: Tokens;
  readonly passwords: PasswordPool;
  /** Tells every front; called after the commit. */
  readonly broadcast: (revocation: Revocation) => void;
  readonly clock: Clock;
  /** Life of a session that is not used; 30 days when absent. */
  readonly refreshMs?: number;
  readonly limits?: LogInLimitOptions;
  readonly store: EntityStore;
  readonly reader: ElementReader;
  readonly stamps: ChangeStamps;
}

const sessionInput = z.object({ user: uuid, session: uuid });
const tokenChars = 43;
const refreshToken = z.string().length(tokenChars);

export function createPeopleServices(ports: PeoplePorts): PeopleServices {
  const sessions = createSessions(ports);
  const accounts = createAccounts({ ...ports, limits: createLogInLimits(ports.limits) });
  const applicationUsers = createApplicationUsers(ports);
  const operators = createOperators(ports);
  const profiles = createProfiles(ports);
  return {
    'people.signUp': guarded(async (input) => sessions.open(await accounts.signUp(input), input.device)),
    'people.logIn': guarded(async (input) => sessions.open(await accounts.logIn(input), input.device)),
    'people.refresh': guarded(async (input) => {
      if (!refreshToken.safeParse(input.refreshToken).success) {
        throw new NuboError('unauthorized', 'This refresh token is not valid.');
      }
      return sessions.refresh(input.refreshToken, input.device);
    }),
    'people.logOut': guarded(async (input) => {
      const { user, session } = check(sessionInput, input);
      await sessions.end(user, session);
      return null;
    }),
    'people.endSession': guarded(async (input) => {
      const { user, session } = check(sessionInput, input);
      if (!(await sessions.end(user, session)))
        throw new NuboError('not_found', 'There is no such session.', { stored: false });
      return null;
    }),
    'people.me': guarded(async (input) => profiles.me(check(uuid, input.user))),
    'people.patchMe': guarded(async (input) => profiles.patchMe(check(uuid, input.user), input.fields)),
    'people.settings': guarded(async (input) => profiles.settings(check(uuid, input.user))),
    'people.patchSettings': guarded(async (input) =>
      profiles.patchSettings(check(uuid, input.user), input.fields),
    ),
    'people.sessions': guarded(async (input) => profiles.sessions(check(uuid, input.user))),
    'people.appear': guarded((input) => applicationUsers.appear(input)),
    'users.get': guarded((input) => profiles.find(input)),
    'operator.createUsers': guarded((input) => applicationUsers.create(input)),
    'operator.mintTokens': guarded((input) => operators.mintTokens(input)),
    'operator.revoke': guarded(async (input) => {
      await operators.revoke(input);
      return null;
    }),
    'revocations.list': guarded(() => listRevocations(ports.sql, ports.clock.now())),
  };
}
