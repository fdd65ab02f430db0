/**
 * HTTP requests of uWebSockets.js: read whole, within bounds, or piece by piece where a route says so; handed to REST,
 * answered unless aborted.
 */

import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { STATUS_CODES } from 'node:http';
import { canonicalAddress } from '../people/addresses.js';
import type { Proxies } from '../people/proxies.js';
import { type Flow, IncomingBody } from './incoming-body.js';
import { type OutgoingBytes, type Outlet, sendBytes } from './outflow.js';
import type { Rest } from './rest/rest.js';
import type { RestRequest, RestResponse } from './rest/route.js';

/** Requests that this front answers at one time; beyond it they are told to come back. */
const requestsMax = 1024;
const noBody = new Uint8Array(0);
/** Of a body that nobody reads to its end, so that its client hears why. */
const discardBytesMax = 1024 * 1024;

export class HttpDoor {
  private readonly rest: Rest;
  private readonly onFault: (error: unknown) => void;
  private readonly proxies: Proxies | undefined;
  private open = 0;

  constructor(rest: Rest, onFault: (error: unknown) => void, proxies?: Proxies) {
    this.rest = rest;
    this.onFault = onFault;
    this.proxies = proxies;
  }

  /** The handler of every path. The request is only readable until it returns. */
  handle(response: HttpResponse, request: HttpRequest): void {
    if (isAmbiguous(request)) {
      response.close();
      return;
    }
    const head = headOf(response, request, this.proxies);
    const reply = new HttpReply(response, head.method === 'HEAD', this.onFault);
    if (this.rest.isStreamed(head.method, head.path)) return this.stream(response, head, reply);
    const bytesMax = this.rest.bodyBytesMax(head.method, head.path);
    if (this.open >= requestsMax) return reply.send(this.rest.overloaded(head), true);
    if (Number(head.header('content-length') ?? '0') > bytesMax)
      return reply.send(this.rest.tooLarge(head), true);

    this.open += 1;
    reply.onDone = () => {
      this.open -= 1;
    };
    let bytes = 0;
    const chunks: Buffer[] = [];
    response.onData((chunk, isLast) => {
      if (reply.isDone) return;
      bytes += chunk.byteLength;
      if (bytes > bytesMax) return reply.send(this.rest.tooLarge(head), true);
      // The memory is uWebSockets.js's again when this returns.
      if (chunk.byteLength > 0) chunks.push(Buffer.from(Buffer.from(chunk)));
      if (isLast) this.answer({ ...head, body: chunks.length === 0 ? noBody : Buffer.concat(chunks) }, reply);
    });
  }

  /** The handler reads the body; what it leaves is read and forgotten, up to a bound. */
  private stream(response: HttpResponse, head: RestRequest, reply: HttpReply): void {
    if (this.open >= requestsMax) return reply.send(this.rest.overloaded(head), true);
    this.open += 1;
    const body = new IncomingBody(new Throttle(response, reply));
    reply.onDone = () => {
      this.open -= 1;
      body.gone();
    };
    response.onData((chunk, isLast) => body.push(chunk, isLast));
    this.rest
      .handle({ ...head, stream: body })
      .then(async (answer) => reply.send(answer, !(await body.discard(discardBytesMax))))
      .catch((error: unknown) => {
        this.onFault(error);
        reply.cut();
      });
  }

  private answer(request: RestRequest, reply: HttpReply): void {
    this.rest.handle(request).then(
      (response) => reply.send(response, false),
      (error: unknown) => {
        this.onFault(error);
        reply.cut();
      },
    );
  }
}

/**
 * Stops and starts the reading of a socket. Never from within its own data handler: uWebSockets.js sets the clock again
 * when that returns, and would cut in ten seconds what is paused.
 */
class Throttle implements Flow {
  private readonly response: HttpResponse;
  private readonly reply: HttpReply;
  private isWanted = false;
  private isPaused = false;

  constructor(response: HttpResponse, reply: HttpReply) {
    this.response = response;
    this.reply = reply;
  }

  pause(): void {
    this.isWanted = true;
    setImmediate(() => {
      if (!this.isWanted || this.isPaused || this.reply.isDone) return;
      this.isPaused = true;
      this.response.pause();
    });
  }

  resume(): void {
    this.isWanted = false;
    if (!this.isPaused || this.reply.isDone) return;
    this.isPaused = false;
    this.response.resume();
  }
}

/** One response: sent at most once, and not at all when the client has gone. */
class HttpReply implements Outlet {
  isDone = false;
  onDone: (() => void) | undefined;
  onGone: (() => void) | undefined;
  readonly response: HttpResponse;
  private readonly isHead: boolean;
  private readonly onFault: (error: unknown) => void;
  private isSending = false;

  constructor(response: HttpResponse, isHead: boolean, onFault: (error: unknown) => void) {
    this.response = response;
    this.isHead = isHead;
    this.onFault = onFault;
    response.onAborted(() => {
      this.done();
      this.onGone?.();
    });
  }

  /** `closes`: the rest of the body is not worth reading. */
  send(answer: RestResponse, closes: boolean): void {
    const { status, body, bytes } = answer;
    if (this.isSending) return;
    if (bytes !== undefined && !this.isHead) return this.pour(answer, bytes);
    if (this.isDone) return;
    this.done();
    const { response } = this;
    response.cork(() => {
      this.writeHead(answer);
      if (this.isHead) response.endWithoutBody(bytes?.length ?? Buffer.byteLength(body), closes);
      else if (status === 204 || status === 304) endEmpty(response, closes);
      else response.end(body, closes);
    });
  }

  /** Also for a client that has gone: whoever gives the pieces is told to stop. */
  private pour(answer: RestResponse, bytes: OutgoingBytes): void {
    this.isSending = true;
    sendBytes(this, bytes, () => this.writeHead(answer)).catch((error: unknown) => {
      // Its length is promised: that something failed can only be told by the end of the connection.
      this.onFault(error);
      this.cut();
    });
  }

  private writeHead({ status, headers }: RestResponse): void {
    this.response.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
    for (const [name, value] of Object.entries(headers)) this.response.writeHeader(name, value);
  }

  cut(): void {
    if (this.isDone) return;
    this.response.close();
  }

  done(): void {
    if (this.isDone) return;
    this.isDone = true;
    this.onDone?.();
  }
}

/** An undefined length would be sent as one, of 2^63. */
function endEmpty(response: HttpResponse, closes: boolean): void {
  if (closes) response.endWithoutBody(0, true);
  else response.endWithoutBody();
}

/** A body with two lengths: somebody between the client and us may see its end elsewhere, and a second request. */
function isAmbiguous(request: HttpRequest): boolean {
  let lengths = 0;
  request.forEach((name) => {
    if (name === 'content-length') lengths += 1;
  });
  return lengths > 1;
}

const forwardedFor = 'x-forwarded-for';

function headOf(response: HttpResponse, request: HttpRequest, proxies: Proxies | undefined): RestRequest {
  const headers = new Map<string, string>();
  request.forEach((name, value) => {
    const before = name === forwardedFor ? headers.get(name) : undefined;
    // A proxy may add a header of its own below that of its client: they are one list.
    headers.set(name, before === undefined ? value : `${before},${value}`);
  });
  const peer = addressText(response.getRemoteAddressAsText());
  return {
    method: request.getCaseSensitiveMethod().toUpperCase(),
    path: request.getUrl(),
    query: new URLSearchParams(request.getQuery()),
    header: (name) => headers.get(name) || undefined,
    body: noBody,
    address: proxies?.clientOf(peer, headers.get(forwardedFor)) ?? peer,
  };
}

/** The peer in the one short form that limits and logs count by. */
function addressText(bytes: ArrayBuffer): string {
  return canonicalAddress(Buffer.from(bytes).toString('latin1')) ?? 'unknown';
}
