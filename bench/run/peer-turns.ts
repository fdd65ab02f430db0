/**
 * The peers' turns of a round. One that fails is entered as missing and left out from then on: it ends nobody's run. In a
 * round that is void already they have none, but for the first time: that there is something to look at.
 */
import { messageOf } from './pool.js';
import type { BenchContext, StartedTarget } from './scenario.js';

export class PeerTurns {
  private readonly bench: BenchContext;
  private left: readonly StartedTarget[];
  private hasPlayed = false;

  constructor(bench: BenchContext, peers: readonly StartedTarget[]) {
    this.bench = bench;
    this.left = peers;
  }

  async take(turn: (peer: StartedTarget) => Promise<void>): Promise<void> {
    if (this.hasPlayed && this.bench.isVoid()) return;
    this.hasPlayed = true;
    for (const peer of this.left) {
      try {
        await turn(peer);
      } catch (error) {
        this.bench.signal.throwIfAborted();
        this.bench.miss(`${peer.target.name} failed: ${messageOf(error)}`);
        this.left = this.left.filter((other) => other !== peer);
      }
    }
  }
}
