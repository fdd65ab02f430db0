/** REST from request to response: route, access, checks, handler, problem. Never rejects. */
import { NuboError } from '../../errors.js';
import { tusRequestHeaders, tusResponseHeaders, tusVersion } from '../../media/tus.js';
import type { Identity } from '../../people/identity.js';
import { check } from '../../people/rules.js';
import { wireLimits } from '../../wire/limits.js';
import { operationId } from '../../wire/operations.js';
import { scanJson } from '../../wire/scan-json.js';
import { frontLimits } from '../limits.js';
import { asyncApiRoute } from './asyncapi.js';
import { attachmentRoutes, isOfAttachments } from './attachments.js';
import { bearerOf, isSameKey } from './bearer.js';
import { conversationRoutes } from './conversations.js';
import { memberRoutes } from './members.js';
import { messageRoutes } from './messages.js';
import { openApiRoute } from './openapi.js';
import { mayReadMetrics, operationsRoutes } from './operations.js';
import { operatorRoutes } from './operator.js';
import { peopleRoutes } from './people.js';
import { HttpError, problemOf } from './problem.js';
import { profileRoutes } from './profiles.js';
import { progressRoutes } from './progress.js';
import { RateLimits } from './rate-limit.js';
import type { DurableInput, Reply, RestPorts, RestRequest, RestResponse, Route } from './route.js';
import { Router } from './router.js';
import { searchRoutes } from './search.js';

const utf8 = new TextDecoder('utf-8', { fatal: true });

const securityHeaders = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
} as const;

/** Every route but the documentation. */
export const restRoutes: readonly Route[] = [
  ...peopleRoutes,
  ...profileRoutes,
  ...conversationRoutes,
  ...progressRoutes,
  ...memberRoutes,
  ...messageRoutes,
  ...attachmentRoutes,
  ...searchRoutes,
  ...operatorRoutes,
  ...operationsRoutes,
];

export class Rest {
  private readonly ports: RestPorts;
  private readonly router: Router;

  constructor(ports: RestPorts) {
    this.ports = ports;
    const routes = [...restRoutes, asyncApiRoute(ports.version)];
    this.router = new Router([...routes, openApiRoute(routes, ports.version)]);
  }

  /** Largest body that is worth reading for this request. */
  bodyBytesMax(method: string, path: string): number {
    const match = this.router.match(method, path);
    return (match.kind === 'route' ? match.route.bodyBytesMax : undefined) ?? wireLimits.frameBytesMax;
  }

  /** The handler reads the body itself. */
  isStreamed(method: string, path: string): boolean {
    const match = this.router.match(method, path);
    return match.kind === 'route' && match.route.streams === true;
  }

  async handle(request: RestRequest): Promise<RestResponse> {
    return this.finished(request, await this.answer(request));
  }

  /** The body was larger than the route takes: answered without it. */
  tooLarge(request: RestRequest): RestResponse {
    return this.finished(request, this.problem(new HttpError(413, 'invalid', 'The body is too large.')));
  }

  /** Too many requests at once. */
  overloaded(request: RestRequest): RestResponse {
    const { overloadedRetryMs: retryMs } = frontLimits;
    return this.finished(
      request,
      this.problem(new NuboError('overloaded', 'Too many requests at once.', { retryMs })),
    );
  }

  private finished(request: RestRequest, response: RestResponse): RestResponse {
    this.ports.front.counters.countRest(response.status);
    return {
      ...response,
      headers: {
        ...securityHeaders,
        ...this.corsHeaders(request),
        ...(isOfAttachments(request.path) ? { 'tus-resumable': tusVersion } : {}),
        // Whoever knows better says so.
        ...(response.status === 503 ? { 'retry-after': '1' } : {}),
        ...response.headers,
      },
    };
  }

  private problem(error: unknown): RestResponse {
    return problemOf(error, this.ports.onFault);
  }

  private async answer(request: RestRequest): Promise<RestResponse> {
    const limits = new RateLimits();
    const response = await this.answerWithin(request, limits);
    return { ...response, headers: { ...limits.headers(), ...response.headers } };
  }

  private async answerWithin(request: RestRequest, limits: RateLimits): Promise<RestResponse> {
    try {
      const match = this.router.match(request.method, request.path);
      if (request.method === 'OPTIONS' && match.kind !== 'unknown') return this.preflight(request.path);
      if (request.path === '/ws') {
        throw new HttpError(426, 'invalid', 'Connect with a WebSocket.', { upgrade: 'websocket' });
      }
      if (match.kind === 'unknown') throw new HttpError(404, 'not_found', 'There is no such route.');
      if (match.kind === 'wrong method') {
        throw new HttpError(405, 'invalid', `${request.method} is not possible here.`, {
          allow: match.allowed.join(', '),
        });
      }
      const { route, params } = match;
      return responseOf(route, await this.run({ route, params, request, limits }));
    } catch (error) {
      limits.refused(error);
      return this.problem(error);
    }
  }

  private async run({ route, params, request, limits }: Running): Promise<Reply> {
    if (route.attempts !== undefined) limits.attempts(route.attempts);
    const identity = await this.admit(route, request, limits);
    const input = {
      ports: this.ports,
      request,
      params: route.params === undefined ? undefined : check(route.params, params),
      query: route.query === undefined ? undefined : check(route.query, Object.fromEntries(request.query)),
      body: route.body === undefined ? undefined : check(route.body, parsedBody(route, request)),
      identity,
      id: route.access === 'durable' ? this.operationId(request) : '',
    };
    return route.handle(input as DurableInput<unknown, unknown, unknown>);
  }

  private async admit(route: Route, request: RestRequest, limits: RateLimits): Promise<Identity | undefined> {
    const token = bearerOf(request.header('authorization'));
    switch (route.access) {
      case 'public':
        return undefined;
      case 'metrics':
        if (!mayReadMetrics(this.ports, request, token))
          throw new NuboError('unauthorized', 'An operator key is needed.');
        return undefined;
      case 'operator': {
        const { operatorKey } = this.ports;
        if (operatorKey === undefined || token === undefined || !isSameKey(token, operatorKey)) {
          throw new NuboError('unauthorized', 'The operator key is needed.');
        }
        return undefined;
      }
      case 'user':
      case 'durable':
        if (token === undefined) throw new NuboError('unauthorized', 'A token is needed.');
        return this.admitUser(route, await this.ports.front.authenticate(token), limits);
    }
  }

  /** The same guard as on a socket (L5). */
  private admitUser(route: Route, identity: Identity, limits: RateLimits): Identity {
    const { rates } = this.ports.front;
    const retryMs = rates?.take(identity.user, identity.rate) ?? 0;
    if (rates !== undefined) limits.user(identity, rates);
    if (route.access === 'durable') limits.stored(route, identity, this.ports.shardRates);
    if (retryMs === 0) return identity;
    const message = 'You ask for too much at once.';
    throw new NuboError('rate_limited', message, { retryMs, limit: 'requests' });
  }

  /** With a key of the client a POST may be sent again; without, every request is another operation (R2). */
  private operationId(request: RestRequest): string {
    const key = request.header('idempotency-key');
    if (key === undefined) return this.ports.makeId();
    const result = operationId.safeParse(key);
    if (result.success) return result.data;
    throw new NuboError('invalid', 'Idempotency-Key must be a lower-case UUIDv7', { stored: false });
  }

  private preflight(path: string): RestResponse {
    const routes = this.router.routesOf(path).flatMap(({ optionHeaders }) => optionHeaders ?? []);
    const headers = Object.assign({}, ...routes.map((headersOf) => headersOf(this.ports)));
    return { status: 204, headers, body: '' };
  }

  private corsHeaders(request: RestRequest): Record<string, string> {
    if (this.ports.allowedOrigins.length === 0) return {};
    const { allowedOrigins } = this.ports;
    const origin = request.header('origin');
    const isAllowed =
      origin !== undefined && (allowedOrigins.includes(origin) || allowedOrigins.includes('*'));
    if (!isAllowed) return { vary: 'origin' };
    return {
      vary: 'origin',
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, POST, PUT, PATCH, DELETE',
      'access-control-allow-headers': `authorization, content-type, idempotency-key, range, if-none-match, ${tusRequestHeaders}`,
      'access-control-expose-headers': `retry-after, ratelimit, ratelimit-policy, location, content-range, content-disposition, etag, ${tusResponseHeaders}`,
      'access-control-max-age': '600',
    };
  }
}

interface Running {
  readonly route: Route;
  readonly params: Record<string, string>;
  readonly request: RestRequest;
  readonly limits: RateLimits;
}

/** The same bounds as a frame's before anything is built from it (W2). */
function parsedBody(route: Route, request: RestRequest): unknown {
  const type = (request.header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase();
  if (type !== 'application/json') throw new HttpError(415, 'invalid', 'The body must be application/json.');
  const reason = scanJson(request.body, {
    bytesMax: route.bodyBytesMax ?? wireLimits.frameBytesMax,
    depthMax: wireLimits.frameDepthMax,
    itemsMax: route.bodyItemsMax ?? wireLimits.containerItemsMax,
  });
  if (reason !== undefined) throw new NuboError('bad_frame', `Bad JSON: ${reason}.`);
  try {
    return JSON.parse(utf8.decode(request.body));
  } catch {
    throw new NuboError('bad_frame', 'The body is not JSON.');
  }
}

function responseOf(route: Route, reply: Reply): RestResponse {
  const status = reply.status ?? route.status;
  const headers = reply.headers ?? {};
  if (reply.bytes !== undefined) return { status, headers, body: '', bytes: reply.bytes };
  if (reply.text !== undefined) return { status, headers, body: reply.text };
  if (reply.json === undefined) return { status, headers, body: '' };
  return {
    status,
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(reply.json),
  };
}
