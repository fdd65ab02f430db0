/**
 * One random history of a conversation: people do whatever can be done in it, devices are away for a while and come
 * back in every way there is, and what each of them shows is, byte for byte, what the one shows that never left.
 */

import type { Conversation } from '#client/conversation.js';
import { ClientError } from '#client/errors.js';
import type { ConversationType } from '#src/wire/events.js';
import { draw, type Scene } from './actions.js';
import type { Plant } from './plants.js';
import { ConvergeWorld, type Device } from './world.js';

export interface LifeOptions {
  readonly plant?: Plant | undefined;
  /** Operations of all absences together. */
  readonly operations?: number;
}

export interface LifeResult {
  readonly seed: number;
  /** What was wrong; empty: nothing. */
  readonly violations: readonly string[];
  /** Events of the log. */
  readonly events: number;
  readonly comparisons: number;
  /** Bytes that were compared. */
  readonly bytes: number;
  readonly kinds: ReadonlySet<string>;
  readonly beganAnew: number;
  /** Times that missing events were pulled. */
  readonly pulled: number;
  readonly refused: number;
}

const userCount = 5;
const types: readonly ConversationType[] = ['group', 'channel', 'community'];
const operationsDefault = 300;
const livesPerLong = 10;
const longFactor = 5;
/** How long devices are away by the clock on the wall: seconds, an hour, thirty days. */
const absencesMs = [1_000, 3_600_000, 30 * 24 * 3_600_000] as const;
/** So small that coming back takes every way: a backlog, pulled pages, a new beginning. */
const catchUpMaxes = [5, 60, 5_000] as const;

interface Follower {
  readonly name: string;
  readonly device: Device;
  readonly conversation: Conversation;
}

export async function live(seed: number, { plant, operations = operationsDefault }: LifeOptions = {}) {
  const life = new Life(seed, plant);
  await life.play(operations);
  return life.result();
}

class Life {
  private readonly seed: number;
  private readonly world: ConvergeWorld;
  private readonly users: readonly string[];
  private readonly writers: readonly Device[];
  private readonly violations: string[] = [];
  private readonly followers: Follower[] = [];
  private conv = '';
  private stayer: Follower | undefined;
  private open = 0;
  private refused = 0;
  private comparisons = 0;
  private bytes = 0;

  constructor(seed: number, plant: Plant | undefined) {
    this.seed = seed;
    this.world = new ConvergeWorld(seed, plant);
    this.users = Array.from({ length: userCount }, () => this.world.addUser());
    this.writers = this.users.map((user) => this.world.addDevice(user));
  }

  async play(asked: number): Promise<void> {
    const { world } = this;
    const operations = this.isLong ? asked * longFactor : asked;
    await this.furnish();
    // In every fourth life threads die and stores fail meanwhile.
    const isFaulty = this.seed % 4 === 0;
    const phases = this.isLong ? 1 : world.random.between(2, 4);
    for (let phase = 0; phase < phases; phase += 1) {
      const away = this.followers.filter(({ name }) => name !== 'stayer' && world.random.chance(0.7));
      for (const { device } of away) device.goOffline();
      world.isFaulty = isFaulty;
      await this.act(Math.ceil(operations / phases) - 10, isFaulty);
      world.leap(world.random.pick(absencesMs));
      for (const { device } of away) device.isOnline = true;
      const come = this.comeAnew(`newcomer ${phase}`);
      // They come back while others go on.
      await this.act(10, isFaulty);
      await this.finish(come);
      world.isFaulty = false;
      await this.settle(`phase ${phase}`);
    }
    for (const follower of this.followers) await this.finish(this.scroll(follower.conversation));
    await this.settle('the end');
  }

  /** Some are away for more than a backlog holds. */
  private get isLong(): boolean {
    return this.seed % livesPerLong === 0;
  }

  result(): LifeResult {
    const events = this.world.database.allEvents().filter(({ conv }) => conv === this.conv);
    const { seed, comparisons, bytes, refused } = this;
    const gaps = this.followers.flatMap(({ device, conversation }) =>
      device.gaps.map((missing) => missing > conversation.catchUpMax),
    );
    const beganAnew = gaps.filter((isAnew) => isAnew).length;
    const pulled = gaps.length - beganAnew;
    const violations = [...this.violations, ...this.world.blames];
    const kinds = new Set(events.map(({ ev }) => ev));
    return { seed, violations, events: events.length, comparisons, bytes, kinds, beganAnew, pulled, refused };
  }

  private async furnish(): Promise<void> {
    const { world, users, writers } = this;
    const [owner] = writers;
    const id = world.random.uuid(world.now());
    this.conv = id;
    const made = owner?.client.create({
      ...{ id, type: world.random.pick(types), title: 'a title', members: users.slice(1, 4) },
    });
    await this.finish(made);
    // All of the first user's, who stays a member: what is `mine` is the same on all of them.
    const user = users[0] ?? '';
    this.stayer = await this.follow('stayer', user, Number.POSITIVE_INFINITY);
    for (const catchUpMax of catchUpMaxes) await this.follow(`up to ${catchUpMax}`, user, catchUpMax);
  }

  private async follow(name: string, user: string, catchUpMax: number): Promise<Follower | undefined> {
    const device = this.world.addDevice(user);
    const pageEvents = this.world.random.pick([3, 20, 100]);
    let follower: Follower | undefined;
    await this.finish(
      this.again(async () => {
        const conversation = await device.client.open(this.conv, { catchUpMax, pageEvents });
        follower = { name, device, conversation };
        this.followers.push(follower);
      }),
    );
    return follower;
  }

  private async comeAnew(name: string): Promise<void> {
    const { world } = this;
    const device = world.addDevice(this.users[0] ?? '');
    const conversation = await this.again(() =>
      device.client.open(this.conv, { pageEvents: world.random.pick([7, 30, 100]), catchUpMax: 1_000 }),
    );
    this.followers.push({ name, device, conversation });
    // Here and there, backwards and forwards, in no order.
    for (let count = world.random.between(0, 4); count > 0; count -= 1) {
      const seq = world.random.between(1, Math.max(1, conversation.model.have));
      const way = world.random.pick(['around', 'later', 'earlier'] as const);
      await this.again<unknown>(() => (way === 'earlier' ? conversation.earlier() : conversation[way](seq)));
    }
  }

  /** Back to the beginning, and through what lacks in between. */
  private async scroll(conversation: Conversation): Promise<void> {
    while (!conversation.isAtBeginning) await this.again(() => conversation.earlier());
    for (let [hole] = conversation.model.loaded; hole !== undefined; [hole] = conversation.model.loaded) {
      const [, end] = hole;
      if (end >= conversation.model.have) return;
      await this.again(() => conversation.later(end));
    }
  }

  /** What the server could not do just now is asked for again; the client itself gives up on faults only. */
  private async again<Value>(ask: () => Promise<Value>): Promise<Value> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await ask();
      } catch (error) {
        if (!(error instanceof ClientError) || tries > 20) throw error;
      }
    }
  }

  private async act(count: number, isFaulty: boolean): Promise<void> {
    const { world, stayer } = this;
    if (stayer === undefined) return;
    const { conv, users } = this;
    const { model } = stayer.conversation;
    const scene: Omit<Scene, 'user'> = {
      ...{ conv, users, random: world.random },
      messages: () => model.messages,
      id: () => world.random.uuid(world.now()),
    };
    for (let done = 0; done < count; done += 1) {
      const members = this.writers.filter(({ user }) => model.members?.has(user) ?? true);
      const writer = world.random.pick(world.random.chance(0.85) ? members : this.writers);
      const operation = draw({ ...scene, user: writer.user });
      // The first user stays, or nobody could say what it shows.
      const isAboutStayer = 'member' in operation && operation.member === stayer.device.user;
      if (operation.op === 'leave' && writer.user === stayer.device.user) continue;
      if (isAboutStayer && ['remove', 'ban'].includes(operation.op)) continue;
      this.open += 1;
      writer.client
        .perform(operation)
        .catch(() => {
          this.refused += 1;
        })
        .finally(() => {
          this.open -= 1;
        });
      if (world.random.chance(0.7)) await world.pass(world.random.next() * 6);
      if (isFaulty && world.random.chance(0.01)) this.strike();
    }
  }

  private strike(): void {
    const { server, random } = this.world;
    if (random.chance(0.5)) server.killShard(random.between(0, 1));
    else server.killFront(random.between(0, 1));
  }

  private async finish(task: Promise<unknown> | undefined): Promise<void> {
    let isDone = false;
    let failure: unknown;
    task
      ?.catch((error: unknown) => {
        failure = error;
      })
      .finally(() => {
        isDone = true;
      });
    if (!(await this.world.until(() => isDone || task === undefined)))
      this.violations.push('something did not come to an end');
    if (failure !== undefined)
      this.violations.push(`it failed: ${failure instanceof Error ? failure.stack : 'without an error'}`);
  }

  /** Waits until all is quiet, and compares. */
  private async settle(when: string): Promise<void> {
    const { world } = this;
    const head = () => world.database.load(this.conv).head.seq;
    const isQuiet = () =>
      this.open === 0 &&
      world.server.isWhole &&
      this.followers.every(
        ({ conversation: { model, isOpen } }) =>
          !isOpen || (model.have === head() && model.repliesWithoutParent.length === 0),
      );
    if (!(await world.until(isQuiet))) {
      const state = this.followers.map(
        ({ name, conversation: { model } }) =>
          `${name} ${model.have}, bare ${model.repliesWithoutParent.join(' ')}`,
      );
      this.violations.push(`${when}: not quiet at ${head()}, ${this.open} open: ${state.join('; ')}`);
    }
    await world.pass(3_000);
    for (const { conversation } of this.followers) await this.finish(conversation.ready.catch(() => {}));
    this.compare(when);
  }

  private compare(when: string): void {
    const { stayer } = this;
    if (stayer === undefined) return;
    for (const { name, conversation } of this.followers) {
      if (!conversation.isOpen) {
        this.violations.push(`${when}: ${name} is open no more`);
        continue;
      }
      const { model } = conversation;
      const here = model.canonical();
      const there = stayer.conversation.model.canonical(model.loaded);
      this.comparisons += 1;
      this.bytes += here.length;
      if (here !== there) this.violations.push(`${when}: ${name} differs: ${difference(here, there)}`);
    }
  }
}

/** Where two texts part. */
export function difference(one: string, other: string): string {
  let place = 0;
  while (one[place] === other[place]) place += 1;
  const from = Math.max(0, place - 200);
  return `…${one.slice(from, place + 120)} instead of …${other.slice(place, place + 120)}`;
}
