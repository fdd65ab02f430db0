/** The states of a session, and the way through them. */
import type { Identity } from '../people/identity.js';
import type { RateClass } from '../threads/messages.js';
import type { CloseName } from '../wire/codes.js';
import type { Operation } from '../wire/operations.js';
import { tickFrom } from './ticks.js';

/**
 * Of whom it speaks for, what is asked again, and nothing else of the token: very many idle sockets keep one each.
 * `expiresAt` is a tick.
 */
export interface Live {
  readonly name: 'live';
  readonly user: string;
  readonly session: string | undefined;
  readonly jti: string | undefined;
  readonly issuedAt: number;
  readonly expiresAt: number;
  readonly rate: RateClass;
  readonly isRenewing: boolean;
}

/** `id`: names the session where the token does not; `hello` tells it (W4), and nothing asks for it later. */
export type SessionState =
  | { readonly name: 'connecting'; readonly id: string; readonly deadlineAt: number }
  | {
      readonly name: 'authenticating';
      readonly id: string;
      readonly deadlineAt: number;
      readonly waiting: Operation[];
    }
  | Live
  /** `farewell`: the close frame has no room yet; without room by `cutAt` the connection is cut. */
  | { readonly name: 'closing'; readonly farewell: CloseName | undefined; readonly cutAt: number };

const order = { connecting: 0, authenticating: 1, live: 2, closing: 3 } as const;

/** One way; only a live session may enter its state again, with a newer token, and one that closes, when it said so. */
export function mayEnter(from: SessionState['name'], to: SessionState['name']): boolean {
  return order[to] > order[from] || (from === to && (from === 'live' || from === 'closing'));
}

export function liveAs({ user, session, jti, issuedAt, expiresAt: endsAt, rate }: Identity): Live {
  const expiresAt = tickFrom(endsAt);
  // Written out: what is spread into an object literal lies outside of it, and takes more.
  return { name: 'live', user, session, jti, issuedAt, expiresAt, rate, isRenewing: false };
}
