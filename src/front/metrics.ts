/**
 * The front's counters as prom-client metrics (O3). They are read when somebody scrapes; nothing here runs per
 * message. No ids in labels; gauges add up over fronts, since each counts its own.
 */
import { Counter, Gauge, type Metric, type Registry } from 'prom-client';
import { type Latencies, latencyBounds } from './counters.js';
import type { Front } from './front.js';

type Source = Pick<Front, 'counters' | 'stats'>;

/** name, help, value */
const gauges: ReadonlyArray<readonly [string, string, (front: Source) => number]> = [
  ['nubo_connections', 'WebSocket connections now', (front) => front.stats().sessions],
  ['nubo_users_connected', 'Users with a connection, added up over fronts', (front) => front.stats().users],
  ['nubo_topics', 'Conversations somebody listens to, added up over fronts', (front) => front.stats().topics],
  ['nubo_requests_outstanding', 'Requests that wait for a shard', (front) => front.stats().requests],
];

/** name, help, label, value by label; a label of '' for a counter without any. */
const counters: ReadonlyArray<
  readonly [
    string,
    string,
    string,
    (counters: Source['counters']) => number | Readonly<Record<string, number>>,
  ]
> = [
  ['nubo_connections_opened_total', 'WebSocket connections opened', '', (all) => all.connectionsOpened],
  [
    'nubo_connections_closed_total',
    'WebSocket connections closed, by reason',
    'reason',
    (all) => all.connectionsClosed,
  ],
  ['nubo_frames_received_total', 'Frames received', '', (all) => all.framesIn],
  ['nubo_frames_received_bytes_total', 'Bytes of frames received', '', (all) => all.bytesIn],
  [
    'nubo_frames_sent_total',
    'Frames sent to one socket, or given to a topic',
    'kind',
    (all) => ({ direct: all.framesOut, topic: all.framesPublished }),
  ],
  [
    'nubo_frames_sent_bytes_total',
    'Bytes of those frames',
    'kind',
    (all) => ({ direct: all.bytesOut, topic: all.bytesPublished }),
  ],
  [
    'nubo_rates_evaluated_total',
    'How often the rate of a user was looked at before something was let through',
    'at',
    (all) => ({ front: all.ratesEvaluated }),
  ],
  ['nubo_operations_total', 'Operations of live sockets', 'op', (all) => all.operations],
  ['nubo_refusals_total', 'Operations of sockets refused, by code', 'code', (all) => all.refused],
  ['nubo_http_responses_total', 'REST responses, by status', 'status', (all) => all.restResponses],
  [
    'nubo_frames_dropped_total',
    'Times that frames were dropped for a slow reader',
    '',
    (all) => all.framesDropped,
  ],
  ['nubo_slow_readers_total', 'Times that a slow reader left its topics', '', (all) => all.slowReaders],
  ['nubo_gaps_told_total', 'Gaps told to sockets', '', (all) => all.gapsTold],
  [
    'nubo_ephemeral_expired_total',
    'Ephemeral events dropped since they were old',
    '',
    (all) => all.ephemeralExpired,
  ],
  [
    'nubo_presences_told_total',
    'Changes of presence told to sockets that watch',
    '',
    (all) => all.presencesTold,
  ],
  [
    'nubo_updates_told_total',
    'Changed conversations told to sockets that follow without hearing their events',
    '',
    (all) => all.updatesTold,
  ],
  ['nubo_publish_holes_total', 'Events that did not follow the last one published', '', (all) => all.holes],
];

/** Call it once for a front and registry. */
export function registerFrontMetrics(registry: Registry, front: Source): void {
  const registers = [registry];
  for (const [name, help, read] of gauges) {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read(front));
      },
    });
  }
  for (const [name, help, label, read] of counters) {
    new Counter({
      name,
      help,
      registers,
      labelNames: label === '' ? [] : [label],
      collect() {
        this.reset();
        const value = read(front.counters);
        if (typeof value === 'number') this.inc(value);
        else for (const [name, count] of Object.entries(value)) this.inc({ [label]: name }, count);
      },
    });
  }
  const { sendToAck } = front.counters;
  registry.registerMetric(
    histogramOf('nubo_send_to_ack_seconds', 'From a send received to its ack sent', sendToAck),
  );
}

/** prom-client's own histogram takes 250 ns an observation, ours five; it is only rendered by prom-client. */
function histogramOf(name: string, help: string, latencies: Latencies): Metric {
  const metric = {
    name,
    help,
    type: 'histogram',
    aggregator: 'sum',
    async get() {
      let total = 0;
      const values: Array<{ labels: Record<string, string | number>; metricName: string; value: number }> =
        [];
      for (const [index, bound] of [...latencyBounds, '+Inf' as const].entries()) {
        total += latencies.counts[index] ?? 0;
        values.push({ labels: { le: bound }, metricName: `${name}_bucket`, value: total });
      }
      values.push({ labels: {}, metricName: `${name}_sum`, value: latencies.sum });
      values.push({ labels: {}, metricName: `${name}_count`, value: latencies.count });
      return { name, help, type: 'histogram', aggregator: 'sum', values };
    },
    reset() {
      latencies.counts.fill(0);
      latencies.sum = 0;
      latencies.count = 0;
    },
  };
  // Registry asks of a metric only its name, get and reset.
  return metric as unknown as Metric;
}
