/** The body of a request as a source with a pace: what is not read waits here, bounded, and the socket is not read on. */
import { BodyCutError, type BodySource } from '../media/body.js';

/** The socket is paused above, and read again below half of it. One read of it brings up to 512 KB. */
const waitingBytesMax = 1024 * 1024;

export interface Flow {
  pause(): void;
  resume(): void;
}

export class IncomingBody implements BodySource {
  private readonly flow: Flow;
  private readonly waiting: Uint8Array[] = [];
  private waitingBytes = 0;
  private state: 'coming' | 'ended' | 'cut' | 'gone' = 'coming';
  private isPaused = false;
  private wake: () => void = () => undefined;

  constructor(flow: Flow) {
    this.flow = flow;
  }

  /** From the socket. The bytes are its own again when this returns. */
  push(chunk: ArrayBuffer, isLast: boolean): void {
    if (this.state === 'ended' || this.state === 'gone') return;
    if (chunk.byteLength > 0) {
      this.waiting.push(new Uint8Array(chunk.slice(0)));
      this.waitingBytes += chunk.byteLength;
    }
    if (isLast) this.state = 'ended';
    else if (this.waitingBytes > waitingBytesMax && !this.isPaused) {
      this.isPaused = true;
      this.flow.pause();
    }
    this.wake();
  }

  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      if (this.state === 'cut' || this.state === 'gone') throw new BodyCutError('the body was cut');
      const piece = this.waiting.shift();
      if (piece !== undefined) {
        this.waitingBytes -= piece.byteLength;
        if (this.isPaused && this.waitingBytes < waitingBytesMax / 2) {
          this.isPaused = false;
          this.flow.resume();
        }
        return piece;
      }
      if (this.state === 'ended') return undefined;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  cut(): void {
    if (this.state === 'coming') this.state = 'cut';
    this.wake();
  }

  /** From the socket: there is none any more. */
  gone(): void {
    if (this.state !== 'ended') this.state = 'gone';
    this.wake();
  }

  /**
   * Reads on without keeping anything, so that a client that only listens when it has said all hears the answer.
   *
   * @returns whether that was all; not when more than so many bytes come
   */
  async discard(bytesMax: number): Promise<boolean> {
    // Who was told to stop may be read again: nobody else reads now.
    if (this.state === 'cut') this.state = 'coming';
    try {
      for (let bytes = 0; bytes <= bytesMax; ) {
        const piece = await this.next();
        if (piece === undefined) return true;
        bytes += piece.byteLength;
      }
      return false;
    } catch {
      return false;
    }
  }
}
