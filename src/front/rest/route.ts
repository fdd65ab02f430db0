/** One route: the router, the checks, the documentation and the handler are all made from it (R3). */
import type { z } from 'zod';
import type { BodySource } from '../../media/body.js';
import type { Identity } from '../../people/identity.js';
import type { AttemptLimit } from '../../people/login-limits.js';
import type { OperationName } from '../../wire/operations.js';
import type { Front } from '../front.js';
import type { OutgoingBytes } from '../outflow.js';
import type { Media } from './media.js';
import type { ShardRates } from './rate-limit.js';

/** A request with its whole body, free of uWebSockets.js. */
export interface RestRequest {
  /** As sent: `GET`. */
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Header by lower-case name; undefined when absent or empty. */
  header(name: string): string | undefined;
  readonly body: Uint8Array;
  /** Of a route that `streams`: the body, which is not in `body` then. */
  readonly stream?: BodySource;
  /** Of the client, as text: the peer, or whom a trusted proxy names. */
  readonly address: string;
}

export interface RestResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Sent in the place of `body`. */
  readonly bytes?: OutgoingBytes;
}

export interface Readiness {
  readonly ready: boolean;
  /** Dependency → what it says. */
  readonly checks: Readonly<Record<string, string>>;
}

/** Answers of the process itself, which the front thread cannot give alone. */
export interface Providers {
  health(): Promise<Readonly<Record<string, unknown>>>;
  readiness(): Promise<Readiness>;
  /** The text format of Prometheus, all threads added up (O3). */
  metrics(): Promise<{ contentType: string; text: string }>;
}

/** What handlers reach. */
export interface RestPorts {
  readonly front: Pick<
    Front,
    'ask' | 'call' | 'authenticate' | 'shardOf' | 'shardCount' | 'isDraining' | 'counters' | 'rates'
  >;
  /** Makes a UUIDv7 for a request that brings none (R2). */
  makeId(): string;
  readonly providers: Providers;
  /** What the shards hold users to, to be told (R7). */
  readonly shardRates: ShardRates;
  /** Absent: the operator API is closed (H7). */
  readonly operatorKey?: string | undefined;
  /** Anybody may read /metrics; else see operations.ts. */
  readonly openMetrics: boolean;
  /** Origins whose pages may call; none by default. */
  readonly allowedOrigins: readonly string[];
  /** Absent: no attachments here. */
  readonly media?: Media | undefined;
  /** Told in /openapi.json. */
  readonly version: string;
  /** Errors that are a bug of ours. */
  onFault(error: unknown): void;
}

export interface HandlerInput<Params, Query, Body> {
  readonly ports: RestPorts;
  readonly request: RestRequest;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
}

/** With the user of the token. */
export type UserInput<Params, Query, Body> = HandlerInput<Params, Query, Body> & {
  readonly identity: Identity;
};
/** With the id of the operation: the client's `Idempotency-Key` or one made here (R2). */
export type DurableInput<Params, Query, Body> = UserInput<Params, Query, Body> & { readonly id: string };

export interface Reply {
  /** The route's own when absent. */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON; a `text` goes as it is. Absent: no body. */
  readonly json?: unknown;
  readonly text?: string;
  readonly bytes?: OutgoingBytes;
}

/**
 * `public`: anybody. `user`: a token. `durable`: a token, and the operation is stored under an id. `operator`: the
 * operator key. `metrics`: see operations.ts.
 */
export type Access = 'public' | 'user' | 'durable' | 'operator' | 'metrics';

interface Inputs<Params, Query, Body> {
  public: HandlerInput<Params, Query, Body>;
  metrics: HandlerInput<Params, Query, Body>;
  operator: HandlerInput<Params, Query, Body>;
  user: UserInput<Params, Query, Body>;
  durable: DurableInput<Params, Query, Body>;
}

type Fields = Record<string, z.ZodType>;
type Parsed<Schema> = Schema extends z.ZodType ? z.output<Schema> : undefined;

export interface RouteDefinition<
  A extends Access,
  Params extends z.ZodObject<Fields> | undefined,
  Query extends z.ZodObject<Fields> | undefined,
  Body extends z.ZodType | undefined,
> {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** `/conversations/{id}`: the names are those of `params`. */
  readonly path: string;
  /** Other paths for the same. */
  readonly aliases?: readonly string[];
  readonly access: A;
  readonly tag: string;
  readonly summary: string;
  /** Operations of the wire that do the same (W17). */
  readonly operations?: readonly OperationName[];
  readonly params?: Params;
  /** Query values are texts: numbers by `z.coerce`. */
  readonly query?: Query;
  readonly body?: Body;
  /** Limits of attempts that count here, of whoever asks. */
  readonly attempts?: readonly AttemptLimit[];
  /** The handler reads the body piece by piece, as large as it may be. */
  readonly streams?: true;
  /** Told to whoever asks by OPTIONS what is possible here. */
  readonly optionHeaders?: (ports: RestPorts) => Readonly<Record<string, string>>;
  /** Largest body; 64 KiB when absent. */
  readonly bodyBytesMax?: number;
  /** Largest array in the body; 256 when absent. */
  readonly bodyItemsMax?: number;
  /** Status of success and what is answered then; no schema: no body, or text. */
  readonly status: number;
  readonly response?: z.ZodType;
  handle(input: Inputs<Parsed<Params>, Parsed<Query>, Parsed<Body>>[A]): Promise<Reply>;
}

/** A route whose types have been checked where it was written. */
export interface Route
  extends Omit<
    RouteDefinition<Access, undefined, undefined, undefined>,
    'params' | 'query' | 'body' | 'handle'
  > {
  readonly params?: z.ZodObject<Fields>;
  readonly query?: z.ZodObject<Fields>;
  readonly body?: z.ZodType;
  handle(input: DurableInput<unknown, unknown, unknown>): Promise<Reply>;
}

export function route<
  A extends Access,
  Params extends z.ZodObject<Fields> | undefined = undefined,
  Query extends z.ZodObject<Fields> | undefined = undefined,
  Body extends z.ZodType | undefined = undefined,
>(definition: RouteDefinition<A, Params, Query, Body>): Route {
  // The dispatcher hands over exactly what the access and the schemas promise; only the table forgets the types.
  return definition as unknown as Route;
}
