/** An answer that is sent piece by piece, no faster than its reader takes it. */
import type { HttpResponse } from 'uWebSockets.js';

export interface OutgoingBytes {
  /** Of all pieces together. */
  readonly length: number;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/** What the answer is a part of: it may end at any moment. */
export interface Outlet {
  readonly response: HttpResponse;
  readonly isDone: boolean;
  /** The response was sent to its end. */
  done(): void;
  /** Called when the client goes; replaced by the next. */
  onGone: (() => void) | undefined;
}

/**
 * Sends what `writeHead` writes and then the pieces. Resolves when all was sent or the client has gone; rejects when the
 * pieces fail or are too few, and nothing is sent on then.
 */
export async function sendBytes(outlet: Outlet, bytes: OutgoingBytes, writeHead: () => void): Promise<void> {
  let isHeadWritten = false;
  for await (const piece of bytes.pieces) {
    if (outlet.isDone) return;
    await offered(outlet, piece, bytes.length, () => {
      if (!isHeadWritten) writeHead();
      isHeadWritten = true;
    });
    if (outlet.isDone) return;
  }
  throw new Error('an answer ended before its length');
}

/** Resolves when the piece has left, or nobody wants it. */
function offered(outlet: Outlet, piece: Uint8Array, total: number, before: () => void): Promise<void> {
  const { response } = outlet;
  return new Promise((resolve) => {
    outlet.onGone = resolve;
    response.cork(() => {
      before();
      const start = response.getWriteOffset();
      const [isTaken, isOver] = response.tryEnd(piece, total);
      if (isOver) outlet.done();
      if (isOver || isTaken) return resolve();
      response.onWritable((offset) => {
        const [isTakenNow, isOverNow] = response.tryEnd(piece.subarray(offset - start), total);
        if (isOverNow) outlet.done();
        if (isOverNow || isTakenNow) resolve();
        return isTakenNow || isOverNow;
      });
    });
  });
}
