/**
 * What is done to Redis and Mongo once a process, on the main thread: at a start Redis is emptied of what earlier
 * servers left (by the first server only, T6), Mongo is given its indexes and loses what was not used for 30 days, then
 * once a day. Neither is waited for: a tier that is away is prepared when it comes.
 */
import { randomUUID } from 'node:crypto';
import type { Config } from '#src/config.js';
import { entities } from '#src/entities/index.js';
import { StartError } from '#src/errors.js';
import type { Log } from '#src/log.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { mongoLanguageOf } from '#src/search-language.js';
import { MongoConnection } from '#src/storage/mongo/connection.js';
import { prepareIndexes, refusalLines } from '#src/storage/mongo/indexes.js';
import { claimMongo, removeUnused } from '#src/storage/mongo/upkeep.js';
import { RedisConnection } from '#src/storage/redis/connection.js';
import { redisKeys } from '#src/storage/redis/keys.js';
import { type Claimed, RedisNode } from '#src/storage/redis/node.js';

/** A Redis that is there answers by then; a start is not held up longer. */
const claimWaitMs = 2_000;
const tryAgainMs = 1_000;
const dayMs = 24 * 3_600_000;

/** A server that died without a word counts as there for ten seconds. */
const foreignWaitMs = 12_000;

type Settings = Pick<Config, 'redisUrl' | 'redisPrefix' | 'mongoUrl' | 'mongoSearch' | 'searchLanguage'> & {
  /** Names the Postgres database whose mirrors these are. */
  readonly database: string;
};

/**
 * @returns what ends it, once the tiers that are there are prepared
 * @throws StartError when the Redis is another database's
 */
export async function startTierUpkeep(config: Settings, log: Log): Promise<() => Promise<void>> {
  const ends = [await claimRedis(config, log), prepareMongo(config, log)];
  return async () => {
    await Promise.allSettled(ends.map((end) => end()));
  };
}

async function claimRedis(
  { redisUrl, redisPrefix, database }: Settings,
  log: Log,
): Promise<() => Promise<void>> {
  if (redisUrl === undefined) return async () => {};
  const ports = nodeRuntimePorts();
  const connection = new RedisConnection({ url: redisUrl, ports });
  const node = new RedisNode({
    ...{ connection, keys: redisKeys(redisPrefix), server: randomUUID(), database, timers: ports.timers },
  });
  const claim = () => new Promise<Claimed>((resolve) => node.claim(resolve));
  let isOver = false;
  const begunAt = Date.now();
  const claimed = (async () => {
    let isTold = false;
    while (!isOver) {
      const result = await claim();
      if (result.kind === 'claimed') return report(result, log);
      if (result.kind === 'foreign') {
        await waitForForeigners(begunAt, redisPrefix);
        continue;
      }
      // A connection takes a moment to be made.
      if (!isTold && Date.now() - begunAt > claimWaitMs) {
        isTold = true;
        log.warn(`${result.message}; nubo runs without it until it is there`);
      }
      await pause(isTold ? tryAgainMs : 50);
    }
  })();
  const end = async () => {
    isOver = true;
    await new Promise<void>((resolve) => node.release(() => resolve()));
    connection.close();
  };
  try {
    await Promise.race([claimed, awayFor(connection, claimWaitMs)]);
  } catch (error) {
    await end();
    throw error;
  }
  // Where it comes later and is another's, mirrors are none of ours: said in the log, again and again.
  claimed.catch((error: unknown) => log.error(error instanceof Error ? error.message : String(error)));
  return end;
}

/** Resolves when it has been away for so long; never while it is there. */
async function awayFor(connection: RedisConnection, ms: number): Promise<void> {
  do await pause(ms);
  while (connection.away === undefined);
}

/** @throws StartError once it is certain that they live */
async function waitForForeigners(begunAt: number, prefix: string): Promise<void> {
  if (Date.now() - begunAt > foreignWaitMs)
    throw new StartError(
      `Another nubo, of another database, uses this Redis with the prefix ${prefix}: give each its own NUBO_REDIS_PREFIX.`,
    );
  await pause(500);
}

function report(claimed: Extract<Claimed, { kind: 'claimed' }>, log: Log): void {
  if (claimed.isFirst)
    log.info({ removed: claimed.removed }, 'Redis begins empty: the keys of earlier servers are gone');
  else log.info('other servers use this Redis: what is there stays');
}

function prepareMongo({ mongoUrl, database, ...config }: Settings, log: Log): () => Promise<void> {
  if (mongoUrl === undefined) return async () => {};
  const language = mongoLanguageOf(config);
  const indexed = { entities, ...(language === undefined ? {} : { language }) };
  const connection = new MongoConnection({ url: mongoUrl });
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const again = (ms: number, isPrepared: boolean): void => {
    if (!isOver) timer = setTimeout(() => void work(isPrepared), ms).unref();
  };
  const work = async (isPrepared: boolean): Promise<void> => {
    try {
      if (!isPrepared && (await claimMongo(connection, { entities, database })))
        log.warn(
          'this Mongo held the mirror of another database: it is gone, and filled again from this one',
        );
      if (!isPrepared)
        for (const line of refusalLines(await prepareIndexes(connection, indexed))) log.info(line);
      for (const { collection, documents } of await removeUnused(connection, { entities, now: Date.now() })) {
        log.info({ collection, documents }, 'documents of Mongo that were not used for 30 days are gone');
      }
      again(dayMs, true);
    } catch (error) {
      if (!isOver) log.warn(`Mongo could not be prepared: ${error instanceof Error ? error.message : error}`);
      again(tryAgainMs * 5, isPrepared);
    }
  };
  void work(false);
  return async () => {
    isOver = true;
    clearTimeout(timer);
    await connection.close();
  };
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
