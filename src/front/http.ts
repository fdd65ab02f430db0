/** HTTP requests of uWebSockets.js: read whole, within bounds, handed to REST, answered unless aborted. */

import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import { STATUS_CODES } from 'node:http';
import { canonicalAddress } from '../people/addresses.js';
import type { Rest } from './rest/rest.js';
import type { RestRequest, RestResponse } from './rest/route.js';

/** Requests that this front answers at one time; beyond it they are told to come back. */
const requestsMax = 1024;
const noBody = new Uint8Array(0);

export class HttpDoor {
  private readonly rest: Rest;
  private readonly onFault: (error: unknown) => void;
  private open = 0;

  constructor(rest: Rest, onFault: (error: unknown) => void) {
    this.rest = rest;
    this.onFault = onFault;
  }

  /** The handler of every path. The request is only readable until it returns. */
  handle(response: HttpResponse, request: HttpRequest): void {
    if (isAmbiguous(request)) {
      response.close();
      return;
    }
    const head = headOf(response, request);
    const reply = new HttpReply(response, head.method === 'HEAD');
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

/** One response: sent at most once, and not at all when the client has gone. */
class HttpReply {
  isDone = false;
  onDone: (() => void) | undefined;
  private readonly response: HttpResponse;
  private readonly isHead: boolean;

  constructor(response: HttpResponse, isHead: boolean) {
    this.response = response;
    this.isHead = isHead;
    response.onAborted(() => this.done());
  }

  /** `closes`: the rest of the body is not worth reading. */
  send({ status, headers, body }: RestResponse, closes: boolean): void {
    if (this.isDone) return;
    this.done();
    const { response } = this;
    response.cork(() => {
      response.writeStatus(`${status} ${STATUS_CODES[status] ?? ''}`);
      for (const [name, value] of Object.entries(headers)) response.writeHeader(name, value);
      if (this.isHead) response.endWithoutBody(Buffer.byteLength(body), closes);
      else if (status === 204) response.endWithoutBody(undefined, closes);
      else response.end(body, closes);
    });
  }

  cut(): void {
    if (this.isDone) return;
    this.response.close();
  }

  private done(): void {
    if (this.isDone) return;
    this.isDone = true;
    this.onDone?.();
  }
}

/** A body with two lengths: somebody between the client and us may see its end elsewhere, and a second request. */
function isAmbiguous(request: HttpRequest): boolean {
  let lengths = 0;
  request.forEach((name) => {
    if (name === 'content-length') lengths += 1;
  });
  return lengths > 1;
}

function headOf(response: HttpResponse, request: HttpRequest): RestRequest {
  const headers = new Map<string, string>();
  request.forEach((name, value) => {
    headers.set(name, value);
  });
  return {
    method: request.getCaseSensitiveMethod().toUpperCase(),
    path: request.getUrl(),
    query: new URLSearchParams(request.getQuery()),
    header: (name) => headers.get(name) || undefined,
    body: noBody,
    address: addressText(response.getRemoteAddressAsText()),
  };
}

/** The peer in the one short form that limits and logs count by. */
function addressText(bytes: ArrayBuffer): string {
  return canonicalAddress(Buffer.from(bytes).toString('latin1')) ?? 'unknown';
}
