/**
 * How fast is a link between two threads? The sender posts as long as it has credits, yields, and goes on when they
 * come back; the receiver only counts. Prints messages a second and messages a packet.
 * Run: `node build/bench/micro/link.js [seconds]`
 */
import { isMainThread, MessageChannel, type MessagePort, Worker, workerData } from 'node:worker_threads';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { createLink } from '#src/threads/link.js';
import type { ToShard } from '#src/threads/messages.js';
import { bytesToShard } from '#src/threads/weights.js';

const { turns } = nodeRuntimePorts();

/** A send as a front posts it: about 200 bytes. */
function sendOf(request: number): ToShard {
  return {
    kind: 'send',
    request,
    user: '01890a5d-ac96-774b-bcce-b302099a8057',
    rate: 'standard',
    conv: '018f2b6e-7c1a-7def-8abc-0123456789ab',
    id: '01890a5d-ac96-774b-bcce-b302099a8058',
    text: 'hello everybody, this is about as long as people write in a chat',
  };
}

function receive(port: MessagePort): void {
  createLink<never, ToShard>({ port, turns }).onMessages(() => {});
}

/** `perTurn`: how many messages each turn of the event loop brings, as sockets would. */
function measure(perTurn: number, seconds: number): Promise<void> {
  const { port1, port2 } = new MessageChannel();
  const worker = new Worker(new URL(import.meta.url), { workerData: port2, transferList: [port2] });
  const link = createLink<ToShard, never>({ port: port1, turns, weigh: bytesToShard });
  return new Promise((resolve) => {
    worker.once('online', () => {
      const startedAt = performance.now();
      const turn = (): void => {
        for (let count = 0; count < perTurn; count += 1) if (!link.post(sendOf(count))) break;
        if (performance.now() - startedAt < seconds * 1000) turns.soon(turn);
        else finish();
      };
      const finish = (): void => {
        const { posted, packets, refused } = link.counters();
        const perSecond = Math.round((posted / (performance.now() - startedAt)) * 1000);
        console.log({ perTurn, perSecond, perPacket: Math.round(posted / packets), refused });
        link.close();
        void worker.terminate().then(() => resolve());
      };
      turn();
    });
  });
}

if (isMainThread) {
  const seconds = Number(process.argv[2] ?? 2);
  for (const perTurn of [1, 10, 100, 1000]) await measure(perTurn, seconds);
} else {
  receive(workerData as MessagePort);
}
