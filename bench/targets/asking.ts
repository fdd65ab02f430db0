/** Single requests to nubo's REST API, for a scenario that looks at the answers. */
import type { RunningNubo } from './nubo.js';

export interface Question {
  readonly token: string;
  readonly path: string;
  /** Asked by POST when there is one, else by GET. */
  readonly body?: object;
}

/** @throws Error when it is refused */
export async function askNubo<Answer>(
  { url }: Pick<RunningNubo, 'url'>,
  { token, path, body }: Question,
): Promise<Answer> {
  const authorization = `Bearer ${token}`;
  const response = await fetch(
    `${url}${path}`,
    body === undefined
      ? { headers: { authorization } }
      : {
          method: 'POST',
          headers: { authorization, 'content-type': 'application/json' },
          body: JSON.stringify(body),
        },
  );
  if (!response.ok) throw new Error(`${path} was answered with ${response.status}`);
  return (await response.json()) as Answer;
}
