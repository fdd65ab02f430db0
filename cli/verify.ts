/** `nubo verify`: compares Redis and Mongo with Postgres, with or without a server that runs. */
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Config } from '#src/config.js';
import { UserError } from '#src/errors.js';
import { isOutage, messageOf, openSql } from '#src/storage/postgres/sql.js';
import { PostgresTruth } from '#src/storage/postgres/truth.js';
import { readConfig, requireSchema, withDatabase } from './database.js';
import { beginStep } from './progress.js';
import { addSettingOptions } from './setting-options.js';
import { MongoTier } from './verify/mongo-tier.js';
import { RedisTier } from './verify/redis-tier.js';
import { openSources, standingOf } from './verify/standing.js';
import { Unreachable, type VerifiedTier } from './verify/tier.js';
import { type TierFindings, verifyTier } from './verify/verify-tier.js';

type TierName = VerifiedTier['name'];

const sampleDefault = 10_000;
const momentMs = 1_500;
/** Counting a long log takes a while. */
const statementMs = 600_000;
const differentCode = 1;
const unreachableCode = 3;

const help = `
Every element that is looked at must be as Postgres has it; Mongo must have everything of the last 30 days. What a server
writes meanwhile is no difference. Exit code 0: no differences, 1: differences, 2: wrong use, 3: something could not be
reached.

Example:
  node cli/nubo.mjs verify --all mongo`;

export function verifyCommand(): Command {
  const command = new Command('verify')
    .description('Compare Redis and Mongo with Postgres.')
    .argument('[tiers...]', 'redis, mongo (default: those that are configured)', tierName)
    .option('--sample <count>', 'elements to look at, spread over all', positive, sampleDefault)
    .addOption(new Option('--all', 'look at every element').conflicts('sample'))
    .addHelpText('after', help);
  return addSettingOptions(command, ['data']).action(
    async (names: TierName[], { sample, all }: { sample: number; all?: boolean }, self: Command) => {
      const config = readConfig(self);
      const tiers = wantedTiers(config, names);
      process.exitCode = await verify(config, tiers, all === true ? Number.POSITIVE_INFINITY : sample);
    },
  );
}

/** Collects the arguments. */
function tierName(text: string, before: TierName[] | undefined): TierName[] {
  if (text !== 'redis' && text !== 'mongo') throw new InvalidArgumentError('It must be redis or mongo.');
  return [...(before ?? []), text];
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('A count from 1 is needed.');
  return value;
}

/** @throws UserError when one is not configured */
export function wantedTiers(config: Config, names: readonly TierName[]): TierName[] {
  const urls = { redis: config.redisUrl, mongo: config.mongoUrl };
  const settings = { redis: 'NUBO_REDIS_URL', mongo: 'NUBO_MONGO_URL' };
  const all: TierName[] = ['redis', 'mongo'];
  for (const name of names) {
    if (urls[name] === undefined)
      throw new UserError(`${settings[name]} is not set: there is no ${name} here.`);
  }
  const wanted = all.filter((name) => (names.length === 0 ? urls[name] !== undefined : names.includes(name)));
  if (wanted.length === 0)
    throw new UserError(
      'Neither NUBO_REDIS_URL nor NUBO_MONGO_URL is set: there is nothing beside Postgres.',
    );
  return wanted;
}

export function openTier(config: Config, name: TierName): Promise<VerifiedTier> {
  return name === 'redis'
    ? RedisTier.open(config.redisUrl ?? '', config.redisPrefix)
    : MongoTier.open(config.mongoUrl ?? '');
}

/** @returns the exit code */
function verify(config: Config, names: readonly TierName[], sample: number): Promise<number> {
  return reaching(() =>
    withDatabase(config, async (url) => {
      await requireSchema(url);
      const codes: number[] = [];
      for (const name of names) codes.push(await reaching(() => verifyOne(config, name, { url, sample })));
      return Math.max(...codes);
    }),
  );
}

/** Answers what `work` does, or says what could not be reached. */
export async function reaching(work: () => Promise<number>): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof Unreachable) && !isOutage(error)) throw error;
    const message =
      error instanceof Unreachable ? error.message : `The database could not be reached: ${messageOf(error)}`;
    process.stderr.write(`nubo: ${message}\n`);
    return unreachableCode;
  }
}

async function verifyOne(
  config: Config,
  name: TierName,
  { url, sample }: { url: string; sample: number },
): Promise<number> {
  const tier = await openTier(config, name);
  const sql = openSql(url, { max: 1, name: 'nubo verify', statementMs });
  try {
    const truth = new PostgresTruth(sql);
    const findings = await verifyTier(tier, { truth, sample, momentMs, onStep: beginStep });
    const { sources, close } = openSources(url, await truth.shards());
    const standing = await standingOf(tier, sources).finally(() => void close());
    process.stdout.write(textOf(name, findings, standing));
    return findings.counts.size === 0 ? 0 : differentCode;
  } finally {
    await sql.end({ timeout: 1 });
    await tier.close();
  }
}

function textOf(name: TierName, { seen, sought, told, counts }: TierFindings, standing: string[]): string {
  const total = [...counts.values()].reduce((sum, count) => sum + count, 0);
  const by = [...counts].map(([entity, count]) => `${entity} ${count}`).join(', ');
  const looked = `${seen} looked at${sought > 0 ? `, ${sought} looked for` : ''}`;
  const lines = [
    ...standing,
    ...told.map((sentence) => `${name}: ${sentence}`),
    ...(total > told.length ? [`${name}: and ${total - told.length} more`] : []),
    total === 0 ? `${name}: ${looked}, no differences` : `${name}: ${looked}, ${total} differences (${by})`,
  ];
  return `${lines.join('\n')}\n`;
}
