/** What the tests tell the threads of a faulty server to do, and what these report back. */
import { BroadcastChannel } from 'node:worker_threads';

export type Fault =
  /** The conversation throws at each of the next `times` tries to handle this message. */
  | { kind: 'conversation throws'; shard: number; message: string; times: number }
  | { kind: 'shard throws'; shard: number }
  | { kind: 'shard exhausts its heap'; shard: number }
  /** The thread dies when the batch with this message is committed, before anybody is told. */
  | { kind: 'shard dies after commit'; shard: number; message: string }
  | { kind: 'front throws'; front: number }
  /** Not a fault: the shard reports each write and look-up from now on. */
  | { kind: 'shard reports its store'; shard: number };

export type ToThreads = { kind: 'fault'; id: number; fault: Fault };
export type FromThreads =
  | { kind: 'taken'; id: number }
  /** Unix ms. `took`: a new instance was given the message. */
  | { kind: 'threw' | 'took'; message: string; at: number }
  /** Each is one transaction. */
  | { kind: 'wrote'; rows: number; outcome: string }
  | { kind: 'looked up'; ids: number };

const name = 'nubo planted faults';

/** Hears the faults for one thread; `take` does them, at once or when their time comes. */
export function hearFaults(isMine: (fault: Fault) => boolean, take: (fault: Fault) => void) {
  const channel = new BroadcastChannel(name);
  const report = (message: FromThreads) => channel.postMessage(message);
  channel.onmessage = (event) => {
    const message = (event as { data: ToThreads | FromThreads }).data;
    if (message.kind !== 'fault' || !isMine(message.fault)) return;
    report({ kind: 'taken', id: message.id });
    take(message.fault);
  };
  return report;
}

/** The main thread's end. */
export function tellFaults(onReport: (report: FromThreads) => void): (message: ToThreads) => void {
  const channel = new BroadcastChannel(name);
  channel.unref();
  channel.onmessage = (event) => {
    const message = (event as { data: ToThreads | FromThreads }).data;
    if (message.kind !== 'fault') onReport(message);
  };
  return (message) => channel.postMessage(message);
}

/** In a turn of its own, so that what was posted before gets out. */
export function throwSoon(why: string): void {
  setTimeout(() => {
    throw new Error(why);
  }, 5);
}
