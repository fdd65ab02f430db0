/**
 * Writers as fast as one client can, as long as readers keep up, who prefer few elements (Zipf), through the mirror
 * itself; and a record of all that moved an element in the LRU, in the order in which Redis was told.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import type { Change, Entity } from '#src/entities/entity.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import type { RuntimePorts } from '#src/runtime/ports.js';
import { RedisConnection } from '#src/storage/redis/connection.js';
import { lruMember, redisKeys } from '#src/storage/redis/keys.js';
import { RedisMirror } from '#src/storage/redis/mirror.js';
import { touchIntervalMs } from '#src/storage/redis/touches.js';
import { SeededRandom } from '#test/support/seeded-random.js';
import type { EvictionLoadPlan } from './eviction-load.js';

const shownTo = 'everybody';
const fields = {
  id: { column: '_id', type: 'uuid', schema: z.uuid(), shownTo },
  text: { column: 'text', type: 'text', schema: z.string(), shownTo },
} as const;
const declared = { key: ['id'], indexes: [], fields } as const;
/** Two nodes, for what is evicted is the oldest of all together. */
export const nodes: readonly [Entity, Entity] = [
  { name: 'notes', table: 'notes', collection: 'notes_recent', ...declared },
  { name: 'cards', table: 'cards', collection: 'cards_recent', ...declared },
];

/** What was told to Redis; `at` is the time it was told (Unix ms), `usedAt` the last use. */
export type Told =
  | { readonly kind: 'inserted'; readonly at: number; readonly first: number; readonly count: number }
  | {
      readonly kind: 'inserted again' | 'touched';
      readonly at: number;
      readonly elements: ReadonlyMap<number, number>;
    };

const writesInFlight = 4;
const chunkBytes = 200_000;
const chunkElementsMax = 250;
const readersCount = 6;
const readsAtOnce = 100;
const readPauseMs = 3;
/** Writers wait for readers: without them everything would leave before anybody has read it. */
const readsPerElement = 0.25;
/** Readers wait for the next interval: the mirror hears of 20,000 elements in each, and what is more counts as not read. */
const usedMax = 18_000;
/** Redis knows it by then. */
const settleMs = 1_500;

export class SkewedLoad {
  readonly told: Told[] = [];
  /** By element: how often it was written when it was not there. */
  readonly insertions: number[] = [];
  readonly mirror: RedisMirror;
  readonly connection: RedisConnection;
  bytesWritten = 0;
  reads = 0;
  misses = 0;
  readonly faults: string[] = [];
  private readonly plan: EvictionLoadPlan;
  private readonly random: SeededRandom;
  /** Elements from the most popular to the least. */
  private readonly ranking: number[] = [];
  /** When an element was last written (performance.now), so that an older answer does not count. */
  private readonly writtenAt: number[] = [];
  private used = new Map<number, number>();
  private isOver = false;
  private now = Date.now();

  constructor(plan: EvictionLoadPlan) {
    this.plan = plan;
    this.random = new SeededRandom(plan.seed);
    const ports = this.recordingPorts();
    this.connection = new RedisConnection({ url: plan.url, ports });
    this.mirror = new RedisMirror({ connection: this.connection, keys: redisKeys(plan.prefix), ports });
  }

  async run(): Promise<void> {
    await new Promise<void>((resolve) => void this.connection.onOpen(() => resolve()));
    // The first one teaches Redis the script: later ones are handled in the order in which they are told.
    await this.write();
    const readers = Array.from({ length: readersCount }, () => this.readOn());
    await Promise.all(Array.from({ length: writesInFlight }, () => this.writeOn()));
    this.isOver = true;
    await Promise.all(readers);
    // The last touches are told within their interval.
    await sleep(settleMs);
  }

  memberOf(element: number): string {
    return lruMember(nodeOf(element).name, idOf(element));
  }

  private async writeOn(): Promise<void> {
    while (this.bytesWritten < this.plan.bytes && this.faults.length === 0) {
      if (this.reads >= readsPerElement * this.insertions.length) await this.write();
      else await sleep(1);
    }
  }

  private write(): Promise<void> {
    this.now = Date.now();
    const first = this.insertions.length;
    const changes: Change[] = [];
    for (let bytes = 0; bytes < chunkBytes && changes.length < chunkElementsMax; ) {
      const change = this.changeOf(first + changes.length);
      const size = sizeOf(change);
      bytes += size;
      this.bytesWritten += size;
      changes.push(change);
    }
    for (let index = 0; index < changes.length; index += 1) this.rank(first + index);
    this.told.push({ kind: 'inserted', at: this.now, first, count: changes.length });
    return this.put(changes);
  }

  private async readOn(): Promise<void> {
    while (!this.isOver && this.faults.length === 0) {
      await sleep(readPauseMs);
      if (this.ranking.length === 0 || this.used.size > usedMax) continue;
      const elements = new Set<number>();
      while (elements.size < Math.min(readsAtOnce, this.ranking.length)) elements.add(this.zipf());
      const askedAt = performance.now();
      const missing: number[] = [];
      for (const node of nodes) {
        const own = [...elements].filter((element) => nodeOf(element) === node);
        missing.push(...(await this.get(node, own)));
      }
      await this.insertAgain(missing, askedAt);
    }
  }

  /** @returns those that are not there */
  private get(node: Entity, own: readonly number[]): Promise<number[]> {
    this.now = Date.now();
    this.reads += own.length;
    return new Promise((resolve) => {
      this.mirror.get(node, own.map(idOf), (result) => {
        if (result.kind === 'failed') {
          // One that was too slow has used nothing; what else a lost connection has lost nobody knows.
          if (this.connection.away !== undefined) this.faults.push(result.message);
          return resolve([]);
        }
        // The mirror has noted the use in this same turn, by the same clock.
        const there = own.filter((_, index) => result.elements[index] !== undefined);
        for (const element of there) this.used.set(element, this.now);
        resolve(own.filter((_, index) => result.elements[index] === undefined));
      });
    });
  }

  /** Chunk by chunk, as the mirror would: what waits behind a chunk is neither told nor there, and others may write it. */
  private async insertAgain(missing: readonly number[], askedAt: number): Promise<void> {
    for (let at = 0; at < missing.length; ) {
      this.now = Date.now();
      const usedAt = new Map<number, number>();
      const changes: Change[] = [];
      for (let bytes = 0; bytes < chunkBytes && at < missing.length; at += 1) {
        const element = missing[at] ?? 0;
        if ((this.writtenAt[element] ?? 0) >= askedAt) continue;
        this.insertions[element] = (this.insertions[element] ?? 0) + 1;
        this.writtenAt[element] = performance.now();
        usedAt.set(element, this.now);
        const change = this.changeOf(element);
        bytes += sizeOf(change);
        changes.push(change);
      }
      if (changes.length === 0) return;
      this.misses += changes.length;
      this.told.push({ kind: 'inserted again', at: this.now, elements: usedAt });
      await this.put(changes);
    }
  }

  private put(changes: readonly Change[]): Promise<void> {
    return new Promise((resolve) => {
      this.mirror.put(changes, (result) => {
        if (result.kind === 'failed') this.faults.push(result.message);
        else if (result.poisoned.length > 0) this.faults.push(result.poisoned[0]?.message ?? '');
        resolve();
      });
    });
  }

  /** A new one takes the place of another, who becomes the least popular: what is popular changes slowly. */
  private rank(element: number): void {
    const place = Math.floor(this.random.next() * (element + 1));
    this.ranking.push(this.ranking[place] ?? element);
    this.ranking[place] = element;
    this.insertions[element] = 1;
    this.writtenAt[element] = performance.now();
  }

  /** Zipf with exponent 1: the hundredth is read a hundredth as often as the first. */
  private zipf(): number {
    const rank = Math.floor((this.ranking.length + 1) ** this.random.next()) - 1;
    return this.ranking[Math.min(rank, this.ranking.length - 1)] ?? 0;
  }

  private changeOf(element: number): Change {
    const [least, most] = this.plan.textBytes;
    const length = least + ((element * 7_919) % (most - least + 1));
    const id = idOf(element);
    return {
      entity: nodeOf(element),
      id,
      version: 1,
      fields: { id, text: id.repeat(Math.ceil(length / 36)).slice(0, length) },
    };
  }

  /** A clock that moves between this load's own steps only, and timers that show when the mirror tells its touches. */
  private recordingPorts(): RuntimePorts {
    const ports = nodeRuntimePorts();
    return {
      ...ports,
      clock: { now: () => this.now },
      timers: {
        after: (ms, run) =>
          ports.timers.after(ms, () => {
            run();
            if (ms === touchIntervalMs) this.tellUsed();
          }),
      },
    };
  }

  private tellUsed(): void {
    this.told.push({ kind: 'touched', at: Date.now(), elements: this.used });
    this.used = new Map();
  }
}

/** Of its value and its name, about. */
function sizeOf(change: Change): number {
  return 40 + String(change.fields?.text).length;
}

function nodeOf(element: number): Entity {
  return element % 3 === 0 ? nodes[1] : nodes[0];
}

function idOf(element: number): string {
  return `00000000-0000-7000-8000-${element.toString(16).padStart(12, '0')}`;
}
