/**
 * The chat server one writes in an afternoon: `ws`, one INSERT per message, then the ack and a loop over the room's
 * sockets. Its own process; it says its port on standard output.
 */
import { createServer, type IncomingMessage } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';
import { type Messages, openMessages } from './messages.js';
import { userOf } from './tokens.js';

const environment = z.object({ SECRET: z.string(), DATABASE_URL: z.string() }).parse(process.env);
const requestSchema = z.union([
  z.object({ subscribe: z.array(z.string()) }),
  z.object({ ref: z.number(), room: z.string(), text: z.string() }),
]);

const rooms = new Map<string, Set<WebSocket>>();

function broadcast(room: string, author: string, text: string): void {
  // Made once for all: what a socket adds is the head of its frame.
  const message = Buffer.from(JSON.stringify({ room, author, text }));
  for (const socket of rooms.get(room) ?? []) socket.send(message, { binary: false });
}

function subscribe(socket: WebSocket, names: readonly string[]): void {
  for (const name of names) {
    const room = rooms.get(name) ?? new Set();
    rooms.set(name, room.add(socket));
    socket.once('close', () => room.delete(socket));
  }
  socket.send(JSON.stringify({ subscribed: names.length }));
}

async function onRequest(messages: Messages, socket: WebSocket, user: string, data: string): Promise<void> {
  const request = requestSchema.parse(JSON.parse(data));
  if ('subscribe' in request) {
    socket.setMaxListeners(0);
    subscribe(socket, request.subscribe);
    return;
  }
  const { ref, room, text } = request;
  try {
    await messages.insert({ room, author: user, body: text });
  } catch (error) {
    socket.send(JSON.stringify({ error: ref, why: (error as Error).message }));
    return;
  }
  socket.send(JSON.stringify({ ack: ref }));
  broadcast(room, user, text);
}

function serve(messages: Messages): void {
  const server = createServer();
  const sockets = new WebSocketServer({ server });
  sockets.on('connection', (socket: WebSocket, { headers }: IncomingMessage) => {
    const user = userOf(headers.authorization?.replace('Bearer ', '') ?? '', environment.SECRET);
    if (user === undefined) {
      socket.close(4401, 'no such token');
      return;
    }
    const refuse = (error: unknown) => socket.close(4400, (error as Error).message.slice(0, 100));
    socket.on('message', (data: Buffer) => {
      onRequest(messages, socket, user, data.toString()).catch(refuse);
    });
    socket.on('error', refuse);
  });
  server.listen(0, '127.0.0.1', () => {
    console.log(`listening on ${(server.address() as { port: number }).port}`);
  });
}

process.on('SIGTERM', () => process.exit(0));
serve(await openMessages(environment.DATABASE_URL));
