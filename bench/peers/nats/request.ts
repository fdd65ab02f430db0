/** One question to a NATS server, for what has to be made before the load. */
import { connect } from 'node:net';

const answerMs = 10_000;

/** @returns the body of the first answer @throws Error when there is none in time */
export function natsRequest(
  { port, token }: { readonly port: number; readonly token: string },
  subject: string,
  body: string,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port });
    const timer = setTimeout(() => socket.destroy(new Error(`NATS did not answer ${subject}.`)), answerMs);
    const inbox = '_INBOX.bench';
    let text = '';
    const hello = JSON.stringify({ verbose: false, auth_token: token });
    socket.write(`CONNECT ${hello}\r\nSUB ${inbox} 1\r\n`);
    socket.write(`PUB ${subject} ${inbox} ${Buffer.byteLength(body)}\r\n${body}\r\n`);
    socket.on('data', (chunk) => {
      text += chunk.toString();
      const found = /(?:^|\n)MSG _INBOX\.bench 1 (\d+)\r\n/.exec(text);
      const start = found === null ? 0 : found.index + found[0].length;
      if (found === null || text.length < start + Number(found[1])) return;
      clearTimeout(timer);
      socket.destroy();
      resolve(text.slice(start, start + Number(found[1])));
    });
    socket.on('error', reject);
    socket.on('close', () => reject(new Error(`NATS closed the connection: ${text.trim()}`)));
  });
}
