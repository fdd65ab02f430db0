/**
 * The same with socket.io and its rooms and acknowledgements, WebSocket transport only; with one INSERT per message when
 * it is given a database. Its own process; it says its port on standard output.
 */
import { createServer } from 'node:http';
import { Server, type Socket } from 'socket.io';
import { z } from 'zod';
import { type Messages, openMessages } from './messages.js';
import { userOf } from './tokens.js';

const environment = z.object({ SECRET: z.string(), DATABASE_URL: z.string().optional() }).parse(process.env);
const joinSchema = z.array(z.string());
const sendSchema = z.tuple([z.string(), z.string()]);
/** Far apart: a run is not to be measured by its pings. */
const pingInterval = 600_000;

type Ack = (why?: string) => void;

function serve(messages: Messages | undefined): void {
  const server = createServer();
  const io = new Server(server, { transports: ['websocket'], pingInterval, serveClient: false });
  io.use((socket, next) => {
    const user = userOf(String(socket.handshake.auth.token), environment.SECRET);
    socket.data.user = user;
    next(user === undefined ? new Error('no such token') : undefined);
  });
  const onSend = async (socket: Socket, room: string, text: string, ack: Ack) => {
    await messages?.insert({ room, author: socket.data.user as string, body: text });
    ack();
    io.to(room).emit('message', room, text);
  };
  io.on('connection', (socket) => {
    socket.on('join', async (names: unknown, ack: Ack) => {
      await socket.join(joinSchema.parse(names));
      ack();
    });
    socket.on('send', (room: unknown, text: unknown, ack: Ack) => {
      onSend(socket, ...sendSchema.parse([room, text]), ack).catch((error: Error) => ack(error.message));
    });
  });
  server.listen(0, '127.0.0.1', () => {
    console.log(`listening on ${(server.address() as { port: number }).port}`);
  });
}

process.on('SIGTERM', () => process.exit(0));
const { DATABASE_URL: url } = environment;
serve(url === undefined ? undefined : await openMessages(url));
