/**
 * What peers did in an earlier measurement, for machines on which they cannot be run. Never taken as rates: each is a ratio
 * to a limit that was measured along with it, and that is measured again in the run which shows the row.
 *
 * Where from: nubo's own project, before its engine was written, on a machine of two shared cores, with a generator in C
 * on the same cores and bodies of 60 to 100 bytes. Centrifugo 6 with its memory engine and history; Tinode with its
 * Postgres adapter as shipped. Rates moved by a fifth between runs; of a range, the middle was taken. So these ratios are
 * good for a first look, and a peer that can be run is always measured instead.
 */

/** The limits of that day, by the parts that name them in a run. */
export const earlierLimits = {
  /** nubo's log table and its indexes, batches of 1,000, one connection, encoding included. */
  'raw COPY at 1000': { figure: 'rowsPerSecond', perSecond: 185_000, unit: 'rows/s' },
  /** uWebSockets.js, 1,000 subscribers, 200 bytes, one publish in a turn of the event loop. */
  'raw publish, 1 × 1,000, 200 bytes, 1 a turn': {
    figure: 'deliveriesPerSecond',
    perSecond: 360_000,
    unit: 'deliveries/s',
  },
} as const;

export interface EarlierRow {
  readonly peer: 'centrifugo' | 'tinode';
  /** As the scenario names it. */
  readonly part: string;
  readonly limit: keyof typeof earlierLimits;
  readonly ackedPerSecond?: number;
  readonly deliveriesPerSecond?: number;
}

const copy = 'raw COPY at 1000';
const publish = 'raw publish, 1 × 1,000, 200 bytes, 1 a turn';

/** By scenario. */
export const earlierRows: Readonly<Record<string, readonly EarlierRow[]>> = {
  durable: [{ peer: 'tinode', part: 'tinode', limit: copy, ackedPerSecond: 2_100 }],
  rooms: [
    // 42 to 52 thousand acked, 0.41 to 0.51 million delivered.
    {
      ...{ peer: 'centrifugo', part: 'centrifugo', limit: copy },
      ...{ ackedPerSecond: 47_000, deliveriesPerSecond: 460_000 },
    },
    { peer: 'tinode', part: 'tinode', limit: copy, ackedPerSecond: 2_100 },
  ],
  'many-rooms': [
    {
      ...{ peer: 'centrifugo', part: 'centrifugo', limit: copy },
      ...{ ackedPerSecond: 28_000, deliveriesPerSecond: 250_000 },
    },
  ],
  fanout: [
    {
      ...{ peer: 'centrifugo', part: 'centrifugo, 1 × 1,000, one outstanding', limit: publish },
      deliveriesPerSecond: 150_000,
    },
    {
      ...{ peer: 'centrifugo', part: 'centrifugo, 1 × 1,000, 64 outstanding', limit: publish },
      deliveriesPerSecond: 1_060_000,
    },
    {
      ...{ peer: 'tinode', part: 'tinode, 1 × 1,000, 64 outstanding', limit: publish },
      deliveriesPerSecond: 89_000,
    },
  ],
};
