/** Who a verified token speaks for. Plain data: it is kept in caches and sent between threads. */
import type { RateClass } from '../threads/messages.js';

export interface Identity {
  readonly user: string;
  /** The session of a log-in; absent for tokens of an application or an operator. */
  readonly session?: string;
  readonly jti?: string;
  /** Unix ms; 0 when the token does not say: then any revocation of its user is later. */
  readonly issuedAt: number;
  /** Unix ms. Can be years ahead: longer than a timer can wait. */
  readonly expiresAt: number;
  readonly rate: RateClass;
  /** Of an application's token: whom it names. The user may not be stored yet (H6). */
  readonly subject?: { readonly sub: string; readonly name?: string };
}

/**
 * The longest life of a token, ten years. Tokens that claim more are refused: a revocation must outlive every
 * token it concerns, and so can be forgotten after this long.
 */
export const tokenLifeMsMax = 3650 * 24 * 60 * 60 * 1000;
