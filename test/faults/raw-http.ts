/** HTTP as bytes, for requests that no decent client can be made to send. */
import { connect } from 'node:net';
import type { Case, Scene } from './bad-cases.js';

const waitMs = 3_000;

interface Raw {
  readonly status: number;
  readonly text: string;
  /** Answers in one connection. */
  readonly answers: number;
}

/** Sends bytes as they are and reads until the server closes, or for a while. */
export function raw({ server }: Scene, ...parts: Array<string | Buffer>): Promise<Raw> {
  const { hostname, port } = new URL(server.address);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname);
    let text = '';
    const finish = () => {
      clearTimeout(timer);
      socket.destroy();
      const statuses = [...text.matchAll(/HTTP\/1\.1 (\d{3})/g)];
      resolve({ status: Number(statuses[0]?.[1] ?? 0), text, answers: statuses.length });
    };
    const timer = setTimeout(finish, waitMs);
    socket.on('data', (bytes) => {
      text += bytes.toString('latin1');
      // Everything that is asked here is answered in one packet.
      setTimeout(finish, 50);
    });
    socket.on('error', finish);
    socket.on('close', finish);
    for (const part of parts) socket.write(part);
  });
}

export function post(
  scene: Scene,
  path: string,
  body: string | Buffer,
  headers: Record<string, string> = {},
): Promise<Raw> {
  const all = {
    host: 'localhost',
    authorization: `Bearer ${scene.alice.token}`,
    'content-type': 'application/json',
    'content-length': String(Buffer.byteLength(body)),
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return raw(scene, `POST ${path} HTTP/1.1\r\n${lines.join('')}\r\n`, body);
}

export function get(scene: Scene, path: string, method = 'GET'): Promise<Raw> {
  return raw(
    scene,
    `${method} ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${scene.alice.token}\r\n\r\n`,
  );
}

/** 0: the connection was ended without an answer. */
export function expect(name: string, ask: (scene: Scene) => Promise<Raw>, ...statuses: number[]): Case {
  return {
    name,
    async run(scene) {
      const { status, text, answers } = await ask(scene);
      if (answers > 1) return `was answered ${answers} times: ${text.slice(0, 200)}`;
      if (!statuses.includes(status)) return `answered ${status || 'nothing'}: ${text.slice(-300)}`;
      const isProblem =
        status < 400 ||
        !text.includes('content-type: application/problem+json') ||
        isProblemText(text, status);
      return isProblem ? undefined : `not a problem document: ${text.slice(-300)}`;
    },
  };
}

function isProblemText(text: string, status: number): boolean {
  const body = text.slice(text.indexOf('\r\n\r\n') + 4);
  if (body === '') return true;
  const problem = JSON.parse(Buffer.from(body, 'latin1').toString()) as {
    status?: number;
    code?: string;
    type?: string;
  };
  return problem.status === status && problem.type === `urn:nubo:error:${problem.code}`;
}

export function upgrade(
  scene: Scene,
  lines: string,
  key = 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n',
): Promise<Raw> {
  return raw(
    scene,
    `GET /ws HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-version: 13\r\n${key}${lines}\r\n`,
  );
}

export const messages = ({ room }: Scene) => `/conversations/${room}/messages`;
export const text = (value: unknown) => JSON.stringify({ text: value });
