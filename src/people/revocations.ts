/**
 * What a front knows of tokens that were taken back (H5, H7). Checked on every connection and request, so it is
 * three maps in memory; filled from the store at start, then by what shards broadcast.
 */
import type { Clock } from '../runtime/ports.js';
import type { Revocation } from '../threads/messages.js';
import type { Identity } from './identity.js';

/** About 150 bytes each. */
const entriesMaxDefault = 500_000;
const pruneMs = 60_000;
/** What revocations go by. */
interface Revocable {
  readonly user: string;
  readonly session?: string | undefined;
  readonly jti?: string | undefined;
  readonly issuedAt: number;
}

const subjects = ['user', 'session', 'jti'] as const;

export interface Revocations {
  apply(revocation: Revocation): void;
  isRevoked(identity: Identity): boolean;
  readonly size: number;
}

/** Does this revocation take back this identity? For a front that looks for the sockets to close. */
export function revokes(revocation: Revocation, identity: Revocable): boolean {
  return identity.issuedAt < revocation.since && named(identity, revocation.subject) === revocation.value;
}

function named(identity: Revocable, subject: Revocation['subject']): string | undefined {
  switch (subject) {
    case 'user':
      return identity.user;
    case 'session':
      return identity.session;
    case 'jti':
      return identity.jti;
  }
}

export function createRevocations(options: { clock: Clock; entriesMax?: number }): Revocations {
  const entriesMax = options.entriesMax ?? entriesMaxDefault;
  const bySubject = {
    user: new Map<string, Revocation>(),
    session: new Map<string, Revocation>(),
    jti: new Map<string, Revocation>(),
  };
  let nextPruneAt = 0;
  /** Tokens issued before this are refused whoever they are for: see makeRoom. */
  let refusedBefore = 0;

  function size(): number {
    return bySubject.user.size + bySubject.session.size + bySubject.jti.size;
  }

  function prune(now: number): void {
    nextPruneAt = now + pruneMs;
    for (const entries of Object.values(bySubject)) {
      for (const entry of entries.values()) if (entry.until <= now) entries.delete(entry.value);
    }
  }

  /**
   * Full of entries that still count: forgetting one would let its tokens back in. So everybody's tokens so far
   * are refused instead, which covers all that is forgotten; people log in or are minted new ones.
   */
  function makeRoom(now: number): void {
    prune(now);
    if (size() < entriesMax) return;
    refusedBefore = now;
    for (const entries of Object.values(bySubject)) entries.clear();
  }

  return {
    apply(revocation) {
      const now = options.clock.now();
      if (revocation.until <= now) return;
      if (now >= nextPruneAt) prune(now);
      if (size() >= entriesMax) makeRoom(now);
      const entries = bySubject[revocation.subject];
      const before = entries.get(revocation.value);
      entries.set(revocation.value, {
        ...revocation,
        since: Math.max(revocation.since, before?.since ?? 0),
        until: Math.max(revocation.until, before?.until ?? 0),
      });
    },
    isRevoked(identity) {
      if (identity.issuedAt < refusedBefore) return true;
      return subjects.some((subject) => {
        const value = named(identity, subject);
        const entry = value === undefined ? undefined : bySubject[subject].get(value);
        return entry !== undefined && identity.issuedAt < entry.since;
      });
    },
    get size() {
      return size();
    },
  };
}
