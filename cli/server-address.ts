/** Which server a command talks to: what was given, else what a server on this machine wrote down about itself. */
import { resolve } from 'node:path';
import type { Environment } from '#src/config.js';
import { settings } from '#src/config-table.js';
import { UserError } from '#src/errors.js';
import { type Runtime, readRuntime } from '#src/runtime-file.js';

export interface AddressOptions {
  readonly url?: string | undefined;
  /** The folder with runtime.json. */
  readonly data?: string | undefined;
}

export interface ServerAddress {
  /** `http://host:port` */
  readonly url: string;
  /** `ws://host:port/ws` */
  readonly socketUrl: string;
  /** What the server of the data folder says about itself; undefined when it is not the one that is meant. */
  readonly runtime: Runtime | undefined;
}

/** @throws UserError when no address was given and no server of this machine says it */
export function findServer(options: AddressOptions, env: Environment): ServerAddress {
  const runtime = options.url === undefined ? readRuntime(dataFolder(options, env)) : undefined;
  const url = checkedUrl(options.url ?? urlOf(runtime));
  return { url, socketUrl: `${url.replace(/^http/, 'ws')}/ws`, runtime };
}

function dataFolder(options: AddressOptions, env: Environment): string {
  return resolve(options.data ?? (env.NUBO_DATA || String(settings.data.fallback)));
}

function urlOf(runtime: Runtime | undefined): string {
  const { host = 'localhost', port = 8080 } = runtime ?? {};
  const name = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/** Also takes the address of the WebSocket, and `host:port` alone. Without a slash at its end. */
function checkedUrl(text: string): string {
  const url = (/^[\w.-]+(:\d+)?$/.test(text) ? `http://${text}` : text)
    .replace(/^ws/, 'http')
    .replace(/\/+$/, '')
    .replace(/\/ws$/, '');
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UserError(`${text} is no address of a server, as http://127.0.0.1:8080 is one.`);
  }
  return url;
}
