/** What every kind of bad input is tried with: one server, two people, a room, and a word on how it went. */
import { uuidv7 } from 'uuidv7';
import type { Codec } from '#src/wire/codec.js';
import type { Ack, WireError } from '#src/wire/events.js';
import type { Person } from '#test/support/operator.js';
import type { TestServer } from '#test/support/server.js';
import { WireSocket } from '#test/support/wire-socket.js';

export interface Scene {
  readonly server: TestServer;
  /** Key of nubo's own tokens. */
  readonly secret: string;
  /** Owner of the room, and a member of it. */
  readonly alice: Person;
  readonly bob: Person;
  /** Not in the room. */
  readonly carol: Person;
  readonly room: string;
  readonly short: boolean;
  readonly log: (line: string) => void;
}

/** One input and its documented answer. */
export interface Case {
  readonly name: string;
  /** Resolves to what was wrong with the answer; undefined: nothing. */
  run(scene: Scene): Promise<string | undefined>;
  /** It has gone wrong when it takes longer, in milliseconds. */
  readonly msMax?: number;
}

const caseMsMax = 15_000;

export interface Outcome {
  tried: number;
  readonly wrong: string[];
}

/** Runs cases in their order, `atOnce` of them at a time; what throws is wrong, too. */
export async function runCases(scene: Scene, cases: readonly Case[], atOnce = 1): Promise<Outcome> {
  const outcome: Outcome = { tried: 0, wrong: [] };
  const left = [...cases];
  const work = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const fault = await inTime(scene, next).catch((error: unknown) => String(error));
      outcome.tried += 1;
      if (fault !== undefined) outcome.wrong.push(`${next.name}: ${fault}`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));
  return outcome;
}

async function inTime(scene: Scene, { run, msMax = caseMsMax }: Case): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, msMax, `no end after ${msMax} ms`);
  });
  return Promise.race([run(scene), late]).finally(() => clearTimeout(timer));
}

export function open(
  { server }: Pick<Scene, 'server'>,
  person: Person,
  codec: Codec = 'msgpack',
): Promise<WireSocket> {
  return WireSocket.open({ address: server.address, token: person.token, codec });
}

/** The highest seq of the room, as its owner is told. */
export async function headOf(socket: WireSocket, conv: string): Promise<number> {
  return (await socket.do({ op: 'history', conv, limit: 1 })).head ?? Number.NaN;
}

/** The error has this code, and says `stored: false` exactly when it should. */
export function mismatch(
  answer: Ack | WireError,
  expected: { code: string; stored?: false },
): string | undefined {
  const isSame = 'err' in answer && answer.code === expected.code && answer.stored === expected.stored;
  return isSame ? undefined : `expected ${JSON.stringify(expected)}, was told ${JSON.stringify(answer)}`;
}

/** An id of another time, in Unix ms. */
export function idAt(time: number): string {
  const hex = Math.trunc(time).toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}${uuidv7().slice(13)}`;
}
