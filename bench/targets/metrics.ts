/** Counters of nubo's /metrics that tell about its work. */

/** Names in `counters()` → the metric, and the labels it must carry. */
const wanted = {
  batches: ['nubo_batch_rows_count', 'store="postgres"'],
  rows: ['nubo_batch_rows_sum', 'store="postgres"'],
  batchSeconds: ['nubo_batch_seconds_sum', 'store="postgres"'],
  sends: ['nubo_operations_total', 'op="send"'],
  /** Rates that were looked at before an operation was let through: by the front's guard, and by the shard. */
  limitsByFront: ['nubo_rates_evaluated_total', 'at="front"'],
  limitsByShard: ['nubo_rates_evaluated_total', 'at="shard"'],
  topicFrames: ['nubo_frames_sent_total', 'kind="topic"'],
  topicBytes: ['nubo_frames_sent_bytes_total', 'kind="topic"'],
  directFrames: ['nubo_frames_sent_total', 'kind="direct"'],
  gapsTold: ['nubo_gaps_told_total', ''],
  slowReaders: ['nubo_slow_readers_total', ''],
  /** Not a counter: those in memory now. */
  conversations: ['nubo_actors', 'kind="conversation"'],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;

/** Those of the text that are there. */
export function readCounters(text: string): Record<string, number> {
  const counters: Record<string, number> = {};
  for (const [name, [metric, label]] of Object.entries(wanted)) {
    const line = text
      .split('\n')
      .find((candidate) => /^\w+/.exec(candidate)?.[0] === metric && candidate.includes(label));
    if (line !== undefined) counters[name] = Number(line.slice(line.lastIndexOf(' ') + 1));
  }
  return counters;
}

/** The threads that answered: each tells of its own event loop. */
export function threadsIn(text: string): string[] {
  return [...text.matchAll(/^nubo_event_loop_lag_seconds\{.*thread="([^"]+)"/gm)].map(
    ([, name = '']) => name,
  );
}
