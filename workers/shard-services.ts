/** The services of a shard thread, wired: see src/threads/services.ts for what they take and give. */
import { fileURLToPath } from 'node:url';
import type { Sql } from 'postgres';
import { NuboError } from '#src/errors.js';
import type { Log } from '#src/log.js';
import { createPasswordPool } from '#src/people/passwords.js';
import { createPeopleServices } from '#src/people/services.js';
import { searchLanguageOf } from '#src/search-language.js';
import { createAudit } from '#src/storage/postgres/audit.js';
import { createBlocks } from '#src/storage/postgres/blocks.js';
import { createDirectory } from '#src/storage/postgres/directory.js';
import { createEntityStore, type EntityStore } from '#src/storage/postgres/entity-store.js';
import { createInvites } from '#src/storage/postgres/invites.js';
import { createNameSearch } from '#src/storage/postgres/name-search.js';
import { createReports } from '#src/storage/postgres/reports.js';
import { createSearch, openSearch } from '#src/storage/postgres/search.js';
import { SearchGate } from '#src/storage/postgres/search-gate.js';
import { openSql } from '#src/storage/postgres/sql.js';
import { createSync } from '#src/storage/postgres/sync.js';
import { ChangeStamps } from '#src/storage/tiers/change-stamps.js';
import { ElementReader } from '#src/storage/tiers/element-reader.js';
import { FreshUntil } from '#src/storage/tiers/fresh-until.js';
import type { ToFront } from '#src/threads/messages.js';
import { hidesLastSeen, type Presence } from '#src/threads/presence.js';
import type { ServiceHandlers } from '#src/threads/services.js';
import type { ThreadSettings } from './control.js';
import type { ShardCore } from './shard-core.js';
import { createShardMedia } from './shard-media.js';
import type { ShardTiers } from './shard-tiers.js';
import { createThreadTokens } from './thread-tokens.js';

export interface ShardServices {
  readonly handlers: ServiceHandlers;
  close(): Promise<void>;
}

/** Elements by id. Without a tier in front every read is of Postgres, and stamps only keep readers at once apart. */
function createElements(
  sql: Sql,
  { shared }: ThreadSettings,
  tiers: Pick<ShardTiers, 'mirrors' | 'onElementRead'>,
): { store: EntityStore; stamps: ChangeStamps; reader: ElementReader } {
  const store = createEntityStore(sql);
  const stamps = new ChangeStamps(shared.stamps);
  const freshUntil = new FreshUntil(shared.freshUntil);
  const reader = new ElementReader({
    tiers: tiers.mirrors,
    freshUntil: (tier) => freshUntil.of(tier.name),
    onRead: tiers.onElementRead,
    load: (entity, ids) => store.get(entity, ids),
    stamps,
  });
  return { store, stamps, reader };
}

/** Asked of the actor that knows; it also hears when somebody changes who may see when they were last seen. */
function presenceServices(
  core: ShardCore,
  people: Pick<ServiceHandlers, 'people.patchSettings'>,
): Pick<ServiceHandlers, 'presence.look' | 'people.patchSettings'> {
  return {
    'presence.look': ({ front, user, users }) =>
      new Promise((resolve, reject) => {
        const done = (presences: readonly Presence[] | undefined): void => {
          if (presences !== undefined) resolve([...presences]);
          else reject(new NuboError('unavailable', 'The database is away.', { retryMs: 1_000 }));
        };
        core.tellPresence({ kind: 'look', front, asker: user, users, done });
      }),
    'people.patchSettings': async (input) => {
      const settings = await people['people.patchSettings'](input);
      const hides = hidesLastSeen(settings.privacy);
      core.tellPresence({ kind: 'privacy changed', user: input.user, hidesLastSeen: hides });
      return settings;
    },
  };
}

/** People, lists and health on real parts; `broadcast` tells every front. */
export function createShardServices(
  settings: ThreadSettings,
  core: ShardCore,
  tiers: ShardTiers,
  broadcast: (message: ToFront) => void,
  log: Log,
): ShardServices {
  const { config, postgresUrl, index } = settings;
  const clock = { now: () => Date.now() };
  const sql = openSql(postgresUrl, { max: 4, name: `nubo services ${index}` });
  const searchSql = openSearch(postgresUrl, `nubo search ${index}`);
  const passwords = createPasswordPool({ filename: fileURLToPath(new URL('./pool.js', import.meta.url)) });
  const tokens = createThreadTokens(config);
  const media = createShardMedia({ config, sql, log, makesUp: index === 0 });
  const people = createPeopleServices({
    sql,
    ...createElements(sql, settings, tiers),
    tokens,
    passwords,
    clock,
    broadcast: (revocation) => broadcast({ kind: 'revoked', revocation }),
    refreshMs: config.refreshTokenDays * 24 * 3_600_000,
  });
  const gate = new SearchGate();
  const handlers: ServiceHandlers = {
    ...people,
    ...createDirectory(sql),
    ...media.services,
    ...createSync(sql),
    ...createInvites(sql, config.secret),
    ...createSearch(searchSql, searchLanguageOf(config), { gate, recent: tiers.recentSearch }),
    ...createNameSearch({
      sql: searchSql,
      gate,
      usersOf: (ids) => people['users.get']({ ids, usernames: [] }),
    }),
    ...createBlocks(sql),
    ...createReports(sql),
    ...createAudit(sql),
    ...presenceServices(core, people),
    'heads.flush': async () => {
      if (!(await core.flush()))
        throw new NuboError('unavailable', 'The database cannot be written now.', { retryMs: 500 });
      return null;
    },
    probe: async () => {
      const batch = await core.probe();
      if (batch === undefined)
        throw new NuboError('unavailable', 'This shard cannot commit now.', { retryMs: 500 });
      return { batch };
    },
  };
  return {
    handlers,
    close: async () => {
      await Promise.allSettled([
        passwords.close(),
        media.close(),
        sql.end({ timeout: 1 }),
        searchSql.end({ timeout: 1 }),
      ]);
    },
  };
}
