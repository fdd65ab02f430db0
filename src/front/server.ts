/**
 * The shell: uWebSockets.js around the front's core. Every front thread listens on the same port (SO_REUSEPORT).
 *
 * Nothing is ever thrown out of a handler: an uncaught error in a thread that holds an open App aborts the whole
 * process. For the same reason the App is closed when the thread ends, however it ends.
 */
import {
  App,
  type HttpRequest,
  type HttpResponse,
  type us_listen_socket,
  us_listen_socket_close,
  type us_socket,
  type us_socket_context_t,
  us_socket_local_port,
  type WebSocket,
} from 'uWebSockets.js';
import { StartError } from '../errors.js';
import type { Proxies } from '../people/proxies.js';
import { closeCodes } from '../wire/codes.js';
import { wireLimits } from '../wire/limits.js';
import type { Codec } from '../wire/prescan.js';
import type { Front } from './front.js';
import { HttpDoor } from './http.js';
import { frontLimits } from './limits.js';
import type { BroadcastPort } from './ports.js';
import { bearerOf } from './rest/bearer.js';
import type { Rest } from './rest/rest.js';
import type { Session } from './session.js';
import { chooseProtocol, isOriginAllowed } from './upgrade.js';
import { UwsSocket } from './uws-socket.js';

/**
 * Up to here a frame reaches us and is answered with `bad_frame` and 4500 (W2); beyond it uWebSockets.js cuts the
 * connection without a word.
 */
const payloadBytesMax = 2 * wireLimits.frameBytesMax;
/** The sweep pings and closes idle sockets; this is the net below it. Seconds, a multiple of 4. */
const idleSeconds = Math.ceil((2 * wireLimits.heartbeatMs) / 4000 + 5) * 4;

export interface ServerOptions {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Origins whose pages may connect, beside this host's own. */
  readonly allowedOrigins: readonly string[];
  /** Whose word counts for where a request comes from; nobody's when absent. */
  readonly proxies?: Proxies;
  /** As the core's `limits.bufferBytesMax`. */
  readonly bufferBytesMax?: number;
  readonly onFault: (error: unknown) => void;
}

export interface FrontServer {
  /** For the core: known before it, since the core publishes through the App. */
  readonly broadcast: BroadcastPort;
  /** Listens; resolves to the port. Rejects with StartError. */
  serve(front: Front, rest: Rest): Promise<number>;
  /** No new connections; those there are stay. */
  stopListening(): void;
  /** Ends every connection and lets the thread end. */
  close(): void;
}

/** What hangs on a socket. A fourth property would cost 24 bytes more: V8 makes room for three at a time. */
interface SocketData {
  /** For the session; let go once it has them. */
  opening: { readonly codec: Codec; readonly token: string | undefined } | undefined;
  socket: UwsSocket | undefined;
  session: Session | undefined;
}

export function createServer(options: ServerOptions): FrontServer {
  const app = App();
  let listening: us_listen_socket | undefined;
  let isClosed = false;

  function stopListening(): void {
    if (listening === undefined) return;
    us_listen_socket_close(listening);
    listening = undefined;
  }

  function close(): void {
    if (isClosed) return;
    isClosed = true;
    listening = undefined;
    process.off('exit', close);
    app.close();
  }
  process.on('exit', close);

  return {
    broadcast: {
      publish(topic, frame) {
        if (!isClosed) app.publish(topic, frame, typeof frame !== 'string');
      },
    },
    serve(front, rest) {
      const door = new HttpDoor(rest, options.onFault, options.proxies);
      app.ws<SocketData>('/ws', socketBehavior(front, options));
      app.any('/*', (response, request) => {
        guarded(
          options.onFault,
          () => response.close(),
          () => door.handle(response, request),
        );
      });
      return new Promise((resolve, reject) => {
        app.listen(options.host, options.port, (socket) => {
          if (socket === false) {
            reject(new StartError(`Cannot listen on ${options.host}:${options.port}.`));
            return;
          }
          listening = socket;
          resolve(us_socket_local_port(socket as us_socket));
        });
      });
    },
    stopListening,
    close,
  };
}

function socketBehavior(front: Front, options: ServerOptions) {
  const { onFault } = options;
  /** Runs a handler of a live socket; what it throws costs this socket only. */
  function run(socket: WebSocket<SocketData>, handler: (session: Session) => void): void {
    const { session } = socket.getUserData();
    if (session === undefined) return;
    guarded(
      onFault,
      () => session.close('restarted'),
      () => handler(session),
    );
  }
  return {
    maxPayloadLength: payloadBytesMax,
    maxBackpressure: options.bufferBytesMax ?? frontLimits.bufferBytesMax,
    closeOnBackpressureLimit: false,
    idleTimeout: idleSeconds,
    sendPingsAutomatically: false,
    upgrade(response: HttpResponse, request: HttpRequest, context: us_socket_context_t) {
      guarded(
        onFault,
        () => response.close(),
        () => upgrade(front, options, response, request, context),
      );
    },
    open(socket: WebSocket<SocketData>) {
      const data = socket.getUserData();
      guarded(
        onFault,
        () => socket.end(closeCodes.restarted.code),
        () => {
          const { opening } = data;
          if (opening === undefined) throw new Error('a socket was opened twice');
          data.opening = undefined;
          data.socket = new UwsSocket(socket);
          data.session = front.openSession(data.socket, opening.codec);
          // Last: it may end the socket, and `close` must find the session.
          if (opening.token !== undefined) data.session.authenticate(opening.token);
        },
      );
    },
    message(socket: WebSocket<SocketData>, message: ArrayBuffer) {
      run(socket, (session) => session.onFrame(new Uint8Array(message)));
    },
    dropped(socket: WebSocket<SocketData>, message: ArrayBuffer) {
      const { session } = socket.getUserData();
      // Not even closed here: uWebSockets.js is walking this socket's topics.
      if (session !== undefined)
        guarded(
          onFault,
          () => undefined,
          () => session.onDropped(new Uint8Array(message)),
        );
    },
    drain(socket: WebSocket<SocketData>) {
      run(socket, (session) => session.onDrain());
    },
    ping(socket: WebSocket<SocketData>) {
      run(socket, (session) => session.heard());
    },
    pong(socket: WebSocket<SocketData>) {
      run(socket, (session) => session.heard());
    },
    close(socket: WebSocket<SocketData>) {
      const data = socket.getUserData();
      data.socket?.closed();
      guarded(
        onFault,
        () => undefined,
        () => data.session?.onClose(),
      );
    },
  };
}

/** Everything is read before anything is written: the request is gone afterwards. */
function upgrade(
  front: Front,
  options: ServerOptions,
  response: HttpResponse,
  request: HttpRequest,
  context: us_socket_context_t,
): void {
  if (front.isDraining) return refuse(response, '503 Service Unavailable', 'The server is stopping.');
  // Each header that is asked for is a string made anew: only what is needed.
  const origin = request.getHeader('origin');
  if (origin !== '' && !isOriginAllowed(origin, request.getHeader('host'), options.allowedOrigins)) {
    return refuse(response, '403 Forbidden', 'This origin may not connect.');
  }
  const chosen = chooseProtocol(request.getHeader('sec-websocket-protocol'));
  if (chosen === undefined) {
    return refuse(response, '400 Bad Request', 'The subprotocols are nubo.v1.msgpack and nubo.v1.json.');
  }
  const data: SocketData = {
    opening: { codec: chosen.codec, token: bearerOf(request.getHeader('authorization')) },
    // Named here, or they would cost an object of their own.
    socket: undefined,
    session: undefined,
  };
  response.upgrade(
    data,
    request.getHeader('sec-websocket-key'),
    chosen.protocol,
    // No extension is taken.
    '',
    context,
  );
}

function refuse(response: HttpResponse, status: string, text: string): void {
  response.cork(() => {
    response.writeStatus(status).writeHeader('content-type', 'text/plain');
    if (status.startsWith('503')) response.writeHeader('retry-after', '1');
    response.end(text, true);
  });
}

/** Runs `handler`; what it throws is reported, and `mend` is tried. Nothing gets out. */
function guarded(onFault: (error: unknown) => void, mend: () => void, handler: () => void): void {
  try {
    handler();
  } catch (error) {
    onFault(error);
    try {
      mend();
    } catch (second) {
      onFault(second);
    }
  }
}
