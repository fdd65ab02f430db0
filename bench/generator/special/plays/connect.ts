/** Connects, one `hello` after the other: how many a second, and how long each takes. All stay until the end. */
import { type Codec, subprotocols } from '#src/wire/codec.js';
import type { Address } from '../../../contract.js';
import { inParallel } from '../../../in-parallel.js';
import { Latencies } from '../../latencies.js';
import { RawSocket } from '../socket.js';
import { sourceOf } from '../sources.js';
import type { Stage } from '../stage.js';
import type { ConnectReport, ConnectTask } from '../tasks.js';

const detailsMax = 5;

export async function playConnect(task: ConnectTask, stage: Stage): Promise<ConnectReport> {
  const { tokens, warmUp, atOnce } = task;
  const connects = tokens.length - warmUp;
  const latencies = new Latencies();
  const sockets: RawSocket[] = [];
  const details: string[] = [];
  let failures = 0;

  async function connectOne(index: number): Promise<void> {
    const startedAt = performance.now();
    try {
      sockets.push(await ready(task, index, tokens[index] ?? ''));
      latencies.record(performance.now() - startedAt);
    } catch (error) {
      failures += 1;
      if (details.length < detailsMax) details.push(error instanceof Error ? error.message : String(error));
    }
  }

  const places = [...tokens.keys()];
  await inParallel(atOnce, places.slice(0, warmUp), connectOne);
  latencies.reset();
  const failuresBefore = failures;
  await stage.begin('connects');
  const startedAt = performance.now();
  await inParallel(atOnce, places.slice(warmUp), connectOne);
  const seconds = (performance.now() - startedAt) / 1000;
  await stage.end('connects');
  for (const socket of sockets) socket.cut();
  return {
    connects: connects - (failures - failuresBefore),
    ...{ seconds, connect: latencies.percentiles(), failures, details },
  };
}

/** Resolves at the first frame, which is `hello` only if the token was good; of a bare server when it has upgraded. */
function ready(
  { address, codec, isBare }: { address: Address; codec: Codec; isBare: boolean },
  index: number,
  token: string,
): Promise<RawSocket> {
  return new Promise((resolve, reject) => {
    const localAddress = sourceOf(index, address.host);
    const socket: RawSocket = new RawSocket(
      {
        ...{ address, token },
        protocol: subprotocols[codec],
        ...(isBare ? { path: '/' } : {}),
        ...(localAddress === undefined ? {} : { localAddress }),
      },
      {
        opened: () => {
          if (isBare) resolve(socket);
        },
        frame: () => resolve(socket),
        ended: (why) => reject(new Error(why)),
      },
    );
  });
}
