/** A conversation with Tinode for what has to be made before the load: one question, one answer. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { WebSocket } from 'ws';

export interface Answer {
  readonly code: number;
  readonly topic?: string;
  readonly params?: Readonly<Record<string, string | undefined>>;
}

interface Control extends Answer {
  readonly id?: string;
}

/** What this bench was written against; the server takes any lower one. */
const protocolVersion = '0.22';
const attemptsMax = 100;
const retryMs = 50;

export class TinodeSession {
  private readonly socket: WebSocket;
  private readonly waiting = new Map<
    string,
    { resolve: (answer: Answer) => void; reject: (error: Error) => void }
  >();
  private asked = 0;

  static async open(url: string): Promise<TinodeSession> {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    const session = new TinodeSession(socket);
    await once(socket, 'open');
    await session.ask('hi', { ver: protocolVersion });
    return session;
  }

  private constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data: Buffer) => this.onMessage(data.toString()));
    socket.on('error', (error) => this.fail(error));
    socket.on('close', () => this.fail(new Error('Tinode closed the connection.')));
  }

  /** Asked again while the topic is locked, as it is when it is just being loaded. @throws Error when it is refused */
  async ask(kind: string, question: Readonly<Record<string, unknown>>): Promise<Answer> {
    for (let attempt = 1; ; attempt++) {
      const answer = await this.askOnce(kind, question);
      if (answer.code < 400) return answer;
      if (answer.code !== 503 || attempt === attemptsMax)
        throw new Error(`Tinode answered ${kind} with ${answer.code}.`);
      await sleep(retryMs);
    }
  }

  private askOnce(kind: string, question: Readonly<Record<string, unknown>>): Promise<Answer> {
    const id = String(++this.asked);
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.socket.send(JSON.stringify({ [kind]: { id, ...question } }));
    });
  }

  /** A new account without credentials: it is known by its token alone. */
  async makeAccount(): Promise<{ user: string; token: string }> {
    const { params } = await this.ask('acc', { user: 'new', scheme: 'anonymous', login: true });
    const { user, token } = params ?? {};
    if (user === undefined || token === undefined) throw new Error('Tinode made an account without a token.');
    return { user, token };
  }

  close(): void {
    this.socket.close();
  }

  private onMessage(text: string): void {
    const { ctrl } = JSON.parse(text) as { ctrl?: Control };
    const question = this.waiting.get(ctrl?.id ?? '');
    if (ctrl === undefined || question === undefined) return;
    this.waiting.delete(ctrl.id ?? '');
    question.resolve(ctrl);
  }

  private fail(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
