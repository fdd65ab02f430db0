/** What a session needs of the outside: uWebSockets.js in production, a list in tests and simulations. */

export interface SocketPort {
  /**
   * Sends one frame: a string as a text frame, bytes as a binary one. `dropped` means it did not fit and is lost.
   */
  send(frame: string | Uint8Array): 'sent' | 'buffered' | 'dropped';
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Bytes that wait in this process for a slow reader. */
  bufferedBytes(): number;
  close(code: number, reason: string): void;
}

export interface BroadcastPort {
  /** Sends a frame to every socket subscribed to the topic. Whom it was dropped for, only `dropped` handlers know. */
  publish(topic: string, frame: string | Uint8Array): void;
}
