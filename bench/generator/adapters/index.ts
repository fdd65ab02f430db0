/** The protocols the generator speaks, by name. */
import type { Adapter } from '../adapter.js';
import { nuboJson } from './nubo-json.js';
import { nuboMsgpack } from './nubo-msgpack.js';
import { peerAdapters } from './peers/index.js';

/** nubo in the codec its address names. */
const nubo: Adapter = (options) =>
  options.address.options?.codec === 'json' ? nuboJson(options) : nuboMsgpack(options);

export const adapters: Readonly<Record<string, Adapter>> = {
  nubo,
  'nubo-msgpack': nuboMsgpack,
  'nubo-json': nuboJson,
  ...peerAdapters,
};
