/** What tests ask of the operator API and of REST: people, tokens, answers. */
import type { TestServer } from './server.js';

export interface Person {
  readonly user: string;
  readonly token: string;
}

const bulkItemsMax = 1000;

/** People of the application with tokens of class `high`, so that no rate limit stands in the way of a test. */
export async function makePeople(
  server: Pick<TestServer, 'address' | 'runtime'>,
  names: readonly string[],
  { limits = 'high', seconds = 3600 }: { limits?: 'high' | 'standard'; seconds?: number } = {},
): Promise<Person[]> {
  const people: Person[] = [];
  for (let start = 0; start < names.length; start += bulkItemsMax) {
    const users = names.slice(start, start + bulkItemsMax).map((sub) => ({ sub }));
    const made = await operate<{ users: Array<{ user: string }> }>(server, '/operator/users', { users });
    const body = { users: made.users.map(({ user }) => user), seconds, limits };
    const minted = await operate<{ tokens: Person[] }>(server, '/operator/tokens', body);
    people.push(...minted.tokens.map(({ user, token }) => ({ user, token })));
  }
  return people;
}

/** @throws Error when it is refused */
export async function operate<Answer>(
  { address, runtime }: Pick<TestServer, 'address' | 'runtime'>,
  path: string,
  body: unknown,
): Promise<Answer> {
  const response = await fetch(`${address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${runtime.operatorKey}` },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
  return (text === '' ? undefined : JSON.parse(text)) as Answer;
}
