/** What main and its threads say to each other: wiring, health and shutdown, never traffic. */
import type { MessagePort } from 'node:worker_threads';
import type { MetricObjectWithValues, MetricValue } from 'prom-client';
import type { Config } from '#src/config.js';

/** `workerData` of every thread. */
export interface ThreadSettings {
  readonly role: 'front' | 'shard';
  /** Index among the threads of its role, from 0. */
  readonly index: number;
  readonly config: Config;
  readonly postgresUrl: string;
  /** Row of `writers` by shard index: the shard numbers of the current placement. */
  readonly shardNumbers: readonly number[];
  /** Rows of `writers` of earlier placements: nobody writes under them any more. */
  readonly pastShards: readonly number[];
  /** What all threads know together: when things were changed last, and up to when each tier has all changes. */
  readonly shared: { readonly stamps: SharedArrayBuffer; readonly freshUntil: SharedArrayBuffer };
  /** Of shards: the names of this shard's stores in this process, its own last. */
  readonly owners: readonly string[];
  /** The port that was proven free. */
  readonly port: number;
}

export type MetricsJson = MetricObjectWithValues<MetricValue<string>>[];

export type ToThread =
  /** The way to a peer of the other role; a second one for the same index replaces the first. */
  | { kind: 'link'; index: number; port: MessagePort }
  | { kind: 'peer gone'; index: number }
  /** To fronts, once all links are laid. */
  | { kind: 'listen' }
  | { kind: 'read metrics'; id: number }
  | { kind: 'metrics'; id: number; text: string }
  | LockMessage
  /** To fronts: `ok`, or what is wrong, of each tier that is configured: said by `/readyz`, and never waited for. */
  | { kind: 'tiers'; checks: Readonly<Record<string, string>> }
  /** To fronts: not ready any more. */
  | { kind: 'draining' }
  /** To fronts: no new sockets, say goodbye over this time. */
  | { kind: 'close sockets'; windowMs: number }
  /** To shards: write what is queued. */
  | { kind: 'drain' }
  | MemoryRequest
  | { kind: 'stop' };

/** To shards, about the elements that they keep in their own memory. */
export type MemoryRequest =
  | { kind: 'read memory'; id: number }
  /** Those used longest ago, at most so many. */
  | { kind: 'evict'; id: number; count: number };

/** `id`: of what it answers. */
export type MemoryAnswer =
  | { kind: 'memory read'; id: number; usedBytes: number }
  | { kind: 'memory evicted'; id: number; byNode: ReadonlyMap<string, number> };

/** To fronts: not ready while the lock on the database is not held (L13). */
export interface LockMessage {
  readonly kind: 'lock';
  readonly isHeld: boolean;
}

export type ToMain =
  | { kind: 'started' }
  | { kind: 'listening'; isListening: boolean }
  | { kind: 'metrics read'; id: number; metrics: MetricsJson }
  /** A front was asked for /metrics. */
  | { kind: 'want metrics'; id: number }
  | { kind: 'sockets closed' }
  | { kind: 'drained' }
  | MemoryAnswer
  /** `fenced`: another server owns the database; the process must end. */
  | { kind: 'fatal'; reason: 'fenced' | 'broken' | 'crashed'; message: string };
