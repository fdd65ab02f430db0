/** Finds, installs or builds the servers of a test run once, in the process that lives as long as the run. */
import { serveAnswers } from './broker.js';
import { findRedis, serversVariable } from './redis-server.js';

export default function setup(): Promise<() => void> {
  return serveAnswers(serversVariable, { redis: findRedis });
}
