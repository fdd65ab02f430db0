/** Search: messages by their words, among what one may read. The same questions and answers as on a socket. */
import { z } from 'zod';
import { foundMessage } from '../../wire/events.js';
import { wireLimits } from '../../wire/limits.js';
import { operations } from '../../wire/operations.js';
import { type RestPorts, type Route, route } from './route.js';
import { idParams } from './schemas.js';

const tag = 'Search';
const { q, from, type, cursor } = operations.search.schema.shape;
const time = z.coerce
  .number()
  .int()
  .min(0)
  .max(Number.MAX_SAFE_INTEGER)
  .optional()
  .meta({ description: 'Unix milliseconds' });
const query = z.object({
  q: q.meta({ description: 'Words that are all there; "in this order", this or that, -not this.' }),
  ...{ from, type, since: time, until: time, cursor },
  limit: z.coerce.number().int().min(1).max(wireLimits.searchFoundMax).optional(),
});
const response = z
  .object({
    found: z.array(foundMessage.meta({ id: 'FoundMessage' })),
    next: z
      .string()
      .nullable()
      .meta({ description: 'The cursor of the next page; null: this was the last.' }),
  })
  .meta({ id: 'Found' });

/** Times that were not given are not there at all: the wire's way. */
async function search(
  { front }: RestPorts,
  user: string,
  { q: words, ...filters }: z.output<typeof query> & { conv?: string },
): Promise<unknown> {
  const given = Object.fromEntries(Object.entries(filters).filter(([, value]) => value !== undefined));
  return front.call(front.shardOf(user), 'search.messages', { user, q: words, ...given });
}

export const searchRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/search',
    access: 'user',
    tag,
    summary: 'Messages with these words in all conversations you are a member of, newest first (F1, F2)',
    query,
    status: 200,
    response,
    handle: async ({ ports, identity, query: asked }) => ({
      json: await search(ports, identity.user, asked),
    }),
  }),
  route({
    method: 'GET',
    path: '/conversations/{id}/search',
    access: 'user',
    tag,
    summary: 'Messages with these words in one conversation, newest first (F1, F2)',
    params: idParams,
    query,
    status: 200,
    response,
    handle: async ({ ports, identity, params, query: asked }) => ({
      json: await search(ports, identity.user, { ...asked, conv: params.id }),
    }),
  }),
];
