/** Calls of the REST API, with its problem documents as errors. */
import { z } from 'zod';
import { StartError } from '#src/errors.js';

const problemSchema = z.object({ code: z.string(), detail: z.string() });
const answerMs = 30_000;

/** The server refused: `code` is one of the table of error codes. */
export class RestError extends Error {
  override readonly name = 'RestError';
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class RestClient {
  private readonly url: string;

  /** `url`: `http://host:port` */
  constructor(url: string) {
    this.url = url;
  }

  /**
   * One call; its answer as the schema says.
   *
   * @throws RestError when the server refuses, StartError when none answers there
   */
  async call<Schema extends z.ZodType>(
    method: 'GET' | 'POST',
    path: string,
    schema: Schema,
    { token, body }: { token?: string | undefined; body?: object } = {},
  ): Promise<z.output<Schema>> {
    const headers: Record<string, string> = { 'user-agent': 'nubo command' };
    if (token !== undefined) headers.authorization = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    const { status, json } = await this.fetch(path, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
    });
    if (status >= 400) throw refusalOf(status, json);
    const result = schema.safeParse(json);
    if (!result.success) throw new StartError(`${this.url} is no nubo server, or one of another version.`);
    return result.data;
  }

  private async fetch(path: string, init: RequestInit): Promise<{ status: number; json: unknown }> {
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${this.url}${path}`, { ...init, signal: AbortSignal.timeout(answerMs) });
      text = await response.text();
    } catch {
      throw new StartError(`No server answers at ${this.url}. Start one with: npm start`);
    }
    try {
      return { status: response.status, json: JSON.parse(text) };
    } catch {
      throw new StartError(`${this.url} is no nubo server: its answer is not JSON.`);
    }
  }
}

function refusalOf(status: number, json: unknown): RestError {
  const problem = problemSchema.safeParse(json);
  return problem.success
    ? new RestError(problem.data.code, problem.data.detail)
    : new RestError('internal', `The server answered ${status}.`);
}
