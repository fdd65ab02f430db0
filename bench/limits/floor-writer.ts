/** The other thread of the latency floor: commits one row for each message, or answers at once. */
import { parentPort, workerData } from 'node:worker_threads';
import { type FloorWriterJob, type FloorWriterReady, trips } from './floor-protocol.js';
import { LogRows } from './log-rows.js';
import { OneRow, prepareOneRow } from './one-row.js';
import { openPostgresSocket } from './postgres-socket.js';

const { url, texts } = workerData as FloorWriterJob;
const rows = new LogRows({ rooms: 1, texts });
const oneRow = new OneRow();
const socket = await openPostgresSocket(url, prepareOneRow);
let batch = 0;
let [next] = rows.take(1);

parentPort?.on('message', (message: Uint8Array) => {
  if (message[0] === trips.thread || next === undefined) {
    parentPort?.postMessage(message);
    return;
  }
  batch += 1;
  const bytes = message[0] === trips.copy ? oneRow.copy(next, batch) : oneRow.insert(next, batch);
  socket.exchange(bytes, (failure) => {
    if (failure !== undefined) throw new Error(`The commit failed: ${failure}`);
    parentPort?.postMessage(message);
    [next] = rows.take(1);
  });
});
parentPort?.postMessage({ backendPid: socket.backendPid } satisfies FloorWriterReady);
