/**
 * The front's counters as prom-client metrics (O3). They are read when somebody scrapes; nothing here runs per
 * message. No ids in labels; gauges add up over fronts, since each counts its own.
 */
import { Counter, Gauge, type Metric, type Registry } from 'prom-client';
import { type Latencies, latencyBounds } from './counters.js';
import type { Front } from './front.js';

export function registerFrontMetrics(registry: Registry, front: Pick<Front, 'counters' | 'stats'>): void {
  const { counters } = front;
  const registers = [registry];

  function gauge(name: string, help: string, read: () => number): void {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  }
  function counter(name: string, help: string, read: () => number): void {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(read());
      },
    });
  }
  function labelled(
    name: string,
    help: string,
    label: string,
    read: () => Readonly<Record<string, number>>,
  ): void {
    new Counter({
      name,
      help,
      registers,
      labelNames: [label],
      collect() {
        this.reset();
        for (const [value, count] of Object.entries(read())) this.inc({ [label]: value }, count);
      },
    });
  }

  gauge('nubo_connections', 'WebSocket connections now', () => front.stats().sessions);
  gauge(
    'nubo_users_connected',
    'Users with at least one connection to a front, added up over fronts',
    () => front.stats().users,
  );
  gauge('nubo_topics', 'Conversations somebody listens to, added up over fronts', () => front.stats().topics);
  gauge('nubo_requests_outstanding', 'Requests that wait for a shard', () => front.stats().requests);
  counter('nubo_connections_opened_total', 'WebSocket connections opened', () => counters.connectionsOpened);
  labelled(
    'nubo_connections_closed_total',
    'WebSocket connections closed, by reason',
    'reason',
    () => counters.connectionsClosed,
  );
  counter('nubo_frames_received_total', 'Frames received', () => counters.framesIn);
  counter('nubo_frames_received_bytes_total', 'Bytes of frames received', () => counters.bytesIn);
  labelled('nubo_frames_sent_total', 'Frames sent to one socket, or given to a topic', 'kind', () => ({
    direct: counters.framesOut,
    topic: counters.framesPublished,
  }));
  labelled('nubo_frames_sent_bytes_total', 'Bytes of those frames', 'kind', () => ({
    direct: counters.bytesOut,
    topic: counters.bytesPublished,
  }));
  labelled('nubo_operations_total', 'Operations of live sockets', 'op', () => counters.operations);
  labelled('nubo_refusals_total', 'Operations of sockets refused, by code', 'code', () => counters.refused);
  labelled('nubo_http_responses_total', 'REST responses, by status', 'status', () => counters.restRequests);
  counter(
    'nubo_frames_dropped_total',
    'Times that frames were dropped for a slow reader',
    () => counters.framesDropped,
  );
  counter('nubo_slow_readers_total', 'Times that a slow reader left its topics', () => counters.slowReaders);
  counter('nubo_gaps_told_total', 'Gaps told to sockets', () => counters.gapsTold);
  counter(
    'nubo_ephemeral_expired_total',
    'Ephemeral events dropped since they were old',
    () => counters.ephemeralExpired,
  );
  counter(
    'nubo_publish_holes_total',
    'Events that did not follow the last one published',
    () => counters.holes,
  );
  registry.registerMetric(
    histogramOf('nubo_send_to_ack_seconds', 'From a send received to its ack sent', counters.sendToAck),
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
