/** What a socket is to be told directly, gathered until the end of the turn: one frame, or few (W3, W7). */
import type { ServerMessage } from '../wire/events.js';
import { wireLimits } from '../wire/limits.js';

/** What a message without events weighs. */
const plainBytes = 100;

export interface FrameSink {
  /** false: it could not be sent, and no other frame can. */
  sendFrame(messages: readonly ServerMessage[]): boolean;
}

export class Outbox {
  private readonly messages: ServerMessage[] = [];
  /** About how many bytes wait here. */
  bytes = 0;
  /** Where to cut, as indexes into `messages`; rarely any. */
  private cuts: number[] | undefined;
  private bytesSinceCut = 0;
  private readonly frameBytes: number;

  constructor(frameBytes: number) {
    this.frameBytes = frameBytes;
  }

  push(message: ServerMessage, bytes = plainBytes): void {
    const lastCut = this.cuts?.at(-1) ?? 0;
    const count = this.messages.length - lastCut;
    if (
      count > 0 &&
      (this.bytesSinceCut + bytes > this.frameBytes || count >= wireLimits.containerItemsMax)
    ) {
      this.cuts ??= [];
      this.cuts.push(this.messages.length);
      this.bytesSinceCut = 0;
    }
    this.messages.push(message);
    this.bytes += bytes;
    this.bytesSinceCut += bytes;
  }

  /** Hands over the messages of each frame until one cannot be sent. It is used up then. */
  drain(frames: FrameSink): void {
    const { messages, cuts } = this;
    if (cuts === undefined) {
      if (messages.length > 0) frames.sendFrame(messages);
      return;
    }
    let start = 0;
    for (const end of [...cuts, messages.length]) {
      if (!frames.sendFrame(messages.slice(start, end))) return;
      start = end;
    }
  }
}
