/** Which Mongo a run uses: the one that is given, a real one of this machine, or the stand-in. */
import { createRequire } from 'node:module';
import { findProgram, versionOf } from '#bench/peers/programs.js';
import { buildStandIn } from '#test/stand-in/build.js';

export type MongoKind =
  /** Somebody else's: not to be killed, frozen or started again. */
  | { readonly kind: 'given'; readonly url: string }
  | { readonly kind: 'mongod'; readonly path: string; readonly version: string }
  /** mongo-java-server, in memory. */
  | { readonly kind: 'stand-in'; readonly folder: string };

/** undefined: there is none to be had. */
export async function findMongoKind(): Promise<MongoKind | undefined> {
  const url = process.env.NUBO_TEST_MONGO_URL;
  if (url !== undefined && url !== '') return { kind: 'given', url };
  const path = findProgram('mongod') ?? (await downloaded());
  if (path !== undefined) return { kind: 'mongod', path, version: versionOf(path, '--version') };
  const folder = await buildStandIn();
  return folder === undefined ? undefined : { kind: 'stand-in', folder };
}

/** No dependency of ours, since it downloads a server; whoever has a network for that installs it by hand. */
const downloader = 'mongodb-memory-server';

interface Downloader {
  readonly MongoBinary: { getPath(): Promise<string> };
}

async function downloaded(): Promise<string | undefined> {
  let module: Downloader;
  try {
    module = createRequire(import.meta.url)(downloader) as Downloader;
  } catch {
    return undefined;
  }
  try {
    return await module.MongoBinary.getPath();
  } catch (error) {
    console.error(`nubo: ${downloader} brings no server: ${(error as Error).message}`);
    return undefined;
  }
}
