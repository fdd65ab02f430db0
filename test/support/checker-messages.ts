/** What each client has made of the messages it was shown, against what the log says of them: C1, C2 and C6. */
import { isDeepStrictEqual } from 'node:util';
import { foldChange } from '#src/message-fold.js';
import type { ChangedMessage } from '#src/storage/ports.js';
import type { LogEvent, MessageChange } from '#src/wire/events.js';
import type { StreamRecord, Violation } from './checker.js';

/** What a client was first told of a message: the text is of that moment. */
interface Known {
  message: LogEvent<'message.new'>;
  state: ChangedMessage | undefined;
}

export interface MessageCheck {
  readonly violations: Violation[];
  /** Messages with changes that a client could follow to the end. */
  readonly followed: number;
}

/** All changes by message, in their order. */
export function changesOf(log: readonly LogEvent[]): Map<string, MessageChange[]> {
  const byMessage = new Map<string, MessageChange[]>();
  for (const event of log) {
    if (!('message' in event)) continue;
    const list = byMessage.get(event.message);
    if (list === undefined) byMessage.set(event.message, [event]);
    else list.push(event);
  }
  for (const list of byMessage.values()) list.sort((one, other) => one.seq - other.seq);
  return byMessage;
}

/** What one user sees of a message in the end. */
export function foldAll(changes: readonly MessageChange[], user: string): ChangedMessage | undefined {
  let state: ChangedMessage | undefined;
  for (const change of changes) state = foldChange(state, change, user);
  return state;
}

export function checkMessages(log: readonly LogEvent[], streams: readonly StreamRecord[]): MessageCheck {
  const changes = changesOf(log);
  const original = new Map(log.map((event) => [event.id, event]));
  const violations: Violation[] = [];
  let followed = 0;
  for (const stream of streams) {
    const { known, seen } = readStream(stream);
    for (const [id, { message, state }] of known) {
      const all = changes.get(id) ?? [];
      const version = state?.state.version ?? 0;
      const since = all.filter(({ seq }) => seq > version);
      // What came while it was away, and was never asked for, it cannot know.
      const told = since.map(({ seq }) => seen.get(`${message.conv} ${seq}`));
      if (!told.every((change) => change !== undefined)) continue;
      const mine = told.reduce((before, change) => foldChange(before, change, stream.user), state);
      const truth = foldAll(all, stream.user);
      if (all.length > 0) followed += 1;
      const row = original.get(id);
      const text = truth?.state.deletedAt === undefined ? (truth?.text ?? textOf(row)) : '';
      const shown = mine?.state.deletedAt === undefined ? (mine?.text ?? message.text) : '';
      if (!isDeepStrictEqual(mine?.state, truth?.state) || shown !== text)
        violations.push({
          rule: 'C6',
          message: `${stream.name}: ${id} is ${JSON.stringify([shown, mine?.state])} there, and ${JSON.stringify([text, truth?.state])}`,
        });
    }
  }
  return { violations, followed };
}

function readStream({ items }: StreamRecord) {
  const known = new Map<string, Known>();
  /** By conversation and seq. */
  const seen = new Map<string, MessageChange>();
  const take = (event: LogEvent) => {
    if ('message' in event) {
      seen.set(`${event.conv} ${event.seq}`, event);
    } else if (event.ev === 'message.new') {
      const { state, ...message } = event;
      const before = known.get(event.id)?.state?.state.version ?? -1;
      if ((state?.version ?? 0) <= before) return;
      const { id, text } = message;
      known.set(id, {
        message: event,
        // The text of a page is that of its version.
        state: state && { message: id, state, ...(state.editedAt === undefined ? {} : { text }) },
      });
    }
  };
  for (const item of items) {
    if (item.kind === 'event') take(item.event);
    else if (item.kind === 'page') for (const event of item.events) take(event);
  }
  return { known, seen };
}

function textOf(event: LogEvent | undefined): string {
  return event?.ev === 'message.new' ? event.text : '';
}
