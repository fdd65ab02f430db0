/**
 * The one table of errors and close codes (W8, W9). Docs, metrics, REST statuses and tests are made from it.
 */

/** An error the client is told: its HTTP status in REST, whether the same operation may be sent again, what to do. */
interface ErrorCode {
  readonly status: number;
  readonly retry: boolean;
  readonly todo: string;
}

export const errorCodes = {
  bad_frame: {
    status: 400,
    retry: false,
    todo: 'Send one operation or an array of operations, within the limits of `hello`.',
  },
  invalid: { status: 400, retry: false, todo: 'Mend the field that the message names; nothing was changed.' },
  unauthorized: { status: 401, retry: false, todo: 'Log in again or ask the application for a new token.' },
  forbidden: { status: 403, retry: false, todo: 'Ask somebody with the role for it.' },
  not_found: { status: 404, retry: false, todo: 'Check the id: it does not exist or is not yours to see.' },
  conflict: { status: 409, retry: false, todo: 'Make a new id: this one belongs to another operation.' },
  taken: { status: 409, retry: false, todo: 'Choose another name.' },
  id_out_of_window: { status: 422, retry: false, todo: 'Make a new id from the server time in `at`.' },
  expired: {
    status: 410,
    retry: false,
    todo: 'Look whether it is there, then make a new id: operations this old have left the log, stored or not.',
  },
  rate_limited: { status: 429, retry: true, todo: 'Wait `retryMs`, then send the same operation again.' },
  overloaded: { status: 503, retry: true, todo: 'Wait `retryMs`, then send the same operation again.' },
  unavailable: {
    status: 503,
    retry: true,
    todo: 'The outcome is unknown: send the same operation with the same id again.',
  },
  internal: {
    status: 500,
    retry: true,
    todo: 'A bug of the server; the outcome is unknown: send the same id again.',
  },
} as const satisfies Record<string, ErrorCode>;

export type ErrorName = keyof typeof errorCodes;

interface CloseCode {
  readonly code: number;
  /** May the client connect again by itself? */
  readonly reconnect: boolean;
  /** May it resume by `have`? */
  readonly resume: boolean;
  readonly todo: string;
}

export const closeCodes = {
  draining: {
    code: 4000,
    reconnect: true,
    resume: true,
    todo: 'The server stops or restarts: reconnect after a random part of the window in the reason.',
  },
  token_expired: {
    code: 4001,
    reconnect: true,
    resume: true,
    todo: 'Get a new token, reconnect and resume.',
  },
  idle: { code: 4002, reconnect: true, resume: true, todo: 'Send a ping at least once a heartbeat.' },
  slow: {
    code: 4003,
    reconnect: true,
    resume: true,
    todo: 'Read faster, or subscribe to less; reconnect and resume.',
  },
  restarted: {
    code: 4004,
    reconnect: true,
    resume: true,
    todo: 'A part of the server was started again: reconnect and resume.',
  },
  bad_frame: {
    code: 4500,
    reconnect: false,
    resume: false,
    todo: 'A bug of the client: the frame broke a limit or could not be decoded.',
  },
  not_authenticated: {
    code: 4501,
    reconnect: false,
    resume: false,
    todo: 'Send `auth` within 10 s of connecting.',
  },
  unauthorized: {
    code: 4502,
    reconnect: false,
    resume: false,
    todo: 'The token is not valid: log in again.',
  },
  session_ended: {
    code: 4503,
    reconnect: false,
    resume: false,
    todo: 'The session was ended (log-out, revocation, reused refresh token): log in again.',
  },
} as const satisfies Record<string, CloseCode>;

export type CloseName = keyof typeof closeCodes;
