/** A shard thread: its core on real ports, the services of people and lists, and the links to the fronts. */
import { parentPort, workerData } from 'node:worker_threads';
import { Counter, Gauge, Histogram, register } from 'prom-client';
import { createLog } from '#src/log.js';
import { createPasswordPool } from '#src/people/passwords.js';
import { createPeopleServices } from '#src/people/services.js';
import { createTokens } from '#src/people/tokens.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { createDirectory } from '#src/storage/postgres/directory.js';
import { PostgresLogStore } from '#src/storage/postgres/log-store.js';
import { openSql } from '#src/storage/postgres/sql.js';
import { registerThreadMetrics } from '#src/thread-metrics.js';
import { createLink, type Link } from '#src/threads/link.js';
import type { ToFront, ToShard } from '#src/threads/messages.js';
import { createPublisher } from '#src/threads/publisher.js';
