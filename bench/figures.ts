/** The figures to reach, medians of at least five interleaved rounds. `spike`: what a sketch of the engine's core gave. */
export interface Figure {
  readonly name: string;
  readonly spike?: number;
  readonly reach?: number;
  readonly aim?: number;
  readonly isHigherBetter: boolean;
}

const higher = { isHigherBetter: true } as const;
const lower = { isHigherBetter: false } as const;

export const figures = {
  durableToCopy: {
    name: 'durable acked/s ÷ raw COPY rows/s at the same mean batch',
    ...{ spike: 0.38, reach: 0.25, aim: 0.38, ...higher },
  },
  durableCpuToCopy: {
    name: 'CPU µs (server + Postgres) per durable message ÷ raw COPY’s per row',
    ...{ spike: 2.5, reach: 5, aim: 3, ...lower },
  },
  roomsToCentrifugo: {
    name: 'durable acked/s ÷ Centrifugo’s in-memory acked/s, 100 × 10',
    ...{ spike: 1.3, reach: 0.8, aim: 1.2, ...higher },
  },
  roomsToJetStream: {
    name: 'durable acked/s ÷ JetStream’s with sync_interval: always, 100 × 10',
    ...{ spike: 8, reach: 5, aim: 8, ...higher },
  },
  roomsToTinode: {
    name: 'durable acked/s ÷ Tinode’s on Postgres, 100 × 10',
    ...{ spike: 28, reach: 15, aim: 25, ...higher },
  },
  fanoutToCentrifugo: {
    name: 'deliveries/s ÷ Centrifugo’s, 1 × 1,000, 64 outstanding',
    ...{ spike: 10, reach: 5, aim: 10, ...higher },
  },
  fanoutSingleToCentrifugo: {
    name: 'deliveries/s ÷ Centrifugo’s, 1 × 1,000, one outstanding',
    ...{ spike: 1.4, reach: 1, aim: 1.3, ...higher },
  },
  fanoutToPublish: {
    name: 'deliveries/s ÷ raw uWebSockets.js publish at the same bytes and batch, 1 × 1,000',
    ...{ reach: 0.7, aim: 0.9, ...higher },
  },
  latencyToFloor: {
    name: 'ack p50 at one in flight ÷ floor (round trip + thread hops + one-row commit)',
    ...{ reach: 2, aim: 1.3, ...lower },
  },
  latencyAtHalf: {
    name: 'ack p99, open loop at half of capacity, ms',
    ...{ reach: 20, aim: 10, ...lower },
  },
  idleMemoryToBare: {
    name: 'memory per idle authenticated connection with 3 rooms ÷ bare uWebSockets.js with three topics',
    ...{ reach: 2.3, aim: 1.5, ...lower },
  },
  connectsToBare: {
    name: 'authenticated connects/s ÷ bare upgrades/s',
    ...{ reach: 0.5, aim: 0.8, ...higher },
  },
  manyConversations: {
    name: 'CPU µs per message, 100 active conversations among 100,000 existing ÷ among 100',
    ...{ reach: 1.2, aim: 1.05, ...lower },
  },
  mirroredP99: {
    name: 'ack p99 at 5,000 messages/s with Redis and Mongo ÷ without',
    ...{ reach: 1.25, ...lower },
  },
  mirrorLag: {
    name: 'longest lag of a mirror at 5,000 messages/s, s',
    ...{ reach: 2, ...lower },
  },
  mirroredDurable: {
    name: 'durable acked/s at saturation with Redis and Mongo ÷ without',
    ...{ reach: 0.5, ...higher },
  },
  pageFromRedis: {
    name: 'pages/s through the tier of Redis ÷ the same bytes by bare ioredis',
    ...{ reach: 0.5, ...higher },
  },
} as const satisfies Readonly<Record<string, Figure>>;
