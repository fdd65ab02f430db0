/** What a live session may ask: each operation becomes a request to a shard, or is answered here. */
import type { ToShard } from '../threads/messages.js';
import { wireLimits } from '../wire/limits.js';
import {
  type DurableOperation,
  isDurableName,
  isQueryName,
  type Operation,
  type QueryName,
} from '../wire/operations.js';
import { conversationOf, durableRequest, faultOf, historyRequest, invalid } from './asks.js';
import { itemsOf } from './few.js';
import { placeOf } from './page.js';
import { performPresence } from './presence-requests.js';
import { answerQuery } from './queries.js';
import type { Session } from './session.js';
import type { Live } from './session-state.js';
import { OperationRequest, SubscribeRequest } from './socket-requests.js';

/** Every operation with a `ref` is answered once, now or by its request (W7). */
export function perform(
  session: Session,
  identity: Live,
  operation: Exclude<Operation, { op: 'auth' }>,
): void {
  if (isDurableOperation(operation)) return performDurable(session, identity, operation);
  if (isQuery(operation)) return performQuery(session, identity, operation);
  switch (operation.op) {
    case 'history':
      return performHistory(session, identity, operation);
    case 'read':
    case 'delivered':
    case 'unread':
      return performMark(session, identity, operation);
    case 'subscribe':
      return performSubscribe(session, identity, operation);
    case 'unsubscribe':
      return performUnsubscribe(session, operation);
    case 'subscribe.all':
    case 'unsubscribe.all':
      return performFollow(session, identity, operation);
    case 'typing.start':
    case 'typing.stop':
      return performTyping(session, identity, operation);
    case 'presence.set':
    case 'presence.unwatch':
      return performPresence(session, identity, operation);
    case 'presence.watch':
      if (admit(session, operation.ref)) performPresence(session, identity, operation);
      return;
    case 'ping':
      return session.tell({ ack: operation.ref, at: session.host.clock.now() });
  }
}

function isDurableOperation(operation: Operation): operation is DurableOperation {
  return isDurableName(operation.op);
}

function isQuery(operation: Operation): operation is Operation<QueryName> {
  return isQueryName(operation.op);
}

/** As over REST, and with its answer (W17). */
function performQuery(
  session: Session,
  { user, session: id, rate }: Live,
  operation: Operation<QueryName>,
): void {
  if (!admit(session, operation.ref)) return;
  const { host } = session;
  // A page is large: who is still reading the last one waits.
  if (session.waitingBytes > host.limits.softBufferBytes)
    return session.refuse(operation.ref, session.overloaded('Read what was sent first.'));
  session.requestsOpen += 1;
  const settle = (tell: () => void): void => {
    session.requestsOpen -= 1;
    if (!session.isClosing) tell();
  };
  answerQuery({ front: host, user, session: id, rate }, operation).then(
    (result) => settle(() => session.tellResult(operation.ref, result)),
    (error: unknown) => settle(() => session.refuse(operation.ref, host.refusalOf(error))),
  );
}

function performDurable(session: Session, identity: Live, operation: DurableOperation): void {
  if (!admit(session, operation.ref)) return;
  const fault = operation.op === 'create' ? faultOf(operation, identity.user) : undefined;
  if (fault !== undefined) return session.refuse(operation.ref, fault);
  const conv = conversationOf(operation, identity.user);
  const { host } = session;
  const waiting = new OperationRequest(session, host.shards.of(conv), operation, {
    operation: { id: operation.id, conv },
  });
  const request = host.requests.open(waiting);
  deliver(
    session,
    waiting,
    request,
    durableRequest(operation, conv, { request, user: identity.user, rate: identity.rate }),
  );
}

function performHistory(session: Session, identity: Live, operation: Operation<'history'>): void {
  if (!admit(session, operation.ref)) return;
  const fault = faultOf(operation, identity.user);
  if (fault !== undefined) return session.refuse(operation.ref, fault);
  // A page is large: who is still reading the last one waits.
  if (session.waitingBytes > session.host.limits.softBufferBytes) {
    return session.refuse(operation.ref, session.overloaded('Read what was sent first.'));
  }
  const { host } = session;
  const waiting = new OperationRequest(session, host.shards.of(operation.conv), operation, {
    place: placeOf(operation),
  });
  const request = host.requests.open(waiting);
  deliver(session, waiting, request, historyRequest(operation, request, identity.user));
}

function performMark(
  session: Session,
  identity: Live,
  operation: Operation<'read' | 'delivered' | 'unread'>,
): void {
  if (!admit(session, operation.ref)) return;
  const { conv, seq } = operation;
  const { host } = session;
  const waiting = new OperationRequest(session, host.shards.of(conv), operation);
  const request = host.requests.open(waiting);
  deliver(session, waiting, request, { kind: operation.op, request, user: identity.user, conv, seq });
}

function performSubscribe(session: Session, identity: Live, operation: Operation<'subscribe'>): void {
  if (!admit(session, operation.ref)) return;
  const { host } = session;
  if (session.topicsAsked >= wireLimits.socketTopicsMax) {
    return session.refuse(
      operation.ref,
      invalid(`a socket has at most ${wireLimits.socketTopicsMax} subscriptions`),
    );
  }
  const { conv, have } = operation;
  const waiting = new SubscribeRequest(session, host.topics.expect(conv), operation.ref, have);
  const request = host.requests.open(waiting);
  const place = have === undefined ? {} : { have };
  deliver(session, waiting, request, { kind: 'subscribe', request, user: identity.user, conv, ...place });
}

/** Also takes back subscriptions that are still under way. */
function performUnsubscribe(session: Session, operation: Operation<'unsubscribe'>): void {
  for (const waiting of itemsOf(session.subscribing))
    if (waiting.topic.conv === operation.conv) waiting.isCancelled = true;
  const { topics, following } = session.host;
  const topic = topics.get(operation.conv);
  if (topic !== undefined && !following.keeps(session, topic)) session.leave(topic);
  session.tell({ ack: operation.ref, conv: operation.conv });
}

/** Follows, and then answers as `sync` does: what is committed is in the answer, or stirs. */
function performFollow(
  session: Session,
  { user, session: id }: Live,
  operation: Operation<'subscribe.all' | 'unsubscribe.all'>,
): void {
  const { host } = session;
  const { ref } = operation;
  if (operation.op === 'unsubscribe.all') {
    host.following.remove(session);
    return session.tell({ ack: ref });
  }
  if (!admit(session, ref)) return;
  const { cursor, limit, quiet } = operation;
  session.requestsOpen += 1;
  host.following
    .follow(session, user, quiet === true)
    .then(() => answerQuery({ front: host, user, session: id }, { op: 'sync', cursor, limit }))
    .then(
      (result) => {
        session.requestsOpen -= 1;
        const partial = host.following.isPartial(user) ? { partial: true } : {};
        if (!session.isClosing) session.tellResult(ref, { ...result, ...partial });
      },
      (error: unknown) => {
        session.requestsOpen -= 1;
        if (!session.isClosing) session.refuse(ref, host.refusalOf(error));
      },
    );
}

/** Nobody waits for typing: without room it is lost, and says so only to those who asked (P8). */
function performTyping(
  session: Session,
  identity: Live,
  operation: Operation<'typing.start' | 'typing.stop'>,
): void {
  const { host } = session;
  const { conv, ref } = operation;
  const active = operation.op === 'typing.start';
  const message: ToShard = { kind: 'typing', user: identity.user, conv, active, at: host.clock.now() };
  const refusal = host.shards.post(host.shards.of(conv), message);
  if (refusal !== undefined) session.refuse(ref, refusal);
  else if (ref !== undefined) session.tell({ ack: ref });
}

/** A socket has at most so many operations under way: nothing piles up unseen (A9). */
function admit(session: Session, ref: number): boolean {
  if (session.requestsOpen < wireLimits.socketRequestsMax) return true;
  session.refuse(ref, session.overloaded('Too many operations wait for their answer.'));
  return false;
}

/** What finds no room is answered at once, without `stored`: nobody has looked (A9, L5). */
function deliver(
  session: Session,
  waiting: OperationRequest | SubscribeRequest,
  request: number,
  message: ToShard,
): void {
  const { host } = session;
  waiting.opened();
  const refusal = host.shards.post(waiting.shard, message);
  if (refusal === undefined) return;
  host.requests.forget(request);
  waiting.settle({ kind: 'err', request, ...refusal });
}
