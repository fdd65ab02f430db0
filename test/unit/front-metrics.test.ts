/** The counters of fronts as metrics. */
import { AggregatorRegistry, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { registerFrontMetrics } from '#src/front/metrics.js';
import { FrontHarness, testId } from '#test/support/front-harness.js';

const user = testId(1);

async function busyFront() {
  const harness = new FrontHarness();
  const client = await harness.live(user);
  client.send({ op: 'send', ref: 1, id: testId(5), conv: testId(100), text: 'secret words' });
  harness.now += 30;
  harness.answer({ kind: 'ack', request: harness.request('send').request, seq: 1 });
  client.send({ op: 'send', ref: 2, id: testId(6), conv: testId(100), text: 'x' });
  harness.endTurn();
  const registry = new Registry();
  registerFrontMetrics(registry, harness.front);
  return { harness, registry };
}

test('O3 the metrics of two fronts add up, the histogram included, and carry no ids', async () => {
  const fronts = [await busyFront(), await busyFront()];
  const parts = await Promise.all(fronts.map(({ registry }) => registry.getMetricsAsJSON()));
  // As they come from another thread.
  const text = await AggregatorRegistry.aggregate(structuredClone(parts)).metrics();
  for (const line of [
    'nubo_connections 2',
    'nubo_requests_outstanding 2',
    'nubo_connections_opened_total 2',
    'nubo_operations_total{op="send"} 4',
    'nubo_connections_closed_total{reason="slow"} 0',
    'nubo_send_to_ack_seconds_bucket{le="0.02"} 0',
    'nubo_send_to_ack_seconds_bucket{le="0.05"} 2',
    'nubo_send_to_ack_seconds_bucket{le="+Inf"} 2',
    'nubo_send_to_ack_seconds_count 2',
    '# TYPE nubo_send_to_ack_seconds histogram',
  ]) {
    expect(text).toContain(line);
  }
  expect(text).toMatch(/nubo_send_to_ack_seconds_sum 0\.0[56]/);
  expect(text).not.toContain(user);
  expect(text).not.toContain('secret');
});

test('O3 a scrape reads what is true then, however often', async () => {
  const { harness, registry } = await busyFront();
  await registry.metrics();
  const client = await harness.live(testId(2));
  client.send({ op: 'ping', ref: 1 });
  const text = await registry.metrics();
  expect(text).toContain('nubo_connections 2');
  expect(text).toContain('nubo_operations_total{op="ping"} 1');
  client.socket.close(1006, '');
  expect(await registry.metrics()).toContain('nubo_connections_closed_total{reason="gone"} 1');
});
