/** Users and tokens by nubo's operator API, in bulk. */
import { setTimeout as wait } from 'node:timers/promises';

export interface Person {
  readonly user: string;
  readonly token: string;
}

export interface OperatorAccess {
  /** `http://host:port` */
  readonly url: string;
  readonly operatorKey: string;
}

/** Items of one call: the API's own bound. */
const groupSize = 1000;
export const tokenSeconds = 24 * 60 * 60;
const attemptsMax = 10;
const attemptMs = 200;

/** Users called `name/0` … with tokens of the class with high limits: still evaluated, never in the way. */
export async function makePeople(access: OperatorAccess, name: string, count: number): Promise<Person[]> {
  const people: Person[] = [];
  for (let start = 0; start < count; start += groupSize) {
    const length = Math.min(groupSize, count - start);
    const users = Array.from({ length }, (_, index) => ({ sub: `${name}/${start + index}` }));
    const made = await operate<{ users: { sub: string; user: string }[] }>(access, '/operator/users', {
      users,
    });
    const bySub = new Map(made.users.map(({ sub, user }) => [sub, user]));
    const ids = users.map(({ sub }) => bySub.get(sub) ?? missing(sub));
    const body = { users: ids, seconds: tokenSeconds, limits: 'high' };
    const { tokens } = await operate<{ tokens: Person[] }>(access, '/operator/tokens', body);
    const byUser = new Map(tokens.map(({ user, token }) => [user, token]));
    for (const user of ids) people.push({ user, token: byUser.get(user) ?? missing(user) });
  }
  return people;
}

function missing(what: string): never {
  throw new Error(`The operator API did not answer for ${what}.`);
}

/** @throws Error when it is refused; what may be asked again is */
async function operate<Answer>(
  { url, operatorKey }: OperatorAccess,
  path: string,
  body: unknown,
): Promise<Answer> {
  for (let attempt = 1; ; attempt += 1) {
    const response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${operatorKey}` },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (response.ok) return JSON.parse(text) as Answer;
    if (response.status !== 503 || attempt === attemptsMax)
      throw new Error(`${path}: ${response.status} ${text}`);
    await wait(attemptMs);
  }
}
