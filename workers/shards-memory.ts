/**
 * The memory of all shards as one tier, for whoever watches it from main. Nothing is said to a shard unless somebody
 * asks: a shard is as quiet as its watcher.
 */
import type { Timers } from '#src/runtime/ports.js';
import type { Evictable } from '#src/storage/tiers/ports.js';
import type { MemoryAnswer, MemoryRequest } from './control.js';

export interface ShardsMemoryPorts {
  readonly timers: Timers;
  /** Indexes of those that live. */
  shards(): readonly number[];
  tell(shard: number, message: MemoryRequest): void;
}

/** A shard is waited for as long; one that is busy for longer counts as it was. */
const answerMs = 1_000;

interface Question {
  readonly waiting: Set<number>;
  readonly byNode: Map<string, number>;
  readonly end: () => void;
  answers: number;
}

export class ShardsMemory implements Evictable {
  readonly name = 'memory';
  private readonly ports: ShardsMemoryPorts;
  /** What each said last, in bytes. */
  private readonly used = new Map<number, number>();
  private readonly questions = new Map<number, Question>();
  private asked = 0;

  constructor(ports: ShardsMemoryPorts) {
    this.ports = ports;
  }

  /** Each keeps to a limit of its own by itself: of all together none is known. */
  usage(done: Parameters<Evictable['usage']>[0]): void {
    const shards = this.ports.shards();
    for (const shard of this.used.keys()) if (!shards.includes(shard)) this.used.delete(shard);
    this.ask(new Map(shards.map((shard) => [shard, { kind: 'read memory' }])), () => {
      const usedBytes = [...this.used.values()].reduce((sum, bytes) => sum + bytes, 0);
      done({ kind: 'usage', usedBytes, limitBytes: undefined });
    });
  }

  evict(count: number, done: Parameters<Evictable['evict']>[1]): void {
    const shares = this.sharesOf(count);
    const requests = [...shares].map(([shard, share]) => [shard, { kind: 'evict', count: share }] as const);
    this.ask(new Map(requests), ({ answers, byNode }) => {
      if (answers > 0 || shares.size === 0) return done({ kind: 'evicted', byNode });
      done({ kind: 'failed', message: `no shard has answered within ${answerMs} ms` });
    });
  }

  onAnswer(shard: number, answer: MemoryAnswer): void {
    // What comes too late is still the last that is known.
    if (answer.kind === 'memory read') this.used.set(shard, answer.usedBytes);
    const question = this.questions.get(answer.id);
    if (question?.waiting.delete(shard) !== true) return;
    question.answers += 1;
    if (answer.kind === 'memory evicted') {
      for (const [node, count] of answer.byNode)
        question.byNode.set(node, (question.byNode.get(node) ?? 0) + count);
    }
    if (question.waiting.size === 0) question.end();
  }

  private ask(
    requests: ReadonlyMap<number, Asked>,
    done: (question: Pick<Question, 'answers' | 'byNode'>) => void,
  ): void {
    this.asked += 1;
    const id = this.asked;
    const end = (): void => {
      cancel();
      if (this.questions.delete(id)) done(question);
    };
    const question: Question = { waiting: new Set(requests.keys()), byNode: new Map(), answers: 0, end };
    this.questions.set(id, question);
    const cancel = this.ports.timers.after(requests.size === 0 ? 0 : answerMs, end);
    for (const [shard, request] of requests) this.ports.tell(shard, { ...request, id });
  }

  /** By their bytes; what rounding leaves is for the largest. */
  private sharesOf(count: number): ReadonlyMap<number, number> {
    const alive = this.ports.shards();
    const sizes = [...this.used].filter(([shard, bytes]) => bytes > 0 && alive.includes(shard));
    sizes.sort(([, one], [, other]) => other - one);
    const total = sizes.reduce((sum, [, bytes]) => sum + bytes, 0);
    const shares = new Map<number, number>();
    let left = count;
    for (const [shard, bytes] of sizes) {
      const share = Math.min(left, Math.ceil((count * bytes) / total));
      if (share > 0) shares.set(shard, share);
      left -= share;
    }
    return shares;
  }
}

type Asked = { kind: 'read memory' } | { kind: 'evict'; count: number };
