/** The end of a process that cannot go on: said once, sockets told to come back, exit code 1. */
import type { Log } from '#src/log.js';
import type { Threads } from './threads.js';

/** How long threads get to close their sockets when the process must end at once. */
const endMsMax = 3_000;
/** Clients are told to spread their return over so much. */
const windowMs = 250;

/** @returns what ends the process, with one sentence that says why; only the first call counts */
export function createEnding(threads: Threads, log: Log): (sentence: string) => void {
  let isEnding = false;
  const leave = async (): Promise<void> => {
    threads.expectEnds();
    threads.tell('front', { kind: 'draining' });
    await threads.all('front', { kind: 'close sockets', windowMs }, 'sockets closed');
    await threads.stop();
  };
  return (sentence) => {
    if (isEnding) return;
    isEnding = true;
    log.fatal(sentence);
    const late = new Promise((resolve) => setTimeout(resolve, endMsMax));
    void Promise.race([leave(), late]).finally(() => process.exit(1));
  };
}
