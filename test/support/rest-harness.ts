/** REST without HTTP: requests as data, a front whose shards the test plays. */
import { Rest } from '#src/front/rest/rest.js';
import type { Readiness, RestPorts, RestResponse } from '#src/front/rest/route.js';
import type { ToFront, ToShard } from '#src/threads/messages.js';
import { FrontHarness, testId } from '#test/support/front-harness.js';
import { shardRates } from '#test/support/shard-rates.js';

export const operatorKey = 'the operator key of this test';
export const madeId = testId(0xfff);

interface Sent {
  readonly token?: string | undefined;
  readonly json?: unknown;
  readonly raw?: string | Uint8Array;
  readonly headers?: Readonly<Record<string, string>>;
  readonly address?: string;
}

/** What a shard says to a request, without its number. */
type Said = ToFront extends infer Message
  ? Message extends { request: number }
    ? Omit<Message, 'request'>
    : never
  : never;

export class RestHarness {
  readonly harness: FrontHarness;
  readonly rest: Rest;
  readonly faults: unknown[] = [];
  readiness: Readiness = { ready: true, checks: { postgres: 'ok' } };

  constructor(ports: Partial<RestPorts> = {}, front: ConstructorParameters<typeof FrontHarness>[0] = {}) {
    this.harness = new FrontHarness(front);
    this.rest = new Rest({
      front: this.harness.front,
      shardRates,
      makeId: () => madeId,
      providers: {
        health: async () => ({ status: 'ok' }),
        readiness: async () => this.readiness,
        metrics: async () => ({ contentType: 'text/plain; version=0.0.4', text: 'nubo_up 1\n' }),
      },
      operatorKey,
      openMetrics: true,
      allowedOrigins: [],
      version: '0.1.0',
      onFault: (error) => this.faults.push(error),
      ...ports,
    });
  }

  /** The response, once a shard has answered whatever it was asked by `answers`. */
  async send(
    line: string,
    sent: Sent = {},
    answers: (message: ToShard) => Said | undefined = () => undefined,
  ): Promise<RestResponse & { json: unknown }> {
    const [method = '', target = ''] = line.split(' ');
    const [path = '', query = ''] = target.split('?');
    const headers = new Map(Object.entries(sent.headers ?? {}));
    if (sent.token !== undefined) headers.set('authorization', `Bearer ${sent.token}`);
    if (sent.json !== undefined) headers.set('content-type', 'application/json; charset=utf-8');
    const body = sent.raw ?? (sent.json === undefined ? '' : JSON.stringify(sent.json));
    let response: RestResponse | undefined;
    const done = this.rest
      .handle({
        method,
        path,
        query: new URLSearchParams(query),
        header: (name) => headers.get(name),
        body: typeof body === 'string' ? Buffer.from(body) : body,
        address: sent.address ?? '203.0.113.9',
      })
      .then((result) => {
        response = result;
      });
    for (let round = 0; round < 10 && response === undefined; round += 1) {
      await new Promise((resolve) => setImmediate(resolve));
      for (const { shard, message } of [...this.harness.posted.splice(0)]) {
        const said = answers(message);
        if (said !== undefined && 'request' in message) {
          this.harness.front.onShardMessages(shard, [{ ...said, request: message.request } as ToFront]);
        }
      }
    }
    if (response === undefined) {
      this.harness.advance(31_000);
      await done;
    }
    if (response === undefined) throw new Error('no response');
    const isJson = (response.headers['content-type'] ?? '').includes('json');
    return { ...response, json: isJson ? JSON.parse(response.body) : undefined };
  }
}
