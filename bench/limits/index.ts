/**
 * The limits: what the parts of the engine can do when nothing else is in the way. Each is measured in processes of its
 * own, on the same machine and the same Postgres server as the engine, and is a `Measurement` like the engine's.
 */
export { bareConnections } from './bare-connections.js';
export { latencyFloor } from './latency-floor.js';
export { rawCopy, rawCopyLadder } from './raw-copy.js';
export { rawPublish } from './raw-publish.js';
