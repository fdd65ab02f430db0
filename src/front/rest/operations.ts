/**
 * For those who run the server: ping, health, readiness, metrics (O2, O3).
 *
 * Metrics tell how busy a server is and of what it consists, so in production (`openMetrics` false) they are for a
 * peer on loopback that is not a proxy (a proxy names its client in `Forwarded` or `X-Forwarded-For`), or for
 * whoever has the operator key.
 */
import { z } from 'zod';
import { isSameKey } from './bearer.js';
import { type RestPorts, type RestRequest, type Route, route } from './route.js';

const tag = 'Operations';

export function mayReadMetrics(ports: RestPorts, request: RestRequest, token: string | undefined): boolean {
  if (ports.openMetrics) return true;
  if (token !== undefined && ports.operatorKey !== undefined && isSameKey(token, ports.operatorKey))
    return true;
  const isForwarded =
    request.header('forwarded') !== undefined || request.header('x-forwarded-for') !== undefined;
  return !isForwarded && isLoopback(request.address);
}

/** Addresses come in their one short form, IPv4 mapped into IPv6 as IPv4. */
function isLoopback(address: string): boolean {
  return address === '::1' || /^127(\.\d{1,3}){3}$/.test(address);
}

export const operationsRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/ping',
    access: 'public',
    tag,
    summary: 'Is anybody there?',
    status: 200,
    response: z.object({ message: z.literal('pong') }),
    handle: async () => ({ json: { message: 'pong' } }),
  }),
  route({
    method: 'GET',
    path: '/healthz',
    aliases: ['/health'],
    access: 'public',
    tag,
    summary: 'The process lives (O2)',
    status: 200,
    response: z.record(z.string(), z.unknown()),
    handle: async ({ ports }) => ({ json: await ports.providers.health() }),
  }),
  route({
    method: 'GET',
    path: '/readyz',
    aliases: ['/ready'],
    access: 'public',
    tag,
    summary:
      'The server can serve: 200, or 503 with what is missing (O2); redis and mongo are told and do not count',
    status: 200,
    response: z.object({ ready: z.boolean(), checks: z.record(z.string(), z.string()) }),
    handle: async ({ ports }) => {
      if (ports.front.isDraining)
        return { status: 503, json: { ready: false, checks: { front: 'draining' } } };
      const readiness = await ports.providers.readiness();
      return { status: readiness.ready ? 200 : 503, json: readiness };
    },
  }),
  route({
    method: 'GET',
    path: '/metrics',
    access: 'metrics',
    tag,
    summary: 'Metrics of all threads in the text format of Prometheus (O3)',
    status: 200,
    handle: async ({ ports }) => {
      const { contentType, text } = await ports.providers.metrics();
      return { text, headers: { 'content-type': contentType } };
    },
  }),
];
