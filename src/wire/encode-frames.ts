/** Many messages as few frames, cut by what they really weigh: an estimate that is too high doubles the frames. */
import { writeMessage } from './encode-messages.js';
import type { ServerMessage } from './events.js';
import { wireLimits } from './limits.js';
import { beginArray, rewind, takeArray, written } from './msgpack-writer.js';
import { utf8Length } from './operations.js';
import type { Codec } from './prescan.js';

/**
 * As many frames of these messages as it takes, in this order, each as `encodeMessages` makes them: of at most
 * `bytesMax` bytes, unless a message alone has more, and of no more messages than a container may hold.
 */
export function encodeFrames(
  codec: Codec,
  messages: readonly ServerMessage[],
  bytesMax: number,
): ReadonlyArray<string | Uint8Array> {
  return codec === 'json' ? jsonFrames(messages, bytesMax) : msgpackFrames(messages, bytesMax);
}

function msgpackFrames(messages: readonly ServerMessage[], bytesMax: number): Uint8Array[] {
  const frames: Uint8Array[] = [];
  let count = 0;
  beginArray();
  for (const message of messages) {
    const before = written();
    writeMessage(message);
    if (count > 0 && (written() > bytesMax || count === wireLimits.containerItemsMax)) {
      rewind(before);
      frames.push(takeArray(count));
      count = 0;
      beginArray();
      writeMessage(message);
    }
    count += 1;
  }
  if (count > 0) frames.push(takeArray(count));
  return frames;
}

function jsonFrames(messages: readonly ServerMessage[], bytesMax: number): string[] {
  const frames: string[] = [];
  let texts: string[] = [];
  /** With the bracket before the next message, and the one behind it. */
  let bytes = 2;
  const end = () => frames.push(texts.length === 1 ? (texts[0] as string) : `[${texts.join(',')}]`);
  for (const message of messages) {
    const text = JSON.stringify(message);
    const more = utf8Length(text);
    if (texts.length > 0 && (bytes + more > bytesMax || texts.length === wireLimits.containerItemsMax)) {
      end();
      texts = [];
      bytes = 2;
    }
    texts.push(text);
    bytes += more + 1;
  }
  if (texts.length > 0) end();
  return frames;
}
