/** Redis, Mongo and the memory of the process as one shard thread reaches them, and what it writes to them. */
import type { Sql } from 'postgres';
import { entities, watchedEntities } from '#src/entities/index.js';
import { changesOfEvents } from '#src/entities/log-changes.js';
import type { Log } from '#src/log.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { mongoLanguageOf } from '#src/search-language.js';
import { MemoryMirror } from '#src/storage/memory/mirror.js';
import { MongoConnection } from '#src/storage/mongo/connection.js';
import { MongoMirror } from '#src/storage/mongo/mongo-mirror.js';
import { MongoWords } from '#src/storage/mongo/words.js';
import { EntityChanges } from '#src/storage/postgres/entity-changes.js';
import { createEntityStore } from '#src/storage/postgres/entity-store.js';
import { batchNumber, LogChanges, openLogChanges } from '#src/storage/postgres/log-changes.js';
import type { RecentSearch } from '#src/storage/postgres/search.js';
import { createSenders } from '#src/storage/postgres/senders.js';
import { RedisConnection } from '#src/storage/redis/connection.js';
import { redisKeys } from '#src/storage/redis/keys.js';
import { RedisMirror } from '#src/storage/redis/mirror.js';
import { ChangeStamps } from '#src/storage/tiers/change-stamps.js';
import type { ElementReaderPorts } from '#src/storage/tiers/element-reader.js';
import { FreshUntil } from '#src/storage/tiers/fresh-until.js';
import type { Evictable, Mirror, Tier } from '#src/storage/tiers/ports.js';
import { createBusyness } from './busyness.js';
import type { ThreadSettings } from './control.js';
import { watchHorizon } from './horizon-watch.js';
import { countUnreadable, createMirrorReports } from './mirror-reports.js';
import type { OtherSource } from './mirrors.js';
import type { ShardCoreOptions } from './shard-core.js';
import { registerTierSizes } from './tier-watch.js';

/** Without Redis, pages that were read lately are kept in the memory of the thread, up to this many bytes. */
const memoryTierBytes = 32 * 1024 * 1024;
/** How often changes of people, settings and sessions are looked for, in milliseconds. */
const entitiesPollMs = 500;
/** Shards of earlier placements are written to by nobody: only an outage leaves something to do. */
const pastPollMs = 60_000;

export interface ShardTiers {
  readonly core: Pick<ShardCoreOptions, 'tiers' | 'mirrors' | 'onTierRead' | 'horizon' | 'onSnapshotLoad'>;
  /** Those of the tiers that hear of every change, fastest first. */
  readonly mirrors: readonly Mirror[];
  /** What is kept in the memory of this thread; undefined: nothing is. */
  readonly memory: Evictable | undefined;
  readonly onElementRead: NonNullable<ElementReaderPorts['onRead']>;
  /** undefined: no mirror finds words. */
  readonly recentSearch: RecentSearch | undefined;
  close(): Promise<void>;
}

/** What the configuration names; each is optional, and each may be away at any moment. */
export function openShardTiers(settings: ThreadSettings, log: Log): ShardTiers {
  const reports = createMirrorReports(log);
  const sql = openLogChanges(settings.postgresUrl, `nubo mirrors ${settings.index}`);
  const { mirrors, close: closeMirrors } = openMirrors(settings, log, sql);
  const { redisUrl } = settings.config;
  const memory = redisUrl === undefined ? openMemory() : undefined;
  const tiers: Tier[] = memory === undefined ? [...mirrors] : [memory, ...mirrors];
  const words = openWords(settings);
  const { horizon, end } = watchHorizon({ sql, moves: settings.config.retentionMonths > 0 });
  const onSnapshotLoad = reports.onSnapshotLoad(redisUrl === undefined ? 'memory' : 'redis');
  return {
    ...{ mirrors, memory, onElementRead: reports.onElementRead },
    recentSearch: words && { words: new MongoWords(words), onAsked: reports.onRecentSearch },
    core: {
      ...{ tiers, onTierRead: reports.onTierRead, horizon, onSnapshotLoad },
      ...(mirrors.length === 0
        ? {}
        : { mirrors: { ...sourcesOf(settings, sql), mirrors, onReport: reports.onReport } }),
    },
    close: async () => {
      end();
      await Promise.allSettled([closeMirrors(), words?.close(), sql.end({ timeout: 1 })]);
    },
  };
}

/** A connection apart from the mirror's: a search that takes too long holds up no writer. Mirrors say when Mongo is away. */
function openWords({ config }: ThreadSettings): MongoConnection | undefined {
  if (config.mongoUrl === undefined || mongoLanguageOf(config) === undefined) return undefined;
  return new MongoConnection({ url: config.mongoUrl });
}

function openMemory(): MemoryMirror {
  const { turns } = nodeRuntimePorts();
  const memory = new MemoryMirror({ limitBytes: memoryTierBytes, turns });
  registerTierSizes(() => [['memory', memory.size]]);
  return memory;
}

function openMirrors(
  settings: ThreadSettings,
  log: Log,
  sql: Sql,
): { mirrors: Mirror[]; close(): Promise<void> } {
  const { config, shared } = settings;
  const stamps = new ChangeStamps(shared.stamps);
  const freshUntil = new FreshUntil(shared.freshUntil);
  const mirrors: Mirror[] = [];
  const closers: Array<() => void | Promise<void>> = [];
  if (config.redisUrl !== undefined) {
    const ports = nodeRuntimePorts();
    const connection = new RedisConnection({
      ...{ url: config.redisUrl, ports },
      onState: (state) => {
        if (state.kind === 'up') return log.info('Redis is there');
        freshUntil.lost('redis', stamps.now());
        log.warn(`Redis is away: ${state.message}`);
      },
    });
    const mirror = new RedisMirror({ connection, keys: redisKeys(config.redisPrefix), ports });
    countUnreadable('redis', () => mirror.counts);
    mirrors.push(mirror);
    closers.push(() => {
      mirror.close();
      connection.close();
    });
  }
  if (config.mongoUrl !== undefined) {
    const connection = new MongoConnection({
      url: config.mongoUrl,
      onMove: ({ isAway, message }) => {
        if (!isAway) return log.info(message);
        freshUntil.lost('mongo', stamps.now());
        log.warn(`Mongo is away: ${message}`);
      },
    });
    const language = mongoLanguageOf(config);
    const mirror = new MongoMirror({
      ...{ connection, entities, senders: createSenders(sql, stamps) },
      ...(language === undefined ? {} : { language }),
    });
    mirrors.push(mirror);
    closers.push(async () => {
      mirror.close();
      await connection.close();
    });
  }
  return {
    mirrors,
    close: async () => {
      await Promise.allSettled(closers.map(async (close) => close()));
    },
  };
}

function sourcesOf({ index, shardNumbers, pastShards, shared }: ThreadSettings, sql: Sql) {
  const stamps = new ChangeStamps(shared.stamps);
  const freshUntil = new FreshUntil(shared.freshUntil);
  const level: OtherSource['level'] = {
    now: () => stamps.now(),
    reached: (mirror, began, askedAt) => freshUntil.reached(mirror, began, askedAt),
  };
  const shard = shardNumbers[index] ?? index;
  const logOf = (number: number) => new LogChanges({ sql, shard: number, changesOf: changesOfEvents });
  // What belongs to no shard is looked after by the first.
  const others: OtherSource[] =
    index > 0
      ? []
      : [
          {
            source: new EntityChanges({ sql, store: createEntityStore(sql), entities: watchedEntities }),
            ...{ pollMs: entitiesPollMs, level },
          },
          ...pastShards.map((number) => ({ source: logOf(number), pollMs: pastPollMs })),
        ];
  return {
    ...{ log: logOf(shard), others },
    busy: createBusyness(),
    changesOf: (events: Parameters<typeof changesOfEvents>[0], batch: number) =>
      changesOfEvents(events, batchNumber(shard, batch)),
  };
}
