/** Search on a whole server: from the ack to what is found, the same over a socket, over REST and by the client. */
import { uuidv7 } from 'uuidv7';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { connect } from '#client/node.js';
import type { FaultyServer } from '#test/faults/faulty-server.js';
import { startFaultyServerOnDatabase } from '#test/support/faulty-server-on-database.js';
import { makePeople, type Person } from '#test/support/operator.js';
import { WireSocket } from '#test/support/wire-socket.js';

let server: FaultyServer;
let end: () => Promise<void>;

beforeAll(async () => {
  ({ server, end } = await startFaultyServerOnDatabase('search', {}));
});
afterAll(() => end());

test('F1 F2 F3 R6 what was acked is soon found by those who may read it, and a deletion at once by nobody', {
  timeout: 30_000,
}, async () => {
  const [mia, nora] = (await makePeople(server, ['mia', 'nora'])) as [Person, Person];
  const rest = async (path: string, { token }: Person) => {
    const response = await fetch(`${server.address}${path}`, {
      headers: { authorization: `Bearer ${token}` },
    });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  };
  const socket = await WireSocket.open({ address: server.address, token: mia.token });
  const [conv, message] = [uuidv7(), uuidv7()];
  await socket.do({ op: 'create', id: conv, type: 'group' });
  await socket.do({ op: 'send', id: message, conv, text: 'The axolotl is <here>' });
  await socket.do({ op: 'send', id: uuidv7(), conv, text: 'nothing to see' });
  const found = {
    ...{ conv, id: message, from: mia.user, seq: 2, at: expect.any(Number) },
    ...{ snippet: 'The axolotl is <here>', marks: [[4, 7]] },
  };
  await expect
    .poll(async () => socket.ask({ op: 'search', q: 'AXOLOTL' }), { timeout: 10_000, interval: 20 })
    .toMatchObject({ result: { found: [found] } });
  expect(await rest('/search?q=axolotl', mia)).toEqual({ status: 200, json: { found: [found], next: null } });
  const client = connect({ url: `${server.address.replace('http', 'ws')}/ws`, token: mia.token });
  expect(await client.find('search', { q: 'axolotl', conv })).toEqual({ found: [found], next: null });
  client.close();

  expect(await rest('/search?q=axolotl', nora)).toMatchObject({ json: { found: [] } });
  const hidden = await rest(`/conversations/${conv}/search?q=axolotl`, nora);
  expect(hidden.status).toBe(404);
  expect(hidden).toEqual(await rest(`/conversations/${uuidv7()}/search?q=axolotl`, nora));

  await socket.do({ op: 'delete', id: uuidv7(), conv, message });
  expect(await socket.ask({ op: 'search', q: 'axolotl' })).toMatchObject({
    result: { found: [], next: null },
  });
  const metrics = await (await fetch(`${server.address}/metrics`)).text();
  for (const name of ['nubo_search_lag_seconds', 'nubo_search_batches_behind', 'nubo_search_step_seconds'])
    expect(metrics).toContain(name);
  socket.close();
});
