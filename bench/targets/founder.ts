/**
 * The one who makes a population's conversations: a user whose socket creates them, many at a time, and adds the members
 * that a creation has no room for. So no other connection is needed before the crowd's own.
 */
import { once } from 'node:events';
import { uuidv7 } from 'uuidv7';
import { WebSocket } from 'ws';
import { wireLimits } from '#src/wire/limits.js';
import { inParallel } from '../in-parallel.js';
import type { Person } from './operator.js';

/** Asked and not answered: the server holds back beyond it. */
const outstandingMax = 512;
/** Each asks the store whether the user exists, and a conversation asks for few at once. */
const addsAtOnce = 64;
const retryMs = 100;
const retried = new Set(['overloaded', 'unavailable', 'rate_limited']);

type Asked = Readonly<Record<string, unknown>>;
interface Answer {
  readonly ack?: number;
  readonly err?: number;
  readonly code?: string;
  readonly message?: string;
}

/** @returns the ids of the conversations, by room */
export async function found(
  socketUrl: string,
  founder: Person,
  rooms: readonly (readonly string[])[],
): Promise<string[]> {
  const socket = await Founder.open(socketUrl, founder.token);
  try {
    return await inParallel(outstandingMax, rooms, async (members, index) => {
      const id = idOf(index);
      const first = members.slice(0, wireLimits.createMembersMax);
      await socket.ask({ op: 'create', id, type: 'group', members: first });
      await inParallel(addsAtOnce, members.slice(first.length), (member) =>
        socket.ask({ op: 'add', id: uuidv7(), conv: id, member }),
      );
      return id;
    });
  } finally {
    socket.close();
  }
}

/** Its last eight digits are the room's number: random ones would coincide among 100,000, and the generator goes by them. */
function idOf(room: number): string {
  return uuidv7().slice(0, -8) + room.toString(16).padStart(8, '0');
}

class Founder {
  private readonly socket: WebSocket;
  private readonly waiting = new Map<
    number,
    { asked: Asked; resolve: () => void; reject: (error: Error) => void }
  >();
  private due: Asked[] = [];
  private ref = 0;

  static async open(url: string, token: string): Promise<Founder> {
    const socket = new WebSocket(url, 'nubo.v1.json', { headers: { authorization: `Bearer ${token}` } });
    const founder = new Founder(socket);
    await once(socket, 'open');
    return founder;
  }

  private constructor(socket: WebSocket) {
    this.socket = socket;
    // Text frames come as one Buffer, unless the library is told otherwise.
    socket.on('message', (data) => {
      const answers = JSON.parse((data as Buffer).toString()) as Answer | readonly Answer[];
      for (const answer of Array.isArray(answers) ? answers : [answers]) this.onAnswer(answer);
    });
    socket.on('error', (error) => this.fail(error));
    socket.on('close', (code) => this.fail(new Error(`nubo closed the founder's connection (${code}).`)));
  }

  /** Asked again until it is taken, with the same id: it happens once. */
  ask(asked: Asked): Promise<void> {
    return new Promise((resolve, reject) => this.send({ asked, resolve, reject }));
  }

  close(): void {
    this.socket.close();
  }

  private send(question: { asked: Asked; resolve: () => void; reject: (error: Error) => void }): void {
    this.ref += 1;
    this.waiting.set(this.ref, question);
    if (this.due.length === 0) queueMicrotask(() => this.flush());
    this.due.push({ ref: this.ref, ...question.asked });
  }

  /** What was asked in one turn, in frames that hold a few: a creation may name 200 members. */
  private flush(): void {
    const due = this.due;
    this.due = [];
    const each = due.some(({ members }) => Array.isArray(members) && members.length > 10) ? 4 : 64;
    for (let start = 0; start < due.length; start += each)
      this.socket.send(JSON.stringify(due.slice(start, start + each)));
  }

  private onAnswer({ ack, err, code = '', message = '' }: Answer): void {
    const ref = ack ?? err;
    const question = ref === undefined ? undefined : this.waiting.get(ref);
    if (ref === undefined || question === undefined) return;
    this.waiting.delete(ref);
    if (ack !== undefined) question.resolve();
    else if (retried.has(code)) setTimeout(() => this.send(question), retryMs);
    else question.reject(new Error(`A room of the bench was refused: ${code}, ${message}`));
  }

  private fail(error: Error): void {
    for (const { reject } of this.waiting.values()) reject(error);
    this.waiting.clear();
  }
}
