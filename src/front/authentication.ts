/** How a session comes to know who it is, and hears it again before its token ends (W4, W5). */
import { NuboError } from '../errors.js';
import type { Identity } from '../people/identity.js';
import type { Refusal } from '../threads/messages.js';
import type { Operation } from '../wire/operations.js';
import type { SessionHost } from './host.js';
import type { Session } from './session.js';
import { liveAs } from './session-state.js';

/** With the token of the upgrade: it lives or ends before this returns, unless somebody has to be asked. */
export function authenticateAtOnce(session: Session, token: string): void {
  const { state } = session;
  if (state.name !== 'connecting') throw new Error('authenticate: the session is not connecting');
  let found: Identity | Promise<Identity>;
  try {
    found = session.host.authenticate(token);
  } catch (error) {
    return fail(session, error, undefined);
  }
  if (found instanceof Promise) wait(session, found, undefined);
  else session.enterLive(found, state, undefined);
}

/** With an `auth` operation: those that follow it in its frame wait, and are answered after it (W7). */
export function authenticate(session: Session, { token, ref }: Operation<'auth'>): void {
  wait(session, ask(session.host, token), ref);
}

/** A promise also where the answer is known at once. */
async function ask(host: SessionHost, token: string): Promise<Identity> {
  return host.authenticate(token);
}

function wait(session: Session, found: Promise<Identity>, ref: number | undefined): void {
  if (session.state.name !== 'connecting') throw new Error('authenticate: the session is not connecting');
  session.enter({ ...session.state, name: 'authenticating', waiting: [] });
  found.then(
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
  if (session.isClosing) return;
  const refusal = session.host.refusalOf(error);
  session.refuse(ref ?? null, refusal);
  const waiting = session.state.name === 'authenticating' ? session.state.waiting : [];
  for (const operation of waiting) session.refuse(operation.ref, unlooked(refusal));
  session.close(refusal.code === 'unauthorized' ? 'unauthorized' : 'restarted');
}

/** About the token, `stored` says nothing of the operations that waited behind it (P7). */
function unlooked(refusal: Refusal): Refusal {
  const { stored: _, ...rest } = refusal;
  return rest;
}

/** `auth` on a live socket: for the same user, with a later `exp`. The old token holds until the new one is good. */
export function renew(session: Session, operation: Operation<'auth'>): void {
  const { state } = session;
  if (state.name !== 'live' || state.isRenewing) {
    session.refuse(operation.ref, session.overloaded('Another auth is under way.'));
    return;
  }
  session.enter({ ...state, isRenewing: true });
  ask(session.host, operation.token).then(
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
