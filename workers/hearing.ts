/** What main does with what its threads tell it. */
import type { Log } from '#src/log.js';
import type { ServerLock } from '#src/storage/postgres/server-lock.js';
import type { ToMain } from './control.js';
import type { MetricsHub } from './metrics-hub.js';
import type { ShardsMemory } from './shards-memory.js';
import type { Threads } from './threads.js';
import type { createTierNews } from './tier-watch.js';

export interface HearingOptions {
  readonly threads: Threads;
  readonly hub: MetricsHub;
  readonly memory: ShardsMemory;
  readonly tierNews: Pick<ReturnType<typeof createTierNews>, 'tellOne'>;
  readonly lock: Pick<ServerLock, 'isHeld'>;
  readonly log: Log;
  endProcess(sentence: string): void;
}

type Thread = { readonly role: string; readonly index: number };

/** @returns what is to be told of every message of every thread */
export function createHearing(options: HearingOptions): (message: ToMain, thread: Thread) => void {
  const { threads, hub, memory, tierNews, lock, log, endProcess } = options;
  return (message, { role, index }) => {
    switch (message.kind) {
      case 'metrics read':
        return hub.onAnswer(message.id, message.metrics);
      case 'want metrics':
        return hub.answer(
          (text) => threads.tellOne('front', index, { kind: 'metrics', id: message.id, text }),
          log,
        );
      case 'memory read':
      case 'memory evicted':
        return memory.onAnswer(index, message);
      case 'fatal':
        // A broken or crashed shard ends itself and is started again; a fenced one must not be.
        if (message.reason === 'fenced') endProcess(`This server was fenced off: ${message.message}.`);
        else log.error({ shard: index, reason: message.reason }, message.message);
        return;
      case 'started':
        if (role !== 'front') return;
        threads.tellOne('front', index, { kind: 'lock', isHeld: lock.isHeld });
        return tierNews.tellOne(index);
      case 'listening':
      case 'sockets closed':
      case 'drained':
        return;
      default:
        return message satisfies never;
    }
  };
}
