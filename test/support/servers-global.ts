/** Finds, installs or builds the servers of a test run once, in the process that lives as long as the run. */
import { serveAnswers } from './broker.js';
import { findMongo } from './mongo-server.js';
import { findRedis } from './redis-server.js';
import { serversVariable } from './servers-variable.js';

export default function setup(): Promise<() => void> {
  return serveAnswers(serversVariable, { redis: findRedis, mongo: findMongo });
}
