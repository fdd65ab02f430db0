/**
 * The limits: what the parts of the engine can do when nothing else is in the way. Each is measured in processes of its
 * own, on the same machine and the same Postgres server as the engine, and is a `Measurement` like the engine's.
 */
export { type BareConnectionsOptions, bareConnections } from './bare-connections.js';
export { copyVerdict } from './copy-verdict.js';
export { type LatencyFloorOptions, latencyFloor } from './latency-floor.js';
export { type Limit, type LimitRun, limits } from './limits.js';
export { type RawCopyOptions, rawCopy, rawCopyLadder } from './raw-copy.js';
export { type RawPublishOptions, rawPublish } from './raw-publish.js';
export type { DatabaseServer } from './scratch-database.js';
