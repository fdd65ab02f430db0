/**
 * One absence on a real server: a device is away while people do whatever can be done, and comes back in each of the
 * ways there are, beside one that never left.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { uuidv7 } from 'uuidv7';
import type { Client } from '#client/client.js';
import type { Conversation } from '#client/conversation.js';
import { connect } from '#client/node.js';
import { platformPorts } from '#client/ports.js';
import { makePeople, type Person } from '#test/support/operator.js';
import type { TestServer } from '#test/support/server.js';
import { Draws } from '#test/support/sim-random.js';
import { draw } from './actions.js';
import { Gate } from './gated-socket.js';
import { difference } from './life.js';

export interface AbsencePlan {
  readonly name: string;
  /** How long it is away, at least. */
  readonly seconds: number;
  /** Events that it misses, at least. */
  readonly changes: number;
}

export interface Return {
  readonly way: string;
  readonly seconds: number;
  /** Of the canonical text. */
  readonly bytes: number;
  /** Where it parts from what the one that never left shows. */
  readonly differs: string | undefined;
}

export interface AbsenceResult {
  readonly name: string;
  readonly events: number;
  readonly messages: number;
  readonly kinds: ReadonlySet<string>;
  readonly refused: number;
  readonly returns: readonly Return[];
}

/** Operations under way at once. */
const underWayMax = 48;
const writerCount = 6;
const waitMsMax = 240_000;
/** How old a copy of what is there may be, in operations, when somebody chooses what to do something with. */
const glancesEvery = 100;
/** How often it is a member who does something. */
const membersDo = 0.95;
/** The ways in which a device comes back that has something already; one that has nothing is added. */
const ways = [
  { way: 'resumed', catchUpMax: Number.POSITIVE_INFINITY },
  { way: 'began anew', catchUpMax: 20 },
] as const;

export class AbsenceStage {
  private readonly server: TestServer;
  private readonly people: readonly Person[];
  private readonly clients: Client[] = [];

  private constructor(server: TestServer, people: readonly Person[]) {
    this.server = server;
    this.people = people;
  }

  static async prepare(server: TestServer): Promise<AbsenceStage> {
    const names = Array.from({ length: writerCount }, (_, index) => `writer-${index}-${uuidv7()}`);
    return new AbsenceStage(server, await makePeople(server, names));
  }

  /** @throws Error when somebody does not come to the end of the log in time */
  async play(plan: AbsencePlan, seed: number): Promise<AbsenceResult> {
    const [owner, ...others] = this.people;
    if (owner === undefined) throw new Error('there are no people');
    const writers = this.people.map((person) => this.device(person));
    const members = others.map(({ user }) => user);
    const made = await writers[0]?.create({ type: 'community', title: 'a title', members });
    const conv = made?.conv ?? '';
    const kinds = new Set<string>();
    const stayer = this.device(owner, new Gate(), (ev) => kinds.add(ev));
    const all = { pageEvents: 100, catchUpMax: Number.POSITIVE_INFINITY };
    const never = await stayer.open(conv, all);
    await this.write(conv, { writers, never, until: 60, random: new Draws(seed, 1) });
    const away = [];
    for (const { way, catchUpMax } of ways) {
      const gate = new Gate();
      const conversation = await this.device(owner, gate).open(conv, { ...all, catchUpMax });
      away.push({ way, gate, conversation });
    }
    await Promise.all(away.map(({ conversation }) => arrived(conversation, () => never.model.have)));
    for (const { gate } of away) gate.shut();
    const leftAt = performance.now();
    const until = never.model.have + plan.changes;
    const refused = await this.write(conv, { writers, never, until, random: new Draws(seed, 2) });
    await sleep(Math.max(0, plan.seconds * 1000 - (performance.now() - leftAt)));
    const returns: Return[] = [];
    for (const { way, gate, conversation } of away) {
      gate.isOpen = true;
      returns.push(await this.comeBack(way, never, async () => conversation));
    }
    returns.push(await this.comeBack('came with nothing', never, () => this.device(owner).open(conv, all)));
    const { have: events, messages } = never.model;
    const result = { name: plan.name, events, messages: messages.length, kinds, refused, returns };
    this.close();
    return result;
  }

  close(): void {
    for (const client of this.clients.splice(0)) client.close();
  }

  private device(person: Person, gate = new Gate(), onKind: (ev: string) => void = () => {}): Client {
    const client = connect({
      url: `${this.server.address.replace('http', 'ws')}/ws`,
      token: person.token,
      WebSocket: gate.WebSocket,
      // As soon as it may: waiting is not what is measured.
      ports: { ...platformPorts, random: { next: () => 0 } },
      onEvent: ({ ev }) => onKind(ev),
    });
    this.clients.push(client);
    return client;
  }

  /** People do things until the log has come so far; how many of them were refused. */
  private async write(
    conv: string,
    scene: { writers: readonly Client[]; never: Conversation; until: number; random: Draws },
  ): Promise<number> {
    const { writers, never, until, random } = scene;
    const users = this.people.map(({ user }) => user);
    let [underWay, refused, done] = [0, 0, 0];
    let { messages } = never;
    let present: readonly string[] = users;
    const one = async (): Promise<void> => {
      if (done++ % glancesEvery === 0) {
        ({ messages } = never);
        present = users.filter((user) => never.model.members?.has(user) ?? true);
      }
      const user = random.pick(random.chance(membersDo) ? present : users);
      const place = users.indexOf(user);
      const operation = draw({ conv, users, user, random, messages: () => messages, id: uuidv7 });
      // The first one stays, and so does what is theirs.
      if (operation.op === 'leave' && place === 0) return;
      if ('member' in operation && operation.member === users[0] && operation.op !== 'nickname') return;
      await writers[place]?.perform(operation).catch(() => {
        refused += 1;
      });
    };
    while (never.model.have < until) {
      if (underWay >= underWayMax) {
        await sleep(1);
        continue;
      }
      underWay += 1;
      void one().finally(() => {
        underWay -= 1;
      });
    }
    while (underWay > 0) await sleep(5);
    return refused;
  }

  /** Until it shows what the one that never left shows, all of it. */
  private async comeBack(
    way: string,
    never: Conversation,
    begin: () => Promise<Conversation>,
  ): Promise<Return> {
    const begunAt = performance.now();
    const conversation = await begin();
    await arrived(conversation, () => never.model.have);
    while (!conversation.isAtBeginning) await conversation.earlier();
    await arrived(conversation, () => never.model.have);
    const seconds = (performance.now() - begunAt) / 1000;
    const [here, there] = [conversation.model.canonical(), never.model.canonical(conversation.model.loaded)];
    const differs = here === there ? undefined : difference(here, there);
    return { way, seconds, bytes: Buffer.byteLength(here), differs };
  }
}

/** It has all of the log up to its head, and of every reply what it replies to. */
async function arrived({ model, conv }: Conversation, head: () => number): Promise<void> {
  for (const deadline = Date.now() + waitMsMax; ; await sleep(5)) {
    if (model.have === head() && model.loaded.length > 0 && model.repliesWithoutParent.length === 0) return;
    if (Date.now() > deadline) throw new Error(`${conv} is at ${model.have} of ${head()}`);
  }
}
