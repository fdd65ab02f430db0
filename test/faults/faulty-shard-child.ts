/** Thread file of a shard that can be told to fail. */
import { workerData } from 'node:worker_threads';
import type { LogStore } from '#src/storage/ports.js';
import type { ThreadSettings } from '#workers/control.js';
import { runShard } from '#workers/run-shard.js';
import { type Fault, hearFaults, throwSoon } from './fault-channel.js';

const { index } = workerData as ThreadSettings;
/** By message: how often its conversation still throws. */
const throwing = new Map<string, number>();
let lastMessage: string | undefined;
let isReporting = false;

const report = hearFaults(
  (fault) => 'shard' in fault && fault.shard === index,
  (fault: Fault) => {
    if (fault.kind === 'conversation throws') throwing.set(fault.message, fault.times);
    else if (fault.kind === 'shard dies after commit') lastMessage = fault.message;
    else if (fault.kind === 'shard reports its store') isReporting = true;
    else if (fault.kind === 'shard throws') throwSoon('planted: the shard throws');
    else setTimeout(exhaustHeap, 5);
  },
);

function exhaustHeap(): never {
  const hoard: number[][] = [];
  for (;;) hoard.push(new Array<number>(1_000_000).fill(hoard.length + 0.5));
}

/** The store as it is, but for what is planted or reported at writes and look-ups. */
function watchedStore(store: LogStore): LogStore {
  const write: LogStore['write'] = (batch, done) =>
    store.write(batch, (outcome) => {
      // Nobody is told of the commit any more.
      if (outcome.kind === 'committed' && batch.events.some(({ id }) => id === lastMessage)) process.exit(1);
      if (isReporting) report({ kind: 'wrote', rows: batch.events.length, outcome: outcome.kind });
      done(outcome);
    });
  const lookup: LogStore['lookup'] = (ids, done) => {
    if (isReporting) report({ kind: 'looked up', ids: ids.length });
    store.lookup(ids, done);
  };
  return new Proxy(store, {
    get: (target, key) => {
      if (key === 'write') return write;
      if (key === 'lookup') return lookup;
      const value: unknown = Reflect.get(target, key);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

runShard({
  wrapStore: watchedStore,
  wrapConversation: (actor) => ({
    receive(message) {
      const times = message.kind === 'send' ? throwing.get(message.id) : undefined;
      if (message.kind === 'send' && times !== undefined) {
        report({ kind: times > 0 ? 'threw' : 'took', message: message.id, at: Date.now() });
        throwing.set(message.id, times - 1);
        if (times > 0) throw new Error('planted: the conversation throws');
      }
      actor.receive(message);
    },
    endTurn: () => actor.endTurn?.(),
    mayPassivate: () => actor.mayPassivate?.() ?? true,
    dropped: (reason) => actor.dropped?.(reason),
  }),
});
