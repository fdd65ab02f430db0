/**
 * One member is banned while they send as fast as they can, on one of several sockets, and read and subscribe again on
 * others; whoever bans them goes on writing. What each of their sockets heard is kept for as long as it is open.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import type { Ack, LogEvent, WireError } from '#src/wire/events.js';
import type { Operation } from '#src/wire/operations.js';
import type { Person } from '#test/support/operator.js';
import { type Message, WireSocket } from '#test/support/wire-socket.js';

type Answer = Ack | WireError;

/** Messages that the one to be banned has under way in each conversation. */
const outstanding = 8;
const settleMsMax = 3_000;

/** What one socket was told about one conversation. */
interface Heard {
  lastSeq: number;
  hasHoles: boolean;
  hasEnded: boolean;
  /** Of the ban, when it was heard. */
  banSeq: number | undefined;
  /** Whatever was told of the conversation after the ban. */
  readonly afterBan: string[];
}

/** A socket and what it was told, by conversation. */
export class Door {
  readonly socket: WireSocket;
  readonly heard = new Map<string, Heard>();
  private readonly waiting = new Map<number, (answer: Answer) => void>();

  private constructor(socket: WireSocket) {
    this.socket = socket;
    socket.onMessage = (message) => this.take(message);
  }

  static async open(address: string, { token }: Person, codec: 'json' | 'msgpack'): Promise<Door> {
    return new Door(await WireSocket.open({ address, token, codec }));
  }

  ask(operation: Omit<Operation, 'ref'> & { op: string }): Promise<Answer> {
    return this.askAll([operation])[0] as Promise<Answer>;
  }

  /** In one frame. */
  askAll(operations: ReadonlyArray<Omit<Operation, 'ref'> & { op: string }>): Array<Promise<Answer>> {
    const given = operations.map((operation) => ({ ...operation, ref: this.socket.nextRef() }));
    const answers = given.map(
      ({ ref }) => new Promise<Answer>((resolve) => void this.waiting.set(ref, resolve)),
    );
    this.socket.post(given as Operation[]);
    return answers;
  }

  hearOf(conv: string, head: number): void {
    this.heard.set(conv, {
      lastSeq: head,
      hasHoles: false,
      hasEnded: false,
      banSeq: undefined,
      afterBan: [],
    });
  }

  private take(message: Message): void {
    const ref = 'ack' in message ? message.ack : 'err' in message ? message.err : undefined;
    if (typeof ref === 'number') {
      this.waiting.get(ref)?.(message as Answer);
      this.waiting.delete(ref);
    } else if ('conv' in message && 'ev' in message) this.hear(message as LogEvent);
  }

  private hear(event: LogEvent | { ev: string; conv: string; seq?: number }): void {
    const heard = this.heard.get(event.conv);
    if (heard === undefined) return;
    if (event.ev === 'unsubscribed') heard.hasEnded = true;
    else if (heard.banSeq !== undefined) heard.afterBan.push(event.ev);
    if (event.seq === undefined) return;
    heard.hasHoles ||= event.seq > heard.lastSeq + 1;
    heard.lastSeq = Math.max(heard.lastSeq, event.seq);
    if (event.ev === 'member.ban') heard.banSeq = event.seq;
  }
}

export interface Victim {
  readonly person: Person;
  /** On whichever fronts they came to. */
  readonly doors: readonly Door[];
}

export interface BanRace {
  readonly conv: string;
  readonly victim: Victim;
  readonly banSeq: number;
  readonly acked: readonly number[];
  /** As to somebody who is no member. */
  readonly refused: number;
  /** Answers that such a race does not explain. */
  readonly strange: readonly string[];
}

/** @param delayMs between the first message and the ban */
export async function banRace(
  owner: Door,
  victim: Victim,
  { delayMs }: { delayMs: number },
): Promise<BanRace> {
  const { person, doors } = victim;
  const id = uuidv7();
  const { conv = '' } = accepted(
    await owner.ask({ op: 'create', id, type: 'group', title: 'race', members: [person.user] } as never),
  );
  for (const door of doors) door.hearOf(conv, 1);
  await Promise.all(doors.map(async (door) => accepted(await door.ask({ op: 'subscribe', conv } as never))));
  const acked: number[] = [];
  const strange: string[] = [];
  const told = { heads: [] as number[], refused: 0, isOver: false };
  const sender = doors[0] as Door;
  const senders = Array.from({ length: outstanding }, () => send(sender, conv, { acked, told, strange }));
  const reader = look(doors.at(-1) as Door, conv, { told, strange });
  if (delayMs > 0) await sleep(delayMs);
  const banSeq = await ban(owner, conv, person.user);
  await Promise.all([...senders, reader]);
  await untilEnded(doors, conv);
  // A page or a subscription that was answered after the ban would say where the conversation stands now.
  if (told.heads.some((head) => head > banSeq)) strange.push(`told of a head after ${banSeq}`);
  return { conv, victim, banSeq, acked, refused: told.refused, strange };
}

interface Course {
  readonly told: { readonly heads: number[]; refused: number; isOver: boolean };
  readonly strange: string[];
}

/** Sends until it is refused as somebody who is not there. */
async function send(door: Door, conv: string, { acked, told, strange }: Course & { acked: number[] }) {
  for (;;) {
    const answer = await door.ask({ op: 'send', id: uuidv7(), conv, text: 'still here' } as never);
    if ('ack' in answer) acked.push(answer.seq ?? 0);
    else if (answer.code === 'not_found' && answer.stored === false) {
      told.refused += 1;
      told.isOver = true;
      return;
    } else if (answer.retryMs === undefined) {
      strange.push(JSON.stringify(answer));
      return;
    } else await sleep(answer.retryMs);
  }
}

/** Reads and subscribes again and again, until it is refused. */
async function look(door: Door, conv: string, { told, strange }: Course): Promise<void> {
  for (;;) {
    const answers = await Promise.all(
      door
        .askAll([
          { op: 'subscribe', conv },
          { op: 'history', conv, limit: 5 },
          { op: 'typing.start', conv },
        ] as never)
        .slice(0, 2),
    );
    for (const answer of answers) {
      if ('err' in answer && answer.code !== 'not_found' && answer.retryMs === undefined)
        strange.push(JSON.stringify(answer));
      if ('ack' in answer) for (const { seq } of answer.events ?? []) told.heads.push(seq);
      if ('ack' in answer && answer.head !== undefined) told.heads.push(answer.head);
    }
    if (answers.every((answer) => 'err' in answer && answer.code === 'not_found')) return;
    await sleep(1);
  }
}

/** In the midst of what the owner writes themselves. Returns the seq of the ban. */
async function ban(owner: Door, conv: string, member: string): Promise<number> {
  const say = () => ({ op: 'send', id: uuidv7(), conv, text: 'not for them' });
  const typing = { op: 'typing.start', conv };
  const answers = owner.askAll([say(), { op: 'ban', id: uuidv7(), conv, member }, say(), say()] as never);
  owner.socket.post([typing as Operation]);
  const seqs = await Promise.all(answers.map(async (answer) => accepted(await answer).seq ?? 0));
  owner.socket.post([typing as Operation]);
  await Promise.all(owner.askAll([say(), say()] as never).map(async (answer) => accepted(await answer)));
  return seqs[1] ?? 0;
}

async function untilEnded(doors: readonly Door[], conv: string): Promise<void> {
  const end = performance.now() + settleMsMax;
  while (doors.some((door) => door.heard.get(conv)?.hasEnded !== true)) {
    if (performance.now() > end) return;
    await sleep(2);
  }
}

function accepted(answer: Answer): Ack {
  if ('err' in answer) throw new Error(`refused: ${JSON.stringify(answer)}`);
  return answer;
}
