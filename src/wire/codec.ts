/**
 * The two forms of the wire (W1, W3): `nubo.v1.msgpack` in binary frames, arrays by position; `nubo.v1.json` in text
 * frames, objects. Whoever sends or receives frames starts here.
 */
import { decodeMessages, type UnknownEvent } from './decode-messages.js';
import { writeByPlaces } from './encode-messages.js';
import type { LogEvent } from './events.js';
import { begin, take, writeArrayHeader } from './msgpack-writer.js';
import type { Operation } from './operations.js';
import { eventByName, operationByName } from './places.js';
import type { Codec } from './prescan.js';

export { decodeMessages, type UnknownEvent } from './decode-messages.js';
export {
  checkOperation,
  type DecodedItem,
  decodeOperations,
} from './decode-operations.js';
export { encodeFrames } from './encode-frames.js';
export { encodeMessages } from './encode-messages.js';
export type { Codec } from './prescan.js';

/** The WebSocket subprotocol of each codec (W1). */
export const subprotocols = { msgpack: 'nubo.v1.msgpack', json: 'nubo.v1.json' } as const satisfies Record<
  Codec,
  string
>;

/**
 * For clients: one frame of these operations, one alone by itself. Nothing is checked here: the server answers a
 * wrong one with `invalid`, and a frame beyond the limits with its end.
 */
export function encodeOperations(codec: Codec, operations: readonly Operation[]): string | Uint8Array {
  const [first] = operations;
  const isAlone = operations.length === 1 && first !== undefined;
  if (codec === 'json') return JSON.stringify(isAlone ? first : operations);
  begin();
  if (!isAlone) writeArrayHeader(operations.length);
  for (const operation of operations) {
    const form = operationByName.get(operation.op);
    if (form === undefined) throw new Error(`there is no operation ${String(operation.op)}`);
    writeByPlaces(form, operation);
  }
  return take();
}

/**
 * Of a frame the server made for a topic, as it was sent: the conversation and seq of its first durable event;
 * undefined when it holds none. Never throws: it is asked where a throw would end the process. Decodes the frame,
 * which only the rare path of slow readers can afford (W15).
 */
export function firstDurableSeq(
  codec: Codec,
  frame: string | Uint8Array,
): { conv: string; seq: number } | undefined {
  try {
    for (const message of decodeMessages(codec, frame)) {
      if (isDurable(message)) return { conv: message.conv, seq: message.seq };
    }
  } catch {
    // Not a frame of ours, so no event of ours was in it.
  }
  return undefined;
}

type Message = ReturnType<typeof decodeMessages>[number];

function isDurable(message: Message): message is LogEvent | UnknownEvent {
  return 'ev' in message && (message.ev === 'unknown' || eventByName.get(message.ev)?.durable === true);
}
