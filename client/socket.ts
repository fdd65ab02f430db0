/** The part of the WebSocket interface that the client uses: browsers have it, and so does the package `ws`. */

export interface ClientSocket {
  binaryType: string;
  onopen: (() => void) | null;
  onmessage: ((event: { data: unknown }) => void) | null;
  onclose: ((event: { code: number; reason: string }) => void) | null;
  onerror: ((event: { message?: string }) => void) | null;
  send(data: string | Uint8Array): void;
  close(code?: number, reason?: string): void;
}

export type ClientSocketClass = new (url: string, protocols: string[]) => ClientSocket;

/** A frame as the codec takes it; undefined for what no server of ours sends. */
export function frameOf(data: unknown): string | Uint8Array | undefined {
  if (typeof data === 'string' || data instanceof Uint8Array) return data;
  return data instanceof ArrayBuffer ? new Uint8Array(data) : undefined;
}
