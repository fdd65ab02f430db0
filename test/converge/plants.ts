/** Faults of a server that a device which was away must not agree with. Each wraps a port of the simulated shard. */
import type { ChangedMessage, LogStore } from '#src/storage/ports.js';
import type { ToFront } from '#src/threads/messages.js';
import type { Planting } from '#test/sim/plants.js';

export const plants = [
  'a page without state',
  'a reaction counted twice',
  'an edit out of order',
  'a delete that leaves text',
] as const;
export type Plant = (typeof plants)[number];

const honest: Planting = {
  store: (store) => store,
  changes: (source) => source,
  mirror: (mirror) => mirror,
  toFront: (message) => message,
  toShard: (message) => message,
  answer: () => undefined,
};

export function plantingOf(plant: Plant | undefined): Planting {
  switch (plant) {
    case undefined:
      return honest;
    case 'a page without state':
      return { ...honest, store: (store) => tellingChanges(store, () => undefined) };
    case 'a reaction counted twice':
      // With a version from before the last change, its event counts once more.
      return {
        ...honest,
        store: (store) =>
          tellingChanges(store, (changed) =>
            changed.state.reactions === undefined
              ? changed
              : { ...changed, state: { ...changed.state, version: changed.state.version - 1 } },
          ),
      };
    case 'an edit out of order': {
      const firsts = new Map<string, string>();
      return {
        ...honest,
        store: (store) => tellingChanges(store, (changed) => withFirstText(changed, firsts)),
      };
    }
    case 'a delete that leaves text':
      return { ...honest, toFront: withDeletedText };
  }
}

function tellingChanges(
  store: LogStore,
  change: (changed: ChangedMessage) => ChangedMessage | undefined,
): LogStore {
  const changed: LogStore['changed'] = (range, done) =>
    store.changed(range, (result) =>
      done(
        result.kind === 'failed'
          ? result
          : {
              ...result,
              messages: result.messages.map(change).filter((message) => message !== undefined),
            },
      ),
    );
  return new Proxy(store, {
    get(target, name) {
      if (name === 'changed') return changed;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** The first edit that was ever told of a message stays what is told. */
function withFirstText(changed: ChangedMessage, firsts: Map<string, string>): ChangedMessage {
  if (changed.text === undefined) return changed;
  const text = firsts.get(changed.message) ?? changed.text;
  firsts.set(changed.message, text);
  return { ...changed, text };
}

/** Into the page itself, which the actor has made for this answer. */
function withDeletedText(message: ToFront): ToFront {
  if (message.kind !== 'ack') return message;
  for (const event of message.events ?? []) {
    if (event.ev === 'message.new' && event.state?.deletedAt !== undefined) event.text = 'what was deleted';
  }
  return message;
}
