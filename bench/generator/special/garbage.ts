/**
 * Collects the garbage of a running Node process in all its threads, from outside: memory that nobody holds any more is
 * nobody's, and when it is given back is the collector's whim. The inspector is woken by a signal; it listens on the port
 * that the process was started with (`--inspect-port`), on loopback only.
 */

import { once } from 'node:events';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { WebSocket } from 'ws';

const attemptsMax = 50;
const attemptMs = 100;
/** What a thread may need for it. */
const answerMs = 20_000;

/** A port for the inspector: free now, and for the moment it takes to start. */
export async function inspectorPort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Of the environment of the process to be started. */
export function inspectable(port: number): Readonly<Record<string, string>> {
  return { NODE_OPTIONS: `--inspect-port=127.0.0.1:${port}` };
}

interface Reply {
  readonly id?: number;
  readonly method?: string;
  readonly params?: { readonly sessionId?: string; readonly message?: string };
  readonly error?: { readonly message: string };
}

export class GarbageCollector {
  /** Threads whose garbage is collected. */
  readonly threads: number;
  private readonly socket: WebSocket;
  private readonly sessions: readonly string[];
  private readonly waiting = new Map<number, { resolve: () => void; reject: (error: Error) => void }>();
  private calls = 0;

  private constructor(socket: WebSocket, sessions: readonly string[]) {
    this.socket = socket;
    this.sessions = sessions;
    this.threads = sessions.length + 1;
    socket.on('message', (data: Buffer) => this.onReply(JSON.parse(data.toString()) as Reply));
    socket.on('close', () => {
      for (const { reject } of this.waiting.values()) reject(new Error('the inspector is gone'));
    });
  }

  /** @throws Error when its inspector does not answer */
  static async attach(pid: number, port: number): Promise<GarbageCollector> {
    process.kill(pid, 'SIGUSR1');
    const socket = new WebSocket(await addressOf(port));
    await once(socket, 'open');
    return new GarbageCollector(socket, await workersBehind(socket));
  }

  /** Resolves when every thread has. */
  async collect(): Promise<void> {
    await Promise.all([
      this.call('HeapProfiler.collectGarbage', {}),
      ...this.sessions.map((sessionId) => this.callWorker(sessionId)),
    ]);
  }

  detach(): void {
    this.socket.terminate();
  }

  private call(method: string, params: object): Promise<void> {
    const id = ++this.calls;
    this.socket.send(JSON.stringify({ id, method, params }));
    return this.answerOf(id);
  }

  private callWorker(sessionId: string): Promise<void> {
    const id = ++this.calls;
    const answered = this.answerOf(id);
    const message = JSON.stringify({ id, method: 'HeapProfiler.collectGarbage' });
    const params = { sessionId, message };
    return Promise.all([this.call('NodeWorker.sendMessageToWorker', params), answered]).then(() => {});
  }

  private answerOf(id: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error('a thread did not collect its garbage in time')),
        answerMs,
      );
      const settle = (work: () => void) => {
        clearTimeout(timer);
        this.waiting.delete(id);
        work();
      };
      this.waiting.set(id, {
        resolve: () => settle(resolve),
        reject: (error) => settle(() => reject(error)),
      });
    });
  }

  private onReply(reply: Reply): void {
    if (reply.method === 'NodeWorker.receivedMessageFromWorker' && reply.params?.message !== undefined)
      return this.onReply(JSON.parse(reply.params.message) as Reply);
    const waiting = reply.id === undefined ? undefined : this.waiting.get(reply.id);
    if (reply.error === undefined) waiting?.resolve();
    else waiting?.reject(new Error(reply.error.message));
  }
}

/** The sessions of all workers: the inspector tells of each one that runs before it answers. */
function workersBehind(socket: WebSocket): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const sessions: string[] = [];
    const listen = (data: Buffer) => {
      const { id, method, params } = JSON.parse(data.toString()) as Reply;
      if (method === 'NodeWorker.attachedToWorker' && params?.sessionId !== undefined)
        sessions.push(params.sessionId);
      if (id !== 0) return;
      socket.off('message', listen);
      resolve(sessions);
    };
    socket.on('message', listen);
    socket.once('close', () => reject(new Error('the inspector is gone')));
    const params = { waitForDebuggerOnStart: false };
    socket.send(JSON.stringify({ id: 0, method: 'NodeWorker.enable', params }));
  });
}

/** The debugger's address, as soon as the inspector listens. */
async function addressOf(port: number): Promise<string> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const answer = await fetch(`http://127.0.0.1:${port}/json/list`);
      const [target] = (await answer.json()) as { webSocketDebuggerUrl: string }[];
      if (target !== undefined) return target.webSocketDebuggerUrl;
      if (attempt === attemptsMax) throw new Error('the inspector names no process');
    } catch (error) {
      if (attempt === attemptsMax) throw error;
    }
    await wait(attemptMs);
  }
}
