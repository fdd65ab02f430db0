/** A listener and what is sent again, on connections that a test answers by hand. */
import { expect, test } from 'vitest';
import type { Asked, HeardEvent } from '#cli/replay/connection.js';
import { RefusedOperation } from '#cli/replay/connection.js';
import { ReplayFailure } from '#cli/replay/failure.js';
import { Listener, type ListenerConnection } from '#cli/replay/listener.js';
import { persist, type Retries } from '#cli/replay/persist.js';
import type { Ack, LogEvent } from '#src/wire/events.js';

const conv = '0190aaaa-0000-7000-8000-000000000000';

class ManualConnection implements ListenerConnection {
  onEvent: ((event: HeardEvent) => void) | undefined;
  onLost: ((failure: Error) => void) | undefined;
  readonly asked: Array<{ operation: Asked; resolve: (ack: Ack) => void; reject: (error: Error) => void }> =
    [];

  ask(operation: Asked): Promise<Ack> {
    return new Promise((resolve, reject) => {
      this.asked.push({ operation, resolve, reject });
    });
  }

  /** Tells events as the server would. */
  tell(...events: HeardEvent[]): void {
    for (const event of events) this.onEvent?.(event);
  }
}

function message(seq: number): LogEvent<'message.new'> {
  const text = `line ${seq}`;
  return { ev: 'message.new', conv, seq, number: seq, id: `id ${seq}`, from: 'ann', at: 0, text };
}

const messages = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => message(from + index));
const seqsOf = ({ seen }: Listener) => seen.map(({ seq }) => seq);
const turn = () => new Promise<void>((resolve) => setImmediate(resolve));

test('P6 a listener keeps what it hears as it arrives, also what is out of order', () => {
  const connection = new ManualConnection();
  const listener = new Listener(connection, conv, new Map());
  const action = { ...message(4), metadata: { action: true } };
  connection.tell(message(1), { ev: 'resumed', conv, upTo: 1 }, message(3), message(2), action);
  expect(seqsOf(listener)).toEqual([1, 3, 2, 4]);
  expect(listener.seen[3]).toEqual({
    ...{ seq: 4, id: 'id 4', from: 'ann', kind: 'message.new', text: 'line 4', isAction: true },
  });
});

test('P6 W15 what a gap names is pulled page by page, and live events wait behind it', async () => {
  const connection = new ManualConnection();
  const listener = new Listener(connection, conv, new Map());
  const heard = listener.heard(260);
  connection.tell(...messages(1, 10), { ev: 'gap', conv, have: 10, head: 250 }, message(251));
  await turn();
  expect(connection.asked.map(({ operation }) => operation)).toEqual([
    { op: 'history', conv, after: 10, limit: 100 },
  ]);
  connection.asked[0]?.resolve({ ack: 0, events: messages(11, 110) });
  await turn();
  connection.asked[1]?.resolve({ ack: 1, events: messages(111, 210) });
  await turn();
  // A second gap while the first is closed; the last page also holds what was told live.
  connection.tell({ ev: 'gap', conv, have: 251, head: 259 }, message(260));
  connection.asked[2]?.resolve({ ack: 2, events: messages(211, 253) });
  await turn();
  expect(connection.asked[3]?.operation).toMatchObject({ after: 251 });
  connection.asked[3]?.resolve({ ack: 3, events: messages(252, 260) });
  await heard;
  expect(seqsOf(listener)).toEqual(messages(1, 260).map(({ seq }) => seq));
  expect(listener.gaps).toBe(2);
});

test('P6 a gap that history does not fill fails the replay', async () => {
  const connection = new ManualConnection();
  const listener = new Listener(connection, conv, new Map());
  const lost = new Promise<Error>((resolve) => {
    connection.onLost = resolve;
  });
  connection.tell({ ev: 'gap', conv, have: 0, head: 5 });
  connection.asked[0]?.resolve({ ack: 0, events: [] });
  expect(await lost).toBeInstanceOf(ReplayFailure);
  expect(listener.seen).toEqual([]);
});

test('P2 L5 what may be sent again is, with the same id, and is counted', async () => {
  const connection = new ManualConnection();
  const retries: Retries = new Map();
  const operation = { op: 'join', id: 'the id', conv } as const;
  const answer = persist(connection, operation, () => 'A join', retries);
  for (const [index, code] of (
    ['overloaded', 'rate_limited', 'unavailable', 'overloaded'] as const
  ).entries()) {
    while (connection.asked.length <= index) await turn();
    connection.asked[index]?.reject(new RefusedOperation({ err: 0, code, message: 'later', retryMs: 1 }));
  }
  while (connection.asked.length < 5) await turn();
  connection.asked[4]?.resolve({ ack: 4, seq: 9 });
  expect(await answer).toEqual({ ack: 4, seq: 9 });
  expect(connection.asked.map(({ operation: asked }) => asked)).toEqual(Array(5).fill(operation));
  expect(Object.fromEntries(retries)).toEqual({ overloaded: 2, rate_limited: 1, unavailable: 1 });
});

test('W8 what is refused for good ends the replay with the reason and what to do', async () => {
  const connection = new ManualConnection();
  const answer = persist(connection, { op: 'leave', id: 'the id', conv }, () => 'Line 7', new Map());
  connection.asked[0]?.reject(
    new RefusedOperation({ err: 0, code: 'conflict', message: 'This id is taken.' }),
  );
  await expect(answer).rejects.toThrow('Line 7 was refused: conflict, This id is taken. (Make a new id');
  await expect(answer).rejects.toBeInstanceOf(ReplayFailure);
});
