/** REST by autocannon, one case after the other. Its own latencies are whole milliseconds; here they are finer. */
import autocannon from 'autocannon';
import { Latencies } from '../../latencies.js';
import type { Stage } from '../stage.js';
import type { RestCase, RestCaseReport, RestReport, RestTask } from '../tasks.js';

/** It ends at a sample only: by its own choice at whole seconds. */
const sampleMs = 100;

export async function playRest(task: RestTask, stage: Stage): Promise<RestReport> {
  const cases: RestCaseReport[] = [];
  for (const restCase of task.cases) {
    stage.progress(restCase.name);
    const warmUp = await fire(task, restCase, Math.min(1, task.seconds / 2));
    await stage.begin(restCase.name);
    const report = await fire(task, restCase, task.seconds);
    await stage.end(restCase.name);
    cases.push({ ...report, succeededInAll: warmUp.succeededInAll + report.succeededInAll });
  }
  return { cases };
}

function fire(
  { url, connections }: RestTask,
  { name, method, requests, body }: RestCase,
  seconds: number,
): Promise<RestCaseReport> {
  const latencies = new Latencies();
  const all = requests.map(({ path, token }) => ({
    ...{ method, path },
    headers: {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  }));
  let clients = 0;
  return new Promise((resolve, reject) => {
    const startedAt = performance.now();
    const instance = autocannon(
      {
        ...{ url, connections, duration: seconds, method, sampleInt: sampleMs },
        requests: all,
        // Each connection begins elsewhere, or all would ask for the same at the same time.
        setupClient(client) {
          const start = Math.floor((clients++ * all.length) / connections) % all.length;
          client.setRequests([...all.slice(start), ...all.slice(0, start)]);
        },
      },
      (error: Error | null, result) => {
        if (error !== null) return reject(error);
        resolve({
          ...{ name, requests: result['2xx'] + result.non2xx, non2xx: result.non2xx },
          ...{ seconds: (performance.now() - startedAt) / 1000, latency: latencies.percentiles() },
          ...{ histogram: latencies.encoded(), bytes: result.throughput.total },
          // Those that timed out are among them.
          errors: result.errors,
          succeededInAll: result['2xx'],
        });
      },
    );
    instance.on('response', (_client, _status, _bytes, milliseconds) => latencies.record(milliseconds));
  });
}
