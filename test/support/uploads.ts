/** Uploads as a client makes them, and as one should not. */

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

export interface Uploader {
  /** `http://…` */
  readonly address: string;
  readonly token: string;
}

const tus = { 'tus-resumable': '1.0.0' };

export function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

export function ask(
  who: Uploader,
  line: string,
  headers: Record<string, string> = {},
  body?: Uint8Array,
): Promise<Response> {
  const [method = 'GET', path = ''] = line.split(' ');
  return fetch(`${who.address}${path}`, {
    method,
    headers: { authorization: `Bearer ${who.token}`, ...headers },
    ...(body === undefined ? {} : { body }),
  });
}

/** → the path of a new upload. @throws Error with the answer when it is refused */
export async function begin(who: Uploader, length: number, name = 'file', type = ''): Promise<string> {
  const metadata = `filename ${base64(name)},filetype ${base64(type)}`;
  const headers = { ...tus, 'upload-length': String(length), 'upload-metadata': metadata };
  const response = await ask(who, 'POST /attachments', headers);
  const place = response.headers.get('location');
  if (response.status !== 201 || place === null)
    throw new Error(`${response.status} ${await response.text()}`);
  await response.body?.cancel();
  return place;
}

export function patch(who: Uploader, path: string, offset: number, bytes: Uint8Array): Promise<Response> {
  const type = 'application/offset+octet-stream';
  return ask(who, `PATCH ${path}`, { ...tus, 'upload-offset': String(offset), 'content-type': type }, bytes);
}

/** → its path, once all of it was sent. @throws Error with the answer when it is refused */
export async function upload(who: Uploader, bytes: Uint8Array, name = 'file', type = ''): Promise<string> {
  const path = await begin(who, bytes.byteLength, name, type);
  const response = await patch(who, path, 0, bytes);
  if (response.status !== 204) throw new Error(`${response.status} ${await response.text()}`);
  return path;
}

export async function offsetOf(who: Uploader, path: string): Promise<number> {
  const response = await ask(who, `HEAD ${path}`, tus);
  return Number(response.headers.get('upload-offset') ?? 'NaN');
}

/** A PATCH whose body is sent by hand, as much as the test likes; without a length it comes in chunks of HTTP. */
export async function openPatch(
  who: Uploader,
  path: string,
  { offset, length }: { offset: number; length?: number },
): Promise<{ socket: Socket; answered: Promise<string> }> {
  const { hostname, port } = new URL(who.address);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  let text = '';
  const answered = new Promise<string>((resolve) => {
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      if (text.includes('\r\n\r\n')) resolve(text);
    });
    socket.on('close', () => resolve(text));
  });
  const head = {
    ...{ host: 'x', authorization: `Bearer ${who.token}`, ...tus },
    ...{ 'content-type': 'application/offset+octet-stream', 'upload-offset': String(offset) },
    ...(length === undefined ? { 'transfer-encoding': 'chunked' } : { 'content-length': String(length) }),
  };
  const lines = Object.entries(head).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`PATCH ${path} HTTP/1.1\r\n${lines.join('')}\r\n`);
  return { socket, answered };
}
