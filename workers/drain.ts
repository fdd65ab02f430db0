/** Taking the server down in stages, so that nothing acked, and nobody connected, notices more than a reconnect (O4). */
import type { Config } from '#src/config.js';
import type { Log } from '#src/log.js';
import type { Threads } from './threads.js';

/** In production a load balancer needs this long to see that we are not ready. */
const unreadyMs = 2000;
/** Clients come back spread over this window, in milliseconds, at most. */
const windowMsMax = 5000;

/**
 * Not ready → no new sockets, goodbyes spread over a window → queues written → threads ended.
 *
 * @returns the exit code: 0, or 1 when `drainSeconds` passed before the end
 */
export async function drainThreads(threads: Threads, config: Config, log: Log): Promise<number> {
  const isProduction = config.env === 'production';
  const deadlineMs = config.drainSeconds * 1000;
  const stage = { name: 'waiting to be seen as not ready' };
  const stages = async (): Promise<number> => {
    threads.expectEnds();
    threads.tell('front', { kind: 'draining' });
    if (isProduction) await sleep(Math.min(unreadyMs, deadlineMs / 4));
    stage.name = 'closing sockets';
    const windowMs = isProduction ? Math.min(windowMsMax, Math.floor(deadlineMs / 4)) : 250;
    await threads.all('front', { kind: 'close sockets', windowMs }, 'sockets closed');
    stage.name = 'writing what was queued';
    await threads.all('shard', { kind: 'drain' }, 'drained');
    stage.name = 'ending the threads';
    await threads.stop();
    return 0;
  };
  const late = sleep(deadlineMs).then(() => {
    log.error({ stage: stage.name }, `not drained after ${config.drainSeconds} s`);
    return 1;
  });
  return Promise.race([stages(), late]);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
}
