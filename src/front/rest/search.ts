/** Search: messages by their words, people and conversations by their names, among what one may see. */
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
    operation: 'search.users',
    method: 'GET',
    path: '/search/users',
    tag,
    summary: 'People by the beginning of their username or of words of their display name (F6)',
  }),
  way({
    operation: 'search.conversations',
    method: 'GET',
    path: '/search/conversations',
    tag,
    summary: 'Your conversations and open ones by the beginnings of words of their titles (F7)',
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
