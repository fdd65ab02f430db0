/** What a promise of the client rejects with. */
import type { ErrorName } from '#src/wire/codes.js';
import type { WireError } from '#src/wire/events.js';

/**
 * `code` is the server's, or `closed`: the client has ended, and whatever was under way has an unknown outcome.
 * Retriable codes never reach an application: the client sends again by itself.
 */
export class ClientError extends Error {
  override readonly name = 'ClientError';
  readonly code: ErrorName | 'closed';
  /** Of the WebSocket, when the server ended it for good. */
  readonly closeCode: number | undefined;
  /** false: the operation never appears. Absent: unknown, or nobody has looked. */
  readonly stored: false | undefined;

  constructor(
    code: ErrorName | 'closed',
    message: string,
    detail: { closeCode?: number; stored?: false } = {},
  ) {
    super(message);
    this.code = code;
    this.closeCode = detail.closeCode;
    this.stored = detail.stored;
  }

  static of({ code, message, stored }: WireError): ClientError {
    return new ClientError(code, message, stored === undefined ? {} : { stored });
  }
}
