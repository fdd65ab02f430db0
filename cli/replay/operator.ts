/** People of a replay by the operator API: users in bulk, then tokens for them. */
import { z } from 'zod';
import { UserError } from '#src/errors.js';
import { messageOf } from '#src/storage/postgres/sql.js';
import type { Step } from '../progress.js';
import { ReplayFailure } from './failure.js';
import { groupsOf, inParallel } from './parallel.js';

export interface OperatorOptions {
  /** `http://host:port` */
  readonly url: string;
  readonly key: string;
}

export interface Person {
  /** Opaque and case-sensitive. */
  readonly sub: string;
  readonly name: string;
}

/** Items in one call: the API's own bound. */
const groupSize = 1000;
/** Calls at once; each keeps the database busy. */
const callsMax = 2;
/** What a display name may hold; longer ones are left out, since nothing depends on them. */
const nameCharsMax = 100;
/** Long enough for any replay, and they are thrown away at its end. */
const tokenSeconds = 6 * 60 * 60;

const usersSchema = z.object({ users: z.array(z.object({ sub: z.string(), user: z.string() })) });
const tokensSchema = z.object({ tokens: z.array(z.object({ user: z.string(), token: z.string() })) });
const problemSchema = z.object({ code: z.string(), detail: z.string() });

/** @returns the user id of each person, in their order */
export async function createUsers(
  options: OperatorOptions,
  people: readonly Person[],
  step: Step,
): Promise<string[]> {
  return inGroups(people, step, async (group) => {
    const users = group.map(({ sub, name }) => (name.length > nameCharsMax ? { sub } : { sub, name }));
    const answer = usersSchema.parse(await post(options, '/operator/users', { users }));
    const bySub = new Map(answer.users.map(({ sub, user }) => [sub, user]));
    return group.map(({ sub }) => found(bySub, sub));
  });
}

/** @returns a token for each user, in their order; with the rates of a program, not of a person */
export async function mintTokens(
  options: OperatorOptions,
  users: readonly string[],
  step: Step,
): Promise<string[]> {
  return inGroups(users, step, async (group) => {
    const body = { users: group, seconds: tokenSeconds, limits: 'high' };
    const answer = tokensSchema.parse(await post(options, '/operator/tokens', body));
    const byUser = new Map(answer.tokens.map(({ user, token }) => [user, token]));
    return group.map((user) => found(byUser, user));
  });
}

function found(answers: ReadonlyMap<string, string>, key: string): string {
  const value = answers.get(key);
  if (value === undefined)
    throw new ReplayFailure(`The operator API did not answer for ${JSON.stringify(key)}.`);
  return value;
}

async function inGroups<Item>(
  items: readonly Item[],
  step: Step,
  task: (group: Item[]) => Promise<string[]>,
): Promise<string[]> {
  const groups = groupsOf(groupSize, items);
  const results: string[][] = [];
  await inParallel(callsMax, groups, async (group, index) => {
    results[index] = await task(group);
    step.add(group.length);
  });
  return results.flat();
}

async function post({ url, key }: OperatorOptions, path: string, body: unknown): Promise<unknown> {
  let response: Response;
  try {
    response = await fetch(`${url}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  } catch (error) {
    throw new UserError(
      `No server answers at ${url}: ${messageOf(error instanceof Error ? (error.cause ?? error) : error)}`,
    );
  }
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok) return answer;
  const problem = problemSchema.safeParse(answer);
  const why = problem.success ? `${problem.data.code}, ${problem.data.detail}` : `HTTP ${response.status}`;
  if (response.status === 401) throw new UserError(`The server at ${url} does not take this operator key.`);
  throw new ReplayFailure(`${path} was refused: ${why}`);
}
