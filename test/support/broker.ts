/**
 * What a test run finds out or starts once. Test files run in processes of their own and ask over a socket; the answer
 * comes from the process that lives as long as the run, which its environment names.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Each question is answered once; whoever asks later is told the same. */
export type Answers = Readonly<Record<string, () => Promise<unknown>>>;

/** @returns ends it */
export async function serveAnswers(variable: string, answers: Answers): Promise<() => void> {
  const known = new Map<string, Promise<unknown>>();
  const answer = (question: string) => {
    const found = known.get(question) ?? Promise.resolve(answers[question]?.());
    known.set(question, found);
    return found;
  };
  const server = createServer((socket) => {
    socket.on('error', () => {});
    socket.setEncoding('utf8').once('data', (question: string) => {
      answer(question).then(
        (value) => socket.end(JSON.stringify({ value })),
        (error: Error) => socket.end(JSON.stringify({ error: error.message })),
      );
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  process.env[variable] = String(address.port);
  return () => server.close();
}

const asked = new Map<string, Promise<unknown>>();

/** @param alone how to find it out outside of a test run; once, too */
export function ask<Value>(variable: string, question: string, alone: () => Promise<Value>): Promise<Value> {
  const port = process.env[variable];
  const found = asked.get(question) ?? (port === undefined ? alone() : askBroker(Number(port), question));
  asked.set(question, found);
  return found as Promise<Value>;
}

async function askBroker(port: number, question: string): Promise<unknown> {
  const socket = connect(port, '127.0.0.1').setEncoding('utf8');
  let text = '';
  socket.on('data', (chunk: string) => {
    text += chunk;
  });
  socket.write(question);
  await once(socket, 'close');
  const { value, error } = JSON.parse(text) as { value?: unknown; error?: string };
  if (error !== undefined) throw new Error(error);
  return value;
}
