/** What /metrics of a server under test says. */
import type { TestServer } from './server.js';

/** @throws Error when it is refused */
export async function readMetrics({
  address,
  runtime,
}: Pick<TestServer, 'address' | 'runtime'>): Promise<string> {
  const headers = { authorization: `Bearer ${runtime.operatorKey}` };
  const response = await fetch(`${address}/metrics`, { headers });
  if (!response.ok) throw new Error(`/metrics answered ${response.status}`);
  return response.text();
}

/** The values of a metric with all these labels, added up; undefined when there is none. */
export function metricOf(
  text: string,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const values = text
    .split('\n')
    .filter((line) => /^\w+/.exec(line)?.[0] === name)
    .filter((line) => Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`)))
    .map((line) => Number(line.slice(line.lastIndexOf(' ') + 1)));
  return values.length === 0 ? undefined : values.reduce((sum, value) => sum + value, 0);
}
