/** What a shard answers when main asks for its memory: see shards-memory.ts. */
import type { Evictable } from '#src/storage/tiers/ports.js';
import type { MemoryAnswer, MemoryRequest } from './control.js';

/** @param memory undefined: this shard keeps nothing in its memory */
export function answerMemory(
  memory: Evictable | undefined,
  request: MemoryRequest,
  answer: (message: MemoryAnswer) => void,
): void {
  const { id } = request;
  switch (request.kind) {
    case 'read memory':
      if (memory === undefined) return answer({ kind: 'memory read', id, usedBytes: 0 });
      return memory.usage((result) => {
        if (result.kind === 'usage') answer({ kind: 'memory read', id, usedBytes: result.usedBytes });
      });
    case 'evict':
      if (memory === undefined) return answer({ kind: 'memory evicted', id, byNode: new Map() });
      return memory.evict(request.count, (result) => {
        if (result.kind === 'evicted') answer({ kind: 'memory evicted', id, byNode: result.byNode });
      });
    default:
      return request satisfies never;
  }
}
