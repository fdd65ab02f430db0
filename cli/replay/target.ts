/** Which server is replayed to: what was given, else what a server on this machine has written down about itself. */
import { resolve } from 'node:path';
import type { Environment } from '#src/config.js';
import { settings } from '#src/config-table.js';
import { UserError } from '#src/errors.js';
import { type Runtime, readRuntime } from '#src/runtime-file.js';

export interface TargetOptions {
  readonly url?: string | undefined;
  readonly operatorKey?: string | undefined;
  readonly postgresUrl?: string | undefined;
  /** Where runtime.json is. */
  readonly data?: string | undefined;
}

export interface Target {
  /** `http://host:port` */
  readonly url: string;
  /** `ws://host:port/ws` */
  readonly socketUrl: string;
  readonly operatorKey: string;
  readonly postgresUrl: string;
  /** Of the server's process; undefined when it is not known to run here. */
  readonly serverPid: number | undefined;
}

/** @throws UserError when something is missing and no server of this machine says it */
export function findTarget(options: TargetOptions, env: Environment): Target {
  const operatorKey = options.operatorKey ?? given(env.NUBO_OPERATOR_KEY);
  const postgresUrl = options.postgresUrl ?? given(env.NUBO_POSTGRES_URL);
  const isComplete = options.url !== undefined && operatorKey !== undefined && postgresUrl !== undefined;
  const runtime = isComplete ? undefined : readRuntime(dataFolder(options, env));
  const url = checkedUrl(options.url ?? urlOf(runtime));
  const isOwn = runtime !== undefined && new URL(url).port === String(runtime.port);
  return {
    url,
    socketUrl: `${url.replace(/^http/, 'ws')}/ws`,
    operatorKey:
      operatorKey ?? runtime?.operatorKey ?? missing('operator key', '--operator-key or NUBO_OPERATOR_KEY'),
    postgresUrl:
      postgresUrl ?? runtime?.postgresUrl ?? missing('Postgres URL', '--postgres-url or NUBO_POSTGRES_URL'),
    serverPid: isOwn ? runtime.pid : undefined,
  };
}

function given(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}

function dataFolder(options: TargetOptions, env: Environment): string {
  return resolve(options.data ?? given(env.NUBO_DATA) ?? String(settings.data.fallback));
}

function urlOf(runtime: Runtime | undefined): string {
  const { host = 'localhost', port = 8080 } = runtime ?? {};
  const isEverywhere = host === '0.0.0.0' || host === '::';
  const name = isEverywhere ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** Without a slash at its end. */
function checkedUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw new UserError(`${text} is no http:// or https:// address of a server.`);
  return text.replace(/\/+$/, '');
}

function missing(what: string, how: string): never {
  throw new UserError(`The ${what} of the server is needed: give it with ${how}.`);
}
