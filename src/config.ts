/** Configuration is parsed once, here, into a frozen object (O1). */
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import type { Mode, Setting } from './config-setting.js';
import {
  type SettingKey,
  type SettingValues,
  secretBytesMin,
  settingList,
  settings,
} from './config-table.js';
import { UserError } from './errors.js';
import { nearestName } from './nearest-name.js';
import { type KeptSecrets, keepSecrets } from './secrets.js';

type Optional =
  | 'postgresUrl'
  | 'redisUrl'
  | 'mongoUrl'
  | 'appSecret'
  | 'appJwksUrl'
  | 'appIssuer'
  | 'appAudience'
  | 'operatorKey'
  | 's3Endpoint'
  | 's3AccessKey'
  | 's3SecretKey';

/** All settings by key. Those in `Optional` may be absent, `data` is an absolute path. */
export type Config = Readonly<
  { [Key in Exclude<SettingKey, Optional>]-?: NonNullable<SettingValues[Key]> } & {
    [Key in Optional]?: NonNullable<SettingValues[Key]>;
  } & {
    mode: Mode;
    /** The account that is made so that there is something to try; only in development. */
    demo?: { readonly username: string; readonly password: string };
  }
>;

/** Options of the command line, as text: they win over the environment. */
export type ConfigOptions = { readonly [Key in SettingKey]?: string };

export type Environment = Readonly<Record<string, string | undefined>>;

interface Given {
  readonly text: string;
  /** Where it came from, as a person would name it. */
  readonly source: string;
}

/**
 * Reads the configuration.
 *
 * @param secretsOf gives the secrets that nobody set, in development; by default they are made once and kept in
 *   the data folder
 * @throws UserError naming the setting, where it came from and what it may be
 */
export function parseConfig(
  env: Environment,
  options: ConfigOptions = {},
  secretsOf: (data: string) => KeptSecrets = keepSecrets,
): Config {
  const mode: Mode = find('postgresUrl', env, options) === undefined ? 'embedded' : 'url';
  const values: SettingValues = Object.fromEntries(
    settingList.map(({ key, setting }) => [key, parse(setting, find(key, env, options), mode)]),
  );
  const fronts = values.fronts ?? Math.max(1, Math.floor(availableParallelism() / 3));
  const shards = values.shards ?? Math.max(1, availableParallelism() - fronts);
  const data = resolve(values.data ?? '');
  const made = mode === 'embedded' || values.env === 'development' ? secretsOf(data) : undefined;
  const secret = values.secret ?? made?.secret;
  if (secret === undefined) {
    throw new UserError(`NUBO_SECRET is missing: in production it must be ${settings.secret.type}.`);
  }
  const operatorKey = values.operatorKey ?? made?.operatorKey;
  if (values.env === 'production') refuseWellKnown({ ...values, secret });
  refuseHalfAStore(values);
  const config = {
    ...values,
    ...{ mode, fronts, shards, data, secret },
    ...(operatorKey === undefined ? {} : { operatorKey }),
    ...(made === undefined || values.env !== 'development' ? {} : { demo: made.demo }),
  };
  // Every key outside `Optional` has a default in the table or was filled in above.
  return Object.freeze(config) as Config;
}

/** Variables that look like ours and are not, each as a sentence with the nearest name that is. */
export function unknownNames(env: Environment): string[] {
  const known = new Set<string>();
  for (const { setting } of settingList) {
    known.add(setting.name);
    if (setting.secret) known.add(`${setting.name}_FILE`);
  }
  return Object.keys(env)
    .filter((name) => name.startsWith('NUBO_') && !name.startsWith('NUBO_TEST_') && !known.has(name))
    .map((name) => `${name} is not a setting; the nearest is ${nearestName(name, [...known])}.`);
}

/** The text given for a setting: an option of the command line, the environment, then a file. */
function find(key: SettingKey, env: Environment, options: ConfigOptions): Given | undefined {
  const setting: Setting = settings[key];
  const option = options[key];
  if (option !== undefined) return { text: option, source: optionName(key) };
  for (const name of setting.alias === undefined ? [setting.name] : [setting.name, setting.alias]) {
    const text = env[name];
    if (text !== undefined && text !== '') return { text, source: name };
  }
  const fileName = setting.secret ? env[`${setting.name}_FILE`] : undefined;
  return fileName
    ? { text: readSecret(`${setting.name}_FILE`, fileName), source: `${setting.name}_FILE` }
    : undefined;
}

/** `postgresUrl` → `--postgres-url` */
export function optionName(key: SettingKey): string {
  return `--${key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function readSecret(name: string, path: string): string {
  try {
    return readFileSync(path, 'utf8').trimEnd();
  } catch {
    throw new UserError(`${name} names the file ${path}, which cannot be read.`);
  }
}

function parse(setting: Setting, given: Given | undefined, mode: Mode): unknown {
  const { fallback } = setting;
  const text = given?.text ?? (typeof fallback === 'function' ? fallback(mode) : fallback);
  if (text === undefined) return undefined;
  const result = setting.schema.safeParse(text);
  if (result.success) return result.data;
  const shown = setting.secret ? '' : `, not "${text.slice(0, 80)}"`;
  // Kubernetes describes a service called "nubo" to every pod in variables such as NUBO_PORT=tcp://10.0.0.1:8080.
  const hint = text.startsWith('tcp://') ? ' (Kubernetes made it: set enableServiceLinks to false)' : '';
  throw new UserError(`${given?.source ?? setting.name} must be ${setting.type}${shown}${hint}.`);
}

/** Files that would silently land on this disk are not what somebody wanted who named a bucket. */
function refuseHalfAStore({ s3Endpoint, s3AccessKey, s3SecretKey }: SettingValues): void {
  const given = [s3Endpoint, s3AccessKey, s3SecretKey].filter((value) => value !== undefined);
  if (given.length === 1 || given.length === 2)
    throw new UserError(
      'NUBO_S3_ENDPOINT, NUBO_S3_ACCESS_KEY and NUBO_S3_SECRET_KEY go together: give all three or none.',
    );
}

const wellKnown =
  /change.?me|example|default|insecure|your.?secret|secret.?key|password|0123456789|abcdefgh/i;
/** Random text of the least length has far more. */
const distinctCharactersMin = 10;

/** H8: a secret that everybody knows is none. */
function refuseWellKnown(values: SettingValues): void {
  for (const key of ['secret', 'appSecret', 'operatorKey'] as const) {
    const text = values[key];
    if (text === undefined) continue;
    if (wellKnown.test(text) || new Set(text).size < distinctCharactersMin) {
      throw new UserError(
        `${settings[key].name} is a well-known or guessable secret: in production it must be random, ` +
          `for example from: openssl rand -base64 ${secretBytesMin}.`,
      );
    }
  }
}
