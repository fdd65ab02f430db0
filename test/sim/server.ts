/** The simulated process: fronts and shards, the links between them, and a supervisor that starts them again. */

import { createPlacement, type Placement } from '#src/threads/placement.js';
import type { Codec } from '#src/wire/codec.js';
import type { Simulation } from '#test/support/sim-clock.js';
import { createChannel } from '#test/support/sim-network.js';
import { Draws } from '#test/support/sim-random.js';
import type { ClientEnd, SimSocket } from '#test/support/sim-socket.js';
import { type FrontHost, SimFront } from './front.js';
import { type ShardHost, SimShard } from './shard.js';

export interface ServerHost
  extends Omit<ShardHost, 'onShardEnd' | 'frontCount'>,
    Omit<FrontHost, 'onFrontEnd' | 'placement'> {
  blame(rule: string, message: string): void;
}

export const frontCount = 2;
export const shardCount = 2;

export class SimServer {
  readonly placement: Placement;
  private readonly host: ServerHost;
  private readonly simulation: Simulation;
  private readonly random: Draws;
  private readonly fronts: Array<SimFront | undefined> = [];
  private readonly shards: Array<SimShard | undefined> = [];
  private streams = 100;
  /** Counts whole lives of the process: what was planned for an earlier one does not happen. */
  private life = 0;
  private isUp = false;

  constructor(host: ServerHost) {
    this.host = host;
    this.simulation = host.simulation;
    this.random = this.draws();
    this.placement = createPlacement({ shards: Array.from({ length: shardCount }, (_, index) => index) });
    this.start();
  }

  get liveShards(): SimShard[] {
    return this.shards.filter((shard) => shard !== undefined);
  }

  get liveFronts(): SimFront[] {
    return this.fronts.filter((front) => front !== undefined);
  }

  /** Conversation actors in memory. */
  get conversationCount(): number {
    return this.liveShards.reduce((sum, shard) => sum + shard.conversationCount, 0);
  }

  get isWhole(): boolean {
    return this.isUp && this.liveFronts.length === frontCount && this.liveShards.length === shardCount;
  }

  /** A client connects to any front; undefined: it is not there. */
  connect(client: ClientEnd, codec: Codec, token: string | undefined): SimSocket | undefined {
    const front = this.fronts[this.random.between(0, frontCount - 1)];
    return front?.isListening ? front.accept(client, codec, token) : undefined;
  }

  killShard(index: number): void {
    const shard = this.shards[index];
    if (shard !== undefined) this.endShard(shard);
  }

  killFront(index: number): void {
    const front = this.fronts[index];
    if (front !== undefined) this.endFront(front);
  }

  /** Power off: nothing says goodbye. It comes back after a while. */
  killAll(): void {
    this.life += 1;
    this.isUp = false;
    for (const shard of this.liveShards) shard.kill();
    for (const front of this.liveFronts) front.kill();
    this.shards.fill(undefined);
    this.fronts.fill(undefined);
    this.plan(50 + this.random.next() * 400, () => this.start());
  }

  private start(): void {
    this.isUp = true;
    for (let index = 0; index < shardCount; index += 1) this.shards[index] = this.makeShard(index);
    for (let index = 0; index < frontCount; index += 1) this.fronts[index] = this.makeFront(index);
    for (const front of this.liveFronts) {
      for (const shard of this.liveShards) this.link(front, shard);
      front.isListening = true;
    }
  }

  private makeShard(index: number): SimShard {
    return new SimShard(
      { ...this.host, frontCount, onShardEnd: (...end) => this.onShardEnd(...end) },
      index,
      this.draws(),
    );
  }

  private makeFront(index: number): SimFront {
    const onFrontEnd = (front: SimFront, reason: string): void => {
      this.host.blame('front', `a front threw: ${reason}`);
      this.endFront(front);
    };
    return new SimFront({ ...this.host, placement: this.placement, onFrontEnd }, index, this.draws());
  }

  private onShardEnd(shard: SimShard, reason: string, isBug: boolean): void {
    if (!shard.thread.isAlive) return;
    if (isBug) this.host.blame('shard', `shard ${shard.index} ended: ${reason}`);
    // Another server owns the database: the whole process ends, and somebody starts it again.
    if (reason.startsWith('fenced')) this.killAll();
    else this.endShard(shard);
  }

  private endShard(shard: SimShard): void {
    shard.kill();
    const { index } = shard;
    this.shards[index] = undefined;
    for (const front of this.liveFronts) this.tell(front, () => front.unlink(index));
    this.plan(20 + this.random.next() * 200, () => {
      const successor = this.makeShard(index);
      this.shards[index] = successor;
      for (const front of this.liveFronts) this.link(front, successor);
    });
  }

  private endFront(front: SimFront): void {
    front.kill();
    const { index } = front;
    this.fronts[index] = undefined;
    for (const shard of this.liveShards) this.tell(shard, () => shard.unlink(index));
    this.plan(20 + this.random.next() * 200, () => {
      const successor = this.makeFront(index);
      this.fronts[index] = successor;
      for (const shard of this.liveShards) this.link(successor, shard);
      successor.isListening = true;
    });
  }

  private link(front: SimFront, shard: SimShard): void {
    const [forFront, forShard] = createChannel(this.simulation, this.random, front.thread, shard.thread);
    this.tell(front, () => front.link(shard.index, forFront));
    this.tell(shard, () => shard.link(front.index, forShard));
  }

  /** Main's word reaches a thread in its order, a little later; much later when the thread is busy. */
  private tell(thread: SimFront | SimShard, run: () => void): void {
    const queue = this.words.get(thread) ?? [];
    this.words.set(thread, queue);
    queue.push(run);
    const lateMs = this.random.chance(0.15) ? 300 : 3;
    this.simulation.schedule(this.random.next() * lateMs, () => {
      const next = queue.shift();
      if (next !== undefined) thread.thread.run(next);
    });
  }

  private readonly words = new WeakMap<SimFront | SimShard, Array<() => void>>();

  private plan(ms: number, run: () => void): void {
    const { life } = this;
    this.simulation.schedule(ms, () => {
      if (life === this.life) run();
    });
  }

  private draws(): Draws {
    this.streams += 1;
    return new Draws(this.host.seed, this.streams);
  }
}
