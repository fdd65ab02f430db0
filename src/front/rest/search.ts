/** Search: messages by their words, among what one may read. */
import type { Route } from './route.js';
import { way } from './way.js';

const tag = 'Search';

export const searchRoutes: readonly Route[] = [
  way({
    operation: 'search',
    method: 'GET',
    path: '/search',
    tag,
    summary: 'Messages with these words in all conversations you are a member of, newest first (F1, F2)',
  }),
  way({
    operation: 'search',
    method: 'GET',
    path: '/conversations/{id}/search',
    tag,
    summary: 'Messages with these words in one conversation, newest first (F1, F2)',
    names: { id: 'conv' },
  }),
];
