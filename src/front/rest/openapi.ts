/** `/openapi.json`: OpenAPI 3.1 from the table that routes and checks the requests (R3). */
import { z } from 'zod';
import { createDocument, type ZodOpenApiOperationObject, type ZodOpenApiPathsObject } from 'zod-openapi';
import { problemSchema } from './problem.js';
import { type Access, type Route, route } from './route.js';

const security: Record<Access, Array<Record<string, string[]>>> = {
  public: [],
  user: [{ token: [] }],
  durable: [{ token: [] }],
  operator: [{ operatorKey: [] }],
  metrics: [{}, { operatorKey: [] }],
};

const idempotencyKey = z.object({
  'Idempotency-Key': z.string().optional().meta({
    description: 'A UUIDv7. Sent again with the same key, the operation is answered as the first time (R2).',
  }),
});

/** The document as plain data. */
export function openApiDocument(routes: readonly Route[], version: string) {
  const paths: ZodOpenApiPathsObject = {};
  for (const each of routes) {
    for (const path of [each.path, ...(each.aliases ?? [])]) {
      const method = each.method.toLowerCase();
      paths[path] = { ...paths[path], [method]: operationOf(each) };
    }
  }
  return createDocument({
    openapi: '3.1.0',
    info: {
      title: 'nubo',
      version,
      description: 'A self-hosted realtime chat engine. Realtime is at /ws: see /asyncapi.json.',
    },
    servers: [{ url: '/' }],
    paths,
    components: {
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: 'An access token of /login, or one your application signed.',
        },
        operatorKey: { type: 'http', scheme: 'bearer', description: 'The operator key of the server.' },
      },
    },
  });
}

function operationOf(each: Route): ZodOpenApiOperationObject {
  const success =
    each.response === undefined ? {} : { content: { 'application/json': { schema: each.response } } };
  return {
    summary: each.summary,
    tags: [each.tag],
    security: security[each.access],
    requestParams: {
      ...(each.params === undefined ? {} : { path: each.params }),
      ...(each.query === undefined ? {} : { query: each.query }),
      ...(each.access === 'durable' ? { header: idempotencyKey } : {}),
    },
    ...(each.body === undefined
      ? {}
      : { requestBody: { required: true, content: { 'application/json': { schema: each.body } } } }),
    responses: {
      [String(each.status)]: { description: 'Done', ...success },
      default: { description: 'Refused', content: { 'application/problem+json': { schema: problemSchema } } },
    },
  };
}

/** Documents itself as well. The document is made when it is first asked for: it takes some milliseconds. */
export function openApiRoute(routes: readonly Route[], version: string): Route {
  let document: unknown;
  const self: Route = route({
    method: 'GET',
    path: '/openapi.json',
    access: 'public',
    tag: 'Operations',
    summary: 'This document',
    status: 200,
    response: z.record(z.string(), z.unknown()),
    handle: async () => {
      document ??= openApiDocument([...routes, self], version);
      return { json: document };
    },
  });
  return self;
}
