import { chmodSync, lstatSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Config, type Environment, parseConfig, unknownNames } from '#src/config.js';
import { envExample, printedConfig, settingsTable } from '#src/config-docs.js';
import { settingList } from '#src/config-table.js';
import { UserError } from '#src/errors.js';
import { projectRoot } from '#src/project-root.js';
import { readRuntime, writeRuntime } from '#src/runtime-file.js';
import { keepSecrets, secretsFile } from '#src/secrets.js';
import { temporaryFolder } from '#test/support/children.js';

const made = {
  secret: 'm'.repeat(40),
  operatorKey: 'o'.repeat(40),
  demo: { username: 'demo', password: 'pw' },
};
const random = 'q7Jx0vTt3mWc9ZbLkR4sYpEu6HnDg2Fa';
const url = 'postgres://nubo:pw@db.example:5432/nubo';

function parse(env: Environment, options = {}): Config {
  return parseConfig(env, options, () => made);
}

function refusal(env: Environment, options = {}): string {
  try {
    parse(env, options);
  } catch (error) {
    expect(error).toBeInstanceOf(UserError);
    return (error as UserError).message;
  }
  throw new Error('it was accepted');
}

let folder: ReturnType<typeof temporaryFolder>;
beforeEach(() => {
  folder = temporaryFolder('config');
});
afterEach(() => folder.remove());

describe('O1 configuration is one table', () => {
  test('O1 nothing given means embedded, on this machine only, in development', () => {
    const cores = availableParallelism();
    const fronts = Math.max(1, Math.floor(cores / 3));
    expect(parse({})).toEqual({
      ...{
        mode: 'embedded',
        env: 'development',
        host: '127.0.0.1',
        port: 8080,
        data: join(projectRoot, 'data'),
      },
      ...{ fronts, shards: Math.max(1, cores - fronts), secret: made.secret, operatorKey: made.operatorKey },
      ...{
        accessTokenSeconds: 900,
        refreshTokenDays: 30,
        logLevel: 'info',
        drainSeconds: 20,
        retentionMonths: 0,
        searchLanguage: 'simple',
        mongoSearch: 'off',
        expiredMonths: 'keep',
        demo: made.demo,
      },
      ...{ redisUrl: undefined, redisPrefix: 'nubo:', redisLimitMb: 0, mongoUrl: undefined },
      ...{ memoryLimitMb: 0, memoryMarginMb: 200 },
      ...{ attachmentMb: 100, attachmentUserMb: 10_000, attachmentTypes: ['*'], attachmentUnsentHours: 24 },
      ...{ receiptsMembersMax: 100 },
      ...{ s3Endpoint: undefined, s3Bucket: 'nubo', s3Region: 'us-east-1', s3AccessKey: undefined },
      ...{ awaySeconds: 300, ephemeralBytesPerSecond: 2048 },
      ...{ ratePerSecond: 50, rateBurst: 200, highRatePerSecond: 1_000_000, highRateBurst: 1_000_000 },
      ...{ connectionRatePerSecond: 500, connectionRateBurst: 2000, trustedProxies: [] },
      ...{ conversationRatePerSecond: 500, conversationRateBurst: 2000 },
      ...{ allowedOrigins: ['*'], postgresUrl: undefined, appSecret: undefined, appJwksUrl: undefined },
    });
    expect(Object.isFrozen(parse({}))).toBe(true);
  });

  test('O1 Redis and Mongo are given by URL, with or without TLS', () => {
    for (const redisUrl of ['redis://:pw@cache.example:6379/2', 'rediss://cache.example']) {
      expect(parse({ NUBO_REDIS_URL: redisUrl }).redisUrl).toBe(redisUrl);
    }
    for (const mongoUrl of ['mongodb://u:pw@a.example,b.example/nubo', 'mongodb+srv://a.example']) {
      expect(parse({ NUBO_MONGO_URL: mongoUrl }).mongoUrl).toBe(mongoUrl);
    }
  });

  test('O1 an option wins over NUBO_PORT, which wins over PORT; empty counts as absent', () => {
    expect(parse({ PORT: '1' }).port).toBe(1);
    expect(parse({ PORT: '1', NUBO_PORT: '2' }).port).toBe(2);
    expect(parse({ PORT: '1', NUBO_PORT: '2' }, { port: '3' }).port).toBe(3);
    expect(parse({ PORT: '1', NUBO_PORT: '' }).port).toBe(1);
  });

  test.each([
    [{ NUBO_PORT: '99999' }, 'NUBO_PORT must be a whole number, 0 to 65535, not "99999".'],
    [{ PORT: '80a' }, 'PORT must be a whole number, 0 to 65535, not "80a".'],
    [{ NUBO_PORT: '-1' }, 'NUBO_PORT must be a whole number, 0 to 65535, not "-1".'],
    [{ NUBO_PORT: '1e3' }, 'NUBO_PORT must be a whole number, 0 to 65535, not "1e3".'],
    [{ NUBO_ENV: 'prod' }, 'NUBO_ENV must be `development` or `production`, not "prod".'],
    [{ NUBO_POSTGRES_URL: 'mysql://root:hunter2@x' }, 'NUBO_POSTGRES_URL must be a postgres://… URL.'],
    [
      { NUBO_REDIS_URL: 'redis://:hunter2@cache.example:99999' },
      'NUBO_REDIS_URL must be a redis://… or rediss://… URL.',
    ],
    [{ NUBO_REDIS_URL: 'http://:hunter2@x' }, 'NUBO_REDIS_URL must be a redis://… or rediss://… URL.'],
    [{ NUBO_REDIS_PREFIX: 'a{b}' }, 'NUBO_REDIS_PREFIX must be 1 to 100 letters, digits and `_ . : -`'],
    [
      { NUBO_MONGO_URL: 'mongo://u:hunter2@x' },
      'NUBO_MONGO_URL must be a mongodb://… or mongodb+srv://… URL.',
    ],
    [{ NUBO_REDIS_LIMIT_MB: '-1' }, 'NUBO_REDIS_LIMIT_MB must be a whole number, 0 to 1000000000, not "-1".'],
    [{ NUBO_SECRET: 'short-hunter2' }, 'NUBO_SECRET must be text of at least 32 bytes.'],
    [
      { NUBO_SECRET_FILE: '/nonexistent/x' },
      'NUBO_SECRET_FILE names the file /nonexistent/x, which cannot be read.',
    ],
    [
      { NUBO_TRUSTED_PROXIES: '10.0.0.0/8, 10.0.0.0/33' },
      'NUBO_TRUSTED_PROXIES must be addresses or networks such as `10.0.0.0/8`, comma-separated, not "10',
    ],
    [{ NUBO_ALLOWED_ORIGINS: 'example.com' }, 'NUBO_ALLOWED_ORIGINS must be `*` or origins, comma-separated'],
  ])('O1 a wrong value is one sentence: %j', (env, sentence) => {
    expect(refusal(env)).toContain(sentence);
    expect(refusal(env)).not.toContain('hunter2');
  });

  test('O1 names the option that is wrong, and says what Kubernetes did', () => {
    expect(refusal({}, { logLevel: 'loud' })).toMatch(/^--log-level must be one of .*not "loud"\.$/);
    expect(refusal({ NUBO_PORT: 'tcp://10.0.0.1:8080' })).toContain('enableServiceLinks');
  });

  test('O1 a name that is nearly a setting is reported with the nearest one', () => {
    expect(
      unknownNames({ NUBO_PROT: '1', NUBO_TEST_X: '1', NUBO_SECRET_FILE: 'x', NUBO_PORT: '1', HOME: '/' }),
    ).toEqual(['NUBO_PROT is not a setting; the nearest is NUBO_PORT.']);
    expect(unknownNames({ NUBO_SECRETS: '' })[0]).toContain('NUBO_SECRET.');
  });

  test('O1 any text for any setting is a value or one sentence, never another error', () => {
    const keys = fc.constantFrom(...settingList.map(({ key }) => key));
    fc.assert(
      fc.property(keys, fc.string({ unit: 'binary' }), (key, text) => {
        try {
          parse({}, { [key]: text });
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('M5 M2 types of files are a list, and a bucket is given with its key or not at all', () => {
    expect(parse({ NUBO_ATTACHMENT_TYPES: 'image/*, application/pdf' }).attachmentTypes).toEqual([
      'image/*',
      'application/pdf',
    ]);
    expect(refusal({ NUBO_ATTACHMENT_TYPES: 'image/*, *.exe' })).toContain('NUBO_ATTACHMENT_TYPES must be');
    const s3 = {
      NUBO_S3_ENDPOINT: 'https://s3.example',
      NUBO_S3_ACCESS_KEY: 'id',
      NUBO_S3_SECRET_KEY: 'key',
    };
    expect(parse(s3)).toMatchObject({
      s3Endpoint: 'https://s3.example',
      s3AccessKey: 'id',
      s3SecretKey: 'key',
    });
    for (const name of Object.keys(s3)) expect(refusal({ ...s3, [name]: '' })).toContain('go together');
    expect(printedConfig(parse(s3))).not.toContain('=key');
  });

  test('O1 .env.example and docs/configuration.md are the table', () => {
    expect(readFileSync(join(projectRoot, '.env.example'), 'utf8')).toBe(envExample());
    expect(readFileSync(join(projectRoot, 'docs/configuration.md'), 'utf8')).toBe(settingsTable());
    for (const { setting } of settingList) {
      expect(setting.doc).toMatch(/\.$/);
      expect(settingsTable()).toContain(`| \`${setting.name}\``);
    }
  });
});

describe('H8 secrets', () => {
  test('H8 with a Postgres of its own, production wants a secret, and not a well-known one', () => {
    expect(refusal({ NUBO_POSTGRES_URL: url })).toContain('NUBO_SECRET is missing');
    for (const secret of [
      'change-me-change-me-change-me-change-me',
      'x'.repeat(64),
      'this-is-the-default-key-of-the-example!',
      'your-secret-goes-right-here-in-32-chars',
    ]) {
      expect(refusal({ NUBO_POSTGRES_URL: url, NUBO_SECRET: secret })).toContain('well-known or guessable');
      expect(parse({ NUBO_POSTGRES_URL: url, NUBO_SECRET: secret, NUBO_ENV: 'development' }).secret).toBe(
        secret,
      );
    }
    const config = parse({ NUBO_POSTGRES_URL: url, NUBO_SECRET: random });
    expect(config).toMatchObject({ mode: 'url', env: 'production', host: '0.0.0.0', secret: random });
    expect(config.operatorKey).toBeUndefined();
    expect(config.demo).toBeUndefined();
    for (const name of ['NUBO_APP_SECRET', 'NUBO_OPERATOR_KEY']) {
      expect(refusal({ NUBO_POSTGRES_URL: url, NUBO_SECRET: random, [name]: 'z'.repeat(32) })).toContain(
        name,
      );
    }
  });

  test('H8 a secret may stand in a file; the variable itself wins', () => {
    const path = join(folder.path, 'secret');
    writeFileSync(path, `${random}\n`);
    expect(parse({ NUBO_SECRET_FILE: path }).secret).toBe(random);
    expect(parse({ NUBO_SECRET_FILE: path, NUBO_SECRET: `${random}!` }).secret).toBe(`${random}!`);
  });

  test('H8 made secrets are random, kept, and readable by their owner only', () => {
    const data = join(folder.path, 'data');
    const first = keepSecrets(data);
    expect(keepSecrets(data)).toEqual(first);
    expect(keepSecrets(join(folder.path, 'other')).secret).not.toBe(first.secret);
    expect(Buffer.byteLength(first.secret)).toBeGreaterThanOrEqual(32);
    expect(lstatSync(join(data, secretsFile)).mode & 0o777).toBe(0o600);
    expect(lstatSync(data).mode & 0o777).toBe(0o700);
    writeFileSync(join(data, secretsFile), '{"secr');
    expect(() => keepSecrets(data)).toThrow(UserError);
  });

  test.skipIf(process.getuid?.() === 0)('H8 a data folder of another user is told in one sentence', () => {
    chmodSync(folder.path, 0o500);
    expect(() => keepSecrets(join(folder.path, 'data'))).toThrow(UserError);
    chmodSync(folder.path, 0o700);
  });

  test('H8 printing masks every secret', () => {
    const secrets = { NUBO_SECRET: random, NUBO_APP_SECRET: `${random}a`, NUBO_OPERATOR_KEY: `${random}b` };
    const tiers = { NUBO_REDIS_URL: 'redis://:rpw@x', NUBO_MONGO_URL: 'mongodb://u:mpw@x' };
    const text = printedConfig(parse({ ...secrets, ...tiers, NUBO_POSTGRES_URL: url, NUBO_PORT: '9000' }));
    expect(text).toContain('NUBO_PORT=9000\n');
    expect(text).toContain('NUBO_SECRET=********\n');
    expect(text).not.toContain(random);
    expect(text).not.toContain('nubo:pw@');
    expect(text).not.toMatch(/rpw|mpw/);
  });
});

test('O1 the runtime file tells other commands where a living server is, and is private', () => {
  expect(() => readRuntime(folder.path)).toThrow(/^No running server was found/);
  const runtime = { pid: process.pid, host: '127.0.0.1', port: 8080, startedAt: 1, postgresUrl: url };
  writeRuntime(folder.path, runtime);
  expect(readRuntime(folder.path)).toEqual(runtime);
  expect(lstatSync(join(folder.path, 'runtime.json')).mode & 0o777).toBe(0o600);
  // Above the highest number that the kernel gives to a process.
  writeRuntime(folder.path, { ...runtime, pid: 2 ** 22 + 1 });
  expect(() => readRuntime(folder.path)).toThrow(/has ended/);
});
