/**
 * Everything that can be configured, in one table (O1). The parser, `.env.example`, docs/configuration.md and
 * `nubo config` are made from it, so a setting exists nowhere else.
 */
import { join } from 'node:path';
import { z } from 'zod';
import { number, type Setting, setting } from './config-setting.js';
import { connectionOperationsMax } from './front/allowance.js';
import { typeRulePattern } from './media/types.js';
import { networkOf } from './people/proxies.js';
import { projectRoot } from './project-root.js';

/** Under 32 bytes a key is weaker than the HMAC made with it (RFC 7518, 3.2). */
export const secretBytesMin = 32;

const secret = z.string().refine((text) => Buffer.byteLength(text) >= secretBytesMin);
const secretType = `text of at least ${secretBytesMin} bytes`;
const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;

export const settings = {
  port: setting({
    name: 'NUBO_PORT',
    alias: 'PORT',
    ...number(0, 65_535),
    fallback: '8080',
    doc: 'Port for WebSocket and REST; 0 takes a free one.',
  }),
  host: setting({
    name: 'NUBO_HOST',
    schema: z.string().regex(/^[\w.:-]+$/),
    type: 'an address',
    fallback: (mode) => (mode === 'embedded' ? '127.0.0.1' : '0.0.0.0'),
    fallbackText: '`127.0.0.1` with embedded Postgres, else `0.0.0.0`',
    doc: 'Address to listen on.',
  }),
  data: setting({
    name: 'NUBO_DATA',
    schema: z.string().min(1),
    type: 'a folder',
    fallback: join(projectRoot, 'data'),
    fallbackText: '`data` in the clone',
    doc: 'Folder for embedded Postgres, made secrets and what the other commands need to find the server.',
  }),
  postgresUrl: setting({
    name: 'NUBO_POSTGRES_URL',
    schema: z.string().regex(/^postgres(ql)?:\/\/\S+$/),
    type: 'a postgres://… URL',
    fallbackText: 'absent: an embedded Postgres in the data folder',
    doc: 'Postgres 15 to 18. Without it nubo runs a Postgres of its own.',
    secret: true,
  }),
  redisUrl: setting({
    name: 'NUBO_REDIS_URL',
    schema: z
      .string()
      .regex(/^rediss?:\/\/\S+$/)
      .refine((text) => URL.canParse(text)),
    type: 'a redis://… or rediss://… URL',
    fallbackText: 'absent: the memory of the process takes its place',
    doc: 'Redis 7 or later, for what is hot.',
    secret: true,
  }),
  redisPrefix: setting({
    name: 'NUBO_REDIS_PREFIX',
    schema: z.string().regex(/^[\w.:-]{1,100}$/),
    type: '1 to 100 letters, digits and `_ . : -`',
    fallback: 'nubo:',
    doc: 'What every key of nubo in Redis begins with. Keys that begin otherwise are never touched.',
  }),
  redisLimitMb: setting({
    name: 'NUBO_REDIS_LIMIT_MB',
    ...number(0, 1_000_000_000),
    fallback: '0',
    doc: 'Megabytes that Redis may use before its oldest elements are evicted. 0: its `maxmemory`, else the memory of its machine.',
  }),
  mongoUrl: setting({
    name: 'NUBO_MONGO_URL',
    schema: z.string().regex(/^mongodb(\+srv)?:\/\/\S+$/),
    type: 'a mongodb://… or mongodb+srv://… URL',
    fallbackText: 'absent: what is recent is read from Postgres',
    doc: 'MongoDB 4.4 or later, or what speaks its protocol, for what is recent.',
    secret: true,
  }),
  memoryLimitMb: setting({
    name: 'NUBO_MEMORY_LIMIT_MB',
    ...number(0, 1_000_000_000),
    fallback: '0',
    doc: 'Megabytes that the process may use before the oldest elements in its memory are evicted. 0: the limit of its container, else the memory of its machine.',
  }),
  memoryMarginMb: setting({
    name: 'NUBO_MEMORY_MARGIN_MB',
    ...number(0, 1_000_000_000),
    fallback: '200',
    doc: 'Megabytes below a limit of memory at which eviction begins, at most a tenth of that limit.',
  }),
  env: setting({
    name: 'NUBO_ENV',
    schema: z.enum(['development', 'production']),
    type: '`development` or `production`',
    fallback: (mode) => (mode === 'embedded' ? 'development' : 'production'),
    fallbackText: '`development` with embedded Postgres, else `production`',
    doc: 'In production, secrets must be given and a well-known one refuses to start.',
  }),
  fronts: setting({
    name: 'NUBO_FRONTS',
    ...number(1, 64),
    fallbackText: 'a third of the cores, at least 1',
    doc: 'Threads that hold sockets.',
  }),
  shards: setting({
    name: 'NUBO_SHARDS',
    ...number(1, 64),
    fallbackText: 'the cores that the fronts leave, at least 1',
    doc: 'Threads that hold conversations, each with its own Postgres connections.',
  }),
  secret: setting({
    name: 'NUBO_SECRET',
    schema: secret,
    type: secretType,
    fallbackText: 'made and kept in the data folder; required in production with `NUBO_POSTGRES_URL`',
    doc: 'Key that signs the access tokens of nubo.',
    secret: true,
  }),
  appSecret: setting({
    name: 'NUBO_APP_SECRET',
    schema: secret,
    type: secretType,
    fallbackText: 'absent: not accepted',
    doc: "Key of the tokens that your application's server makes (HS256).",
    secret: true,
  }),
  appJwksUrl: setting({
    name: 'NUBO_APP_JWKS_URL',
    schema: z.string().regex(/^https?:\/\/\S+$/),
    type: 'an http(s) URL',
    fallbackText: 'absent: not accepted',
    doc: "Address of the public keys of the tokens that your application's server makes.",
  }),
  appIssuer: setting({
    name: 'NUBO_APP_ISSUER',
    schema: z.string().min(1).max(500),
    type: 'text',
    fallbackText: 'absent: any',
    doc: "What your application's tokens must carry as `iss`. Needed when the keys serve other applications, too.",
  }),
  appAudience: setting({
    name: 'NUBO_APP_AUDIENCE',
    schema: z.string().min(1).max(500),
    type: 'text',
    fallbackText: 'absent: any',
    doc: "What your application's tokens must carry as `aud`. Needed when the keys serve other applications, too.",
  }),
  operatorKey: setting({
    name: 'NUBO_OPERATOR_KEY',
    schema: secret,
    type: secretType,
    fallbackText:
      'made and kept in the data folder; in production with `NUBO_POSTGRES_URL` the operator API is closed',
    doc: 'Bearer key of the operator API.',
    secret: true,
  }),
  accessTokenSeconds: setting({
    name: 'NUBO_ACCESS_TOKEN_SECONDS',
    ...number(10, 86_400),
    fallback: '900',
    doc: 'How long an access token is good.',
  }),
  refreshTokenDays: setting({
    name: 'NUBO_REFRESH_TOKEN_DAYS',
    ...number(1, 3_650),
    fallback: '30',
    doc: 'How long a refresh token is good.',
  }),
  logLevel: setting({
    name: 'NUBO_LOG_LEVEL',
    schema: z.enum(logLevels),
    type: `one of ${logLevels.map((level) => `\`${level}\``).join(', ')}`,
    fallback: 'info',
    fallbackText: '`info`; `warn` on a terminal',
    doc: 'The least severe log lines that are written.',
  }),
  drainSeconds: setting({
    name: 'NUBO_DRAIN_SECONDS',
    ...number(1, 3_600),
    fallback: '20',
    doc: 'How long a drain may take before nubo ends with exit code 1.',
  }),
  retentionMonths: setting({
    name: 'NUBO_RETENTION_MONTHS',
    ...number(0, 1_200),
    fallback: '0',
    doc: 'Whole months of messages that are kept beside the current one; older ones leave the log. 0: for ever.',
  }),
  expiredMonths: setting({
    name: 'NUBO_EXPIRED_MONTHS',
    schema: z.enum(['keep', 'drop']),
    type: '`keep` or `drop`',
    fallback: 'keep',
    doc: 'What becomes of a month that leaves the log: its table is kept under another name, or dropped with all its rows.',
  }),
  receiptsMembersMax: setting({
    name: 'NUBO_RECEIPTS_MEMBERS_MAX',
    ...number(0, 1_000),
    fallback: '100',
    doc: 'Members of a conversation up to which they are told how far the others have read; beyond it that is asked.',
  }),
  searchLanguage: setting({
    name: 'NUBO_SEARCH_LANGUAGE',
    schema: z.string().regex(/^[a-z_]{1,63}$/),
    type: '`off`, or a text search configuration of Postgres: `simple`, `french`, `english` …',
    fallback: 'simple',
    doc: 'How words are told apart and which are the same when messages are searched; `simple` fits every language. Another one makes the index anew, `off` keeps none.',
  }),
  mongoSearch: setting({
    name: 'NUBO_MONGO_SEARCH',
    schema: z.enum(['on', 'off']),
    type: '`on` or `off`',
    fallback: 'off',
    doc: 'Whether Mongo, where there is one, keeps words of the last 30 days, too: recent messages are found while the index of Postgres is behind or made anew. It then takes in about half as many messages a second.',
  }),
  ratePerSecond: setting({
    name: 'NUBO_RATE_PER_SECOND',
    ...number(1, 1_000_000_000),
    fallback: '50',
    doc: 'Durable operations a user may send a second, on average.',
  }),
  rateBurst: setting({
    name: 'NUBO_RATE_BURST',
    ...number(1, 1_000_000_000),
    fallback: '200',
    doc: 'Durable operations a user may send at once.',
  }),
  highRatePerSecond: setting({
    name: 'NUBO_HIGH_RATE_PER_SECOND',
    ...number(1, 1_000_000_000),
    fallback: '1000000',
    doc: 'The same for tokens of class `high`, which only an operator or your application can make.',
  }),
  highRateBurst: setting({
    name: 'NUBO_HIGH_RATE_BURST',
    ...number(1, 1_000_000_000),
    fallback: '1000000',
    doc: 'The same for tokens of class `high`, which only an operator or your application can make.',
  }),
  connectionRatePerSecond: setting({
    name: 'NUBO_CONNECTION_RATE_PER_SECOND',
    ...number(0, connectionOperationsMax),
    fallback: '500',
    doc: 'Operations of any kind that a WebSocket may send a second, on average; tokens of class `high` are not held to it. 0: no limit.',
  }),
  connectionRateBurst: setting({
    name: 'NUBO_CONNECTION_RATE_BURST',
    ...number(1, connectionOperationsMax),
    fallback: '2000',
    doc: 'Operations of any kind that a WebSocket may send at once.',
  }),
  conversationRatePerSecond: setting({
    name: 'NUBO_CONVERSATION_RATE_PER_SECOND',
    ...number(0, 1_000_000_000),
    fallback: '500',
    doc: 'Messages, edits and reactions that a conversation takes a second, of all together, on average; tokens of class `high` and those who moderate are not held to it. 0: no limit.',
  }),
  conversationRateBurst: setting({
    name: 'NUBO_CONVERSATION_RATE_BURST',
    ...number(1, 1_000_000_000),
    fallback: '2000',
    doc: 'Messages, edits and reactions that a conversation takes at once.',
  }),
  attachmentMb: setting({
    name: 'NUBO_ATTACHMENT_MB',
    ...number(1, 1_000_000),
    fallback: '100',
    doc: 'Megabytes that a file may have.',
  }),
  attachmentUserMb: setting({
    name: 'NUBO_ATTACHMENT_USER_MB',
    ...number(0, 1_000_000_000),
    fallback: '10000',
    doc: 'Megabytes that all files of a user may have together. 0: no limit.',
  }),
  attachmentTypes: setting({
    name: 'NUBO_ATTACHMENT_TYPES',
    schema: z
      .string()
      .transform((text) => text.split(',').map((rule) => rule.trim()))
      .pipe(z.array(z.string().regex(typeRulePattern)).min(1)),
    type: 'types such as `image/*` or `application/pdf`, comma-separated, or `*`',
    fallback: '*',
    doc: 'Types of files that are taken, by what their bytes are. What a browser or a system would run (HTML, SVG, programs) is only taken where it is named in full.',
  }),
  attachmentUnsentHours: setting({
    name: 'NUBO_ATTACHMENT_UNSENT_HOURS',
    ...number(1, 100_000),
    fallback: '24',
    doc: 'Hours after which a file is removed whose upload does not go on, or that was not sent with a message.',
  }),
  s3Endpoint: setting({
    name: 'NUBO_S3_ENDPOINT',
    schema: z
      .string()
      .regex(/^https?:\/\/[^\s?#]+$/)
      .refine((text) => URL.canParse(text)),
    type: 'an http(s) URL',
    fallbackText: 'absent: files are in the data folder',
    doc: 'S3, or what speaks its protocol, for the bytes of files. The bucket must be there.',
  }),
  s3Bucket: setting({
    name: 'NUBO_S3_BUCKET',
    schema: z.string().regex(/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/),
    type: 'the name of a bucket',
    fallback: 'nubo',
    doc: 'Bucket for the bytes of files; nubo keeps to `attachments/` in it.',
  }),
  s3Region: setting({
    name: 'NUBO_S3_REGION',
    schema: z.string().regex(/^[\w-]{1,100}$/),
    type: 'the name of a region',
    fallback: 'us-east-1',
    doc: 'Region of the bucket.',
  }),
  s3AccessKey: setting({
    name: 'NUBO_S3_ACCESS_KEY',
    schema: z.string().min(1).max(500),
    type: 'text',
    fallbackText: 'required with `NUBO_S3_ENDPOINT`',
    doc: 'Id of the key to the bucket.',
    secret: true,
  }),
  s3SecretKey: setting({
    name: 'NUBO_S3_SECRET_KEY',
    schema: z.string().min(1).max(500),
    type: 'text',
    fallbackText: 'required with `NUBO_S3_ENDPOINT`',
    doc: 'The key to the bucket.',
    secret: true,
  }),
  awaySeconds: setting({
    name: 'NUBO_AWAY_SECONDS',
    ...number(10, 86_400),
    fallback: '300',
    doc: 'After so long without an operation a connection counts as away.',
  }),
  ephemeralBytesPerSecond: setting({
    name: 'NUBO_EPHEMERAL_BYTES_PER_SECOND',
    ...number(256, 1_000_000),
    fallback: '2048',
    doc: 'Bytes a second that one connection is sent of presence, and of the typing and the receipts of a conversation: half of them, and a quarter each.',
  }),
  trustedProxies: setting({
    name: 'NUBO_TRUSTED_PROXIES',
    schema: z
      .string()
      .transform((text) => text.split(',').flatMap((rule) => (rule.trim() === '' ? [] : [rule.trim()])))
      .pipe(z.array(z.string().refine((rule) => networkOf(rule) !== undefined))),
    type: 'addresses or networks such as `10.0.0.0/8`, comma-separated',
    fallback: '',
    fallbackText: 'none',
    doc: 'Proxies whose `X-Forwarded-For` says where a request comes from, for the limits of log-ins and the list of sessions. Of anybody else the header is not looked at.',
  }),
  allowedOrigins: setting({
    name: 'NUBO_ALLOWED_ORIGINS',
    schema: z
      .string()
      .regex(/^(\*|https?:\/\/[^\s,/]+(\s*,\s*https?:\/\/[^\s,/]+)*)$/)
      .transform((text) => text.split(',').map((origin) => origin.trim())),
    type: '`*` or origins, comma-separated',
    fallback: '*',
    doc: 'Browser pages that may use this server. Tokens never travel in cookies, so any page is safe by default.',
  }),
} as const;

export type SettingKey = keyof typeof settings;

/** What the table's schemas give, by key; `undefined` where nothing was given and there is no default. */
export type SettingValues = { [Key in SettingKey]?: z.output<(typeof settings)[Key]['schema']> };

/** The table as a list, in its order. */
export const settingList: ReadonlyArray<{ readonly key: SettingKey; readonly setting: Setting }> =
  Object.entries(settings).map(([key, entry]) => ({ key: key as SettingKey, setting: entry }));
