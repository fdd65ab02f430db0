/** The services of people on a real Postgres, with a clock to turn and a list of what was broadcast. */
import type { Sql } from 'postgres';
import { createPasswordPool } from '#src/people/passwords.js';
import { createRevocations, type Revocations } from '#src/people/revocations.js';
import { createPeopleServices, type PeoplePorts, type PeopleServices } from '#src/people/services.js';
import { createTokens, type Tokens } from '#src/people/tokens.js';
import { createEntityStore } from '#src/storage/postgres/entity-store.js';
import { ChangeStamps } from '#src/storage/tiers/change-stamps.js';
import { ElementReader, type ElementReaderPorts } from '#src/storage/tiers/element-reader.js';
import type { Revocation } from '#src/threads/messages.js';
import { compilePoolFile, HandClock } from './people.js';
import { startPeoplePostgres } from './people-postgres.js';

export const appSecret = 'the application secret of this test, long';
export const device = { name: 'a test', address: '127.0.0.1' };

export interface PeopleWorld {
  readonly sql: Sql;
  readonly clock: HandClock;
  readonly tokens: Tokens;
  readonly services: PeopleServices;
  readonly broadcasts: Revocation[];
  /** A front's set, fed by the broadcasts. */
  readonly revocations: Revocations;
  /** The same database under other limits. */
  with(options: Partial<PeoplePorts>): PeopleServices;
  stop(): Promise<void>;
}

export async function createPeopleWorld(): Promise<PeopleWorld> {
  const file = compilePoolFile();
  const { sql, stop } = await startPeoplePostgres();
  // A start in whole seconds of now: the clock stands still until a test turns it.
  const clock = new HandClock(Math.floor(Date.now() / 1000) * 1000);
  const passwords = createPasswordPool({ filename: file.filename });
  const tokens = createTokens({ secret: 'the own secret of this test', appSecret, accessMs: 900_000, clock });
  const broadcasts: Revocation[] = [];
  const revocations = createRevocations({ clock });
  const store = createEntityStore(sql);
  const stamps = new ChangeStamps();
  const load: ElementReaderPorts['load'] = (entity, ids) => store.get(entity, ids);
  const reader = new ElementReader({ tiers: [], freshUntil: () => 0, load, stamps });
  const ports: PeoplePorts = {
    ...{ sql, store, stamps, reader },
    tokens,
    passwords,
    clock,
    limits: { attemptsPerName: 1000, attemptsPerAddress: 100_000 },
    broadcast(revocation) {
      broadcasts.push(revocation);
      revocations.apply(revocation);
    },
  };
  return {
    sql,
    clock,
    tokens,
    services: createPeopleServices(ports),
    broadcasts,
    revocations,
    with: (options) => createPeopleServices({ ...ports, ...options }),
    async stop() {
      await passwords.close();
      await stop();
      file.remove();
    },
  };
}

let count = 0;
/** A username nobody has yet. */
export function newName(): string {
  count += 1;
  return `user-${count}`;
}
