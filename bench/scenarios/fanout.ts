/** One room, many listeners: how fast a message reaches them all, against publishing alone. */
import type { Measurement } from '../contract.js';
import { type Figure, figures } from '../figures.js';
import { rawPublish } from '../limits/index.js';
import { PeerTurns } from '../run/peer-turns.js';
import { figureOf, type RatioPlan } from '../run/ratios.js';
import type { BenchContext, Scenario, StartedTarget } from '../run/scenario.js';
import { Casts, type Shape, separateShape } from '../run/shape.js';

const outstandings = [1, 64] as const;
const smokeSize = 50;
/** Of an event, should the engine not have said. */
const usualBytes = 200;
const ordinary = 1_000;

/** `nubo, 1 × 1,000, 64 outstanding` */
function partOf(name: string, size: number, outstanding: number): string {
  return `${name}, 1 × ${size.toLocaleString('en-US')}, ${outstanding === 1 ? 'one' : outstanding} outstanding`;
}

const delivered = (name: string, size: number, outstanding: number) =>
  figureOf(partOf(name, size, outstanding), 'deliveriesPerSecond');

function toPublish(size: number, outstanding: number): RatioPlan {
  const named = { name: `deliveries/s ÷ raw publish${partOf('', size, outstanding)}`, isHigherBetter: true };
  return {
    ...(size === ordinary && outstanding === 64 ? figures.fanoutToPublish : named),
    of: delivered('nubo', size, outstanding),
    to: delivered('raw publish', size, outstanding),
  };
}

function toCentrifugo(figure: Figure, outstanding: number): RatioPlan {
  const of = (name: string) => delivered(name, ordinary, outstanding);
  return { ...figure, of: of('nubo'), to: of('centrifugo') };
}

/** Each size is a scenario, so that a bad moment of the machine costs a round of one only. */
function fanoutTo(size: number, options: Pick<Scenario, 'name' | 'says' | 'seconds'>): Scenario {
  const hasPeers = size === ordinary;
  return {
    ...options,
    title: `one room with ${size.toLocaleString('en-US')} listeners, one and 64 outstanding`,
    ...{ rounds: 5, playSeconds: 5 },
    ratios: [
      ...(hasPeers ? [toCentrifugo(figures.fanoutToCentrifugo, 64)] : []),
      ...(hasPeers ? [toCentrifugo(figures.fanoutSingleToCentrifugo, 1)] : []),
      ...[toPublish(size, 64), toPublish(size, 1)],
    ],
    async run(bench) {
      const nubo = await bench.nubo();
      const peers = new PeerTurns(bench, hasPeers ? await bench.peers() : []);
      const casts = new Casts();
      const listeners = bench.options.isSmoke ? smokeSize : size;
      const shape = shapeOf(listeners);
      const fans = outstandings.map(
        (outstanding) => new Fan(bench, casts, { size: listeners, shape, outstanding }),
      );
      await bench.rounds(async () => {
        for (const fan of fans) await fan.engine({ running: nubo });
        await peers.take(async (peer) => {
          for (const fan of fans) await fan.peer(peer);
        });
      });
    },
  };
}

export const fanout = fanoutTo(ordinary, {
  name: 'fanout',
  says: 'One room, 1,000 listeners: deliveries against raw publish of the same bytes and batch, and peers',
  seconds: 1_100,
});

export const fanoutSmall = fanoutTo(100, {
  name: 'fanout-100',
  says: 'One room, 100 listeners, against raw publish',
  seconds: 200,
});

export const fanoutLarge = fanoutTo(10_000, {
  name: 'fanout-10000',
  says: 'One room, 10,000 listeners, against raw publish',
  seconds: 300,
});

/** One publisher is enough: it keeps that many unanswered. */
function shapeOf(listenersPerRoom: number): Shape {
  return separateShape({ rooms: 1, listenersPerRoom, senders: 1 });
}

interface FanOptions {
  readonly size: number;
  readonly shape: Shape;
  readonly outstanding: number;
}

class Fan {
  readonly options: FanOptions;
  private readonly bench: BenchContext;
  private readonly casts: Casts;
  /** The engine's last play: in what batches and bytes it publishes. */
  private last: Measurement | undefined;

  constructor(bench: BenchContext, casts: Casts, options: FanOptions) {
    this.bench = bench;
    this.casts = casts;
    this.options = options;
  }

  /** Between two of the limit, which publishes as the engine was last seen to. Before the first it plays for nothing. */
  async engine(engine: Pick<StartedTarget, 'running'>): Promise<void> {
    const { isSmoke } = this.bench.options;
    if (!isSmoke) {
      this.last ??= await this.play('nubo', engine);
      await this.limit(this.last);
    }
    const measurement = this.bench.record(await this.play('nubo', engine));
    await this.limit(this.last ?? measurement);
    this.last = measurement;
  }

  async peer(peer: StartedTarget): Promise<void> {
    this.bench.record(await this.play(peer.target.name, peer));
  }

  private async play(
    name: string,
    { target, running }: Partial<StartedTarget> & Pick<StartedTarget, 'running'>,
  ) {
    const { size, shape, outstanding } = this.options;
    const part = partOf(name, size, outstanding);
    const crowd = {
      ...(await this.casts.at(running, shape)),
      pace: { loop: 'closed', outstanding },
    } as const;
    return this.bench.play({
      ...{ running, part, activity: part, crowd, cpuPer: 'delivered' },
      ...(target === undefined ? {} : { target }),
    });
  }

  /**
   * With many outstanding, the limit is what publishing gives when nothing ever waits. With one, every message waits for
   * a round trip, here as there. The messages of a commit are published in one turn, in one room: their number is the
   * engine's mean batch.
   */
  private async limit({ figures: seen }: Measurement): Promise<void> {
    const { isSmoke, seconds } = this.bench.options;
    const { size, outstanding } = this.options;
    const { meanBatch = 1, messagesPerFrame = 1, bytesPerFrame = usualBytes } = seen;
    const part = partOf('raw publish', size, outstanding);
    this.bench.say(part);
    const measured = await rawPublish({
      ...{ subscribers: size, bytes: bytesPerFrame / messagesPerFrame, perTurn: meanBatch },
      ...(outstanding === 1 ? { outstanding, perTurn: 1 } : {}),
      ...{ seconds: isSmoke ? 0.3 : Math.min(3, seconds), signal: this.bench.signal },
    });
    this.bench.record({ ...measured, part });
  }
}
