/** How a session comes to know who it is, and hears it again before its token ends (W4, W5). */
import { NuboError } from '../errors.js';
import type { Identity } from '../people/identity.js';
import type { Refusal } from '../threads/messages.js';
import type { Operation } from '../wire/operations.js';
import type { Session } from './session.js';
import { liveAs } from './session-state.js';

/** For a session that is connecting. `ref`: of the `auth` operation; undefined when the token was in the header. */
export function authenticate(session: Session, token: string, ref: number | undefined): void {
  if (session.state.name !== 'connecting') throw new Error('authenticate: the session is not connecting');
  session.enter({ ...session.state, name: 'authenticating', waiting: [] });
  session.host.authenticate(token).then(
    (identity) => succeed(session, identity, ref),
    (error: unknown) => fail(session, error, ref),
  );
}

function succeed(session: Session, identity: Identity, ref: number | undefined): void {
  if (session.state.name !== 'authenticating') return;
  // It may have been revoked while the store was asked for the user.
  if (session.host.isRevoked(identity)) return fail(session, ended(), ref);
  session.enterLive(identity, session.state, ref);
}

/** What waited was never looked at: it is refused like the token. */
function fail(session: Session, error: unknown, ref: number | undefined): void {
  if (session.state.name !== 'authenticating') return;
  const refusal = session.host.refusalOf(error);
  session.refuse(ref ?? null, refusal);
  for (const operation of session.state.waiting) session.refuse(operation.ref, unlooked(refusal));
  session.close(refusal.code === 'unauthorized' ? 'unauthorized' : 'restarted');
}

/** About the token, `stored` says nothing of the operations that waited behind it (P7). */
function unlooked({ code, message, retryMs }: Refusal): Refusal {
  return retryMs === undefined ? { code, message } : { code, message, retryMs };
}

/** `auth` on a live socket: for the same user, with a later `exp`. The old token holds until the new one is good. */
export function renew(session: Session, operation: Operation<'auth'>): void {
  const { state } = session;
  if (state.name !== 'live' || state.isRenewing) {
    session.refuse(operation.ref, session.overloaded('Another auth is under way.'));
    return;
  }
  session.enter({ ...state, isRenewing: true });
  session.host.authenticate(operation.token).then(
    (identity) => renewed(session, identity, operation.ref),
    (error: unknown) => endRenewal(session, operation.ref, session.host.refusalOf(error)),
  );
}

function renewed(session: Session, identity: Identity, ref: number): void {
  if (session.user === undefined) return;
  if (identity.user !== session.user) {
    endRenewal(session, ref, { code: 'forbidden', message: 'This socket belongs to another user.' });
  } else if (session.host.isRevoked(identity)) {
    endRenewal(session, ref, session.host.refusalOf(ended()));
  } else {
    session.enter(liveAs(identity));
    session.tell({ ack: ref });
  }
}

function endRenewal(session: Session, ref: number, refusal: Refusal): void {
  if (session.state.name !== 'live') return;
  session.enter({ ...session.state, isRenewing: false });
  session.refuse(ref, refusal);
}

function ended(): NuboError {
  return new NuboError('unauthorized', 'The session has ended.');
}
