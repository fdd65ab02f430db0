/** `nubo rebuild`: wipes what nubo has in Redis or Mongo, and fills Mongo again from Postgres. */
import { createInterface } from 'node:readline/promises';
import { Argument, Command } from 'commander';
import type { Config } from '#src/config.js';
import { entities } from '#src/entities/index.js';
import { StartError, UserError } from '#src/errors.js';
import { mongoLanguageOf } from '#src/search-language.js';
import { MongoConnection } from '#src/storage/mongo/connection.js';
import { MongoMirror } from '#src/storage/mongo/mongo-mirror.js';
import { createSenders } from '#src/storage/postgres/senders.js';
import { openSql } from '#src/storage/postgres/sql.js';
import { PostgresTruth } from '#src/storage/postgres/truth.js';
import { redisKeys } from '#src/storage/redis/keys.js';
import { redisSentence } from '#src/storage/redis/sentences.js';
import { ChangeStamps } from '#src/storage/tiers/change-stamps.js';
import { readConfig, requireSchema, withDatabase } from './database.js';
import { beginStep } from './progress.js';
import { rebuildMongo } from './rebuild/mongo.js';
import { emptyRedis } from './rebuild/redis.js';
import { addSettingOptions } from './setting-options.js';
import { connectRedis } from './verify/redis-client.js';
import { openSources } from './verify/standing.js';
import { Unreachable } from './verify/tier.js';
import { reaching, wantedTiers } from './verify.js';

type TierName = 'redis' | 'mongo';

const help = `
Nothing is lost: Postgres has everything. Redis begins empty and is filled by use; Mongo gets everything of the last 30
days. A server may run meanwhile: it finds its mirror wiped and fills it as well. If this is interrupted, run it again.`;

/** What goes, and what comes. */
const meanings: Readonly<Record<TierName, string>> = {
  redis: "nubo's keys in Redis are removed, and it begins empty",
  mongo: "nubo's collections in Mongo are dropped, and filled again from Postgres",
};

export function rebuildCommand(): Command {
  const command = new Command('rebuild')
    .description('Wipe what nubo has in Redis or Mongo, and fill Mongo again.')
    .addArgument(new Argument('<tier>').choices(['mongo', 'redis']))
    .option('--yes', 'do not ask', false)
    .addHelpText('after', help);
  return addSettingOptions(command, ['data']).action(
    async (name: TierName, { yes }: { yes: boolean }, self: Command) => {
      const config = readConfig(self);
      wantedTiers(config, [name]);
      if (!yes && !(await isConfirmed(name))) throw new StartError('Nothing was changed.');
      process.exitCode = await reaching(() => (name === 'redis' ? rebuildRedis(config) : fillMongo(config)));
    },
  );
}

async function isConfirmed(name: TierName): Promise<boolean> {
  if (!process.stdin.isTTY) throw new UserError(`This wipes what nubo has in ${name}: give --yes to go on.`);
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await terminal.question(`${meanings[name]}. Go on? (yes/no) `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    terminal.close();
  }
}

async function rebuildRedis({ redisUrl = '', redisPrefix }: Config): Promise<number> {
  const redis = await connectRedis(redisUrl);
  try {
    await emptyRedis(redis, redisKeys(redisPrefix));
  } catch (error) {
    throw new Unreachable(redisSentence(error));
  } finally {
    redis.disconnect();
  }
  process.stdout.write('redis: empty; it is filled by what is written and read from now on\n');
  return 0;
}

function fillMongo(config: Config): Promise<number> {
  return withDatabase(config, async (url) => {
    await requireSchema(url);
    // Never silent for long enough to be dropped: it holds the lock.
    const sql = openSql(url, { max: 2, name: 'nubo rebuild', statementMs: 0 });
    const session = await sql.reserve();
    const connection = new MongoConnection({ url: config.mongoUrl ?? '' });
    const senders = createSenders(sql, new ChangeStamps());
    const language = mongoLanguageOf(config);
    const mirror = new MongoMirror({
      ...{ connection, entities, senders },
      ...(language === undefined ? {} : { language }),
    });
    try {
      const [row] = await session<Array<{ isFree: boolean }>>`
        select pg_try_advisory_lock(hashtext('nubo rebuild mongo')) as "isFree"`;
      if (row?.isFree !== true) throw new StartError('Another rebuild of this Mongo is under way.');
      const truth = new PostgresTruth(sql);
      await fill(url, truth, mirror);
      return 0;
    } finally {
      mirror.close();
      await connection.close();
      session.release();
      await sql.end({ timeout: 1 });
    }
  });
}

async function fill(url: string, truth: PostgresTruth, mirror: MongoMirror): Promise<void> {
  let total = 0;
  for (const shelf of truth.shelves()) total += await shelf.count();
  const { sources, close } = openSources(url, await truth.shards());
  const step = beginStep('mongo', total);
  try {
    const onRows = (rows: number) => step.add(rows);
    const { changes, poisoned, isServed } = await rebuildMongo({
      ...{ mirror, sources, onRows, stamp: Date.now() },
    }).finally(() => step.end());
    const lacking = poisoned === 0 ? '' : `; ${poisoned} that Mongo cannot hold are read from Postgres`;
    const served = isServed ? '; a server that runs goes on from here' : '';
    process.stdout.write(`mongo: filled with ${changes} changes${lacking}${served}\n`);
  } finally {
    await close();
  }
}
