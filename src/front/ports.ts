/** What a session needs of the outside: uWebSockets.js in production, a list in tests and simulations. */

/** One WebSocket. After its close every method does nothing, so that nobody has to ask first. */
export interface SocketPort {
  /**
   * Sends one frame: a string as a text frame, bytes as a binary one. `dropped` means it did not fit and is lost.
   */
  send(frame: string | Uint8Array): 'sent' | 'buffered' | 'dropped';
  subscribe(topic: string): void;
  unsubscribe(topic: string): void;
  /** Bytes that wait in this process for a slow reader. */
  bufferedBytes(): number;
  /** A ping of the protocol; the peer's pong is reported with `Session.heard`. */
  ping(): void;
  /** Says goodbye with a close frame. */
  close(code: number, reason: string): void;
  /** Ends the connection at once, without a close frame: for peers that read nothing. */
  cut(): void;
}

export interface BroadcastPort {
  /**
   * Sends a frame to every socket subscribed to the topic. Whom it was dropped for, only `dropped` handlers know,
   * and of several frames that were lost together they are told the first.
   */
  publish(topic: string, frame: string | Uint8Array): void;
}
