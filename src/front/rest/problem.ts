/** Errors as RFC 9457 problem documents, with the codes of the wire (R1). */
import { STATUS_CODES } from 'node:http';
import { z } from 'zod';
import { NuboError, refusalOf } from '../../errors.js';
import type { Refusal } from '../../threads/messages.js';
import { type ErrorName, errorCodes } from '../../wire/codes.js';
import { RefusedError } from '../calls.js';
import type { RestResponse } from './route.js';

const errorNames = Object.keys(errorCodes) as [ErrorName, ...ErrorName[]];

export const problemSchema = z
  .object({
    type: z.string().meta({ description: '`urn:nubo:error:` and the code.' }),
    title: z.string(),
    status: z.number().int(),
    detail: z.string().meta({ description: 'What was wrong with this request; the words may change.' }),
    code: z.enum(errorNames).meta({ description: 'Stable: what programs decide by.' }),
    retryMs: z.number().int().optional().meta({ description: 'Wait this long, then send the same again.' }),
    stored: z
      .literal(false)
      .optional()
      .meta({ description: 'This operation never appears. Absent: unknown, or nobody looked.' }),
    at: z.number().int().optional().meta({ description: "The server's time in Unix milliseconds." }),
  })
  .meta({ id: 'Problem' });

/** An answer of HTTP itself: a status of its own, with the nearest code. */
export class HttpError extends NuboError {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    code: ErrorName,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    retryMs?: number,
  ) {
    super(code, message, { code, message, ...(retryMs === undefined ? {} : { retryMs }) } as Refusal);
    this.status = status;
    this.headers = headers;
  }
}

/** `onFault` hears of errors that are no refusal. */
export function problemOf(error: unknown, onFault: (error: unknown) => void): RestResponse {
  if (error instanceof HttpError) return problem(error.status, refusalOf(error), error.headers);
  if (error instanceof RefusedError) return problem(errorCodes[error.code].status, error.refusal);
  if (error instanceof NuboError) return problem(errorCodes[error.code].status, refusalOf(error));
  onFault(error);
  return problem(500, { code: 'internal', message: 'A bug of the server; the outcome is unknown.' });
}

function problem(
  status: number,
  refusal: Refusal,
  headers: Readonly<Record<string, string>> = {},
): RestResponse {
  const { code, message, retryMs, stored, at } = refusal;
  const body: z.output<typeof problemSchema> = {
    type: `urn:nubo:error:${code}`,
    title: STATUS_CODES[status] ?? code,
    status,
    detail: message,
    code,
    ...(retryMs === undefined ? {} : { retryMs }),
    ...(stored === undefined ? {} : { stored }),
    ...(at === undefined ? {} : { at }),
  };
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(retryMs === undefined ? {} : { 'retry-after': String(Math.ceil(retryMs / 1000)) }),
      ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
      ...headers,
    },
    body: JSON.stringify(body),
  };
}
