/** Plays a crowd: everybody connects, then sends as paced for the warm-up and the measured time, then waits. */
import type { ClientPlan, Crowd, GeneratorLine, Phase, Play, Second } from '../contract.js';
import type { Adapter, Connection, Sink } from './adapter.js';
import { Checker } from './checker.js';
import { Client } from './client.js';
import { type Connected, connectAll } from './connecting.js';
import { Meters } from './meters.js';
import { type Pacer, pacerFor } from './pace.js';
import { playOf } from './report.js';
import { RoomStream } from './room-stream.js';
import { textsFor } from './texts.js';

/** How often what all have passed is dropped. */
const sweepMs = 50;
const settlePollMs = 20;
/** After the last delivery that was due: what comes now is one too many. */
const lingerMs = 100;
/** How long a play that was stopped waits for what is under way. */
const stoppedDrainSeconds = 1;

export class Player {
  readonly meters = new Meters();
  readonly checker: Checker;
  readonly clients: readonly Client[];
  readonly streams: readonly RoomStream[];
  readonly seconds: Second[] = [];
  private readonly crowd: Crowd;
  private readonly say: (line: GeneratorLine) => void;
  private readonly pacer: Pacer;
  private readonly settled: Array<(client: Client, failure: string | undefined) => void> = [];
  private connected: Connected | undefined;
  private isStopped = false;
  private wake: () => void = () => {};

  /** @throws Error with a sentence for people when the crowd cannot be played */
  constructor(crowd: Crowd, adapter: Adapter, say: (line: GeneratorLine) => void) {
    this.crowd = crowd;
    this.say = say;
    const { clients, rooms, address } = crowd;
    const texts = textsFor(crowd.texts);
    this.checker = new Checker({ clients, rooms: rooms.length, texts });
    const protocol = adapter({ address, rooms });
    const connect = (plan: ClientPlan, sink: Sink): Connection => protocol.connect(plan, sink);
    const surroundings = {
      ...{ address, texts, connect, checker: this.checker, meters: this.meters },
      settled: (client: Client, failure: string | undefined) => {
        for (const hear of this.settled) hear(client, failure);
      },
    };
    this.clients = clients.map(
      (plan, index) => new Client(surroundings, { index, plan, localAddress: localAddressOf(crowd, index) }),
    );
    for (const { cursors } of this.checker.rooms) Meters.sample(cursors);
    this.streams = protocol.isUniformStream ? this.shareStreams(connect) : [];
    const senders = this.clients.filter((_, index) => (clients[index] as ClientPlan).sends.length > 0);
    const weights = clients.filter(({ sends }) => sends.length > 0).map(({ weight = 1 }) => weight);
    this.pacer = pacerFor(crowd.pace, { senders, weights, meters: this.meters });
  }

  /** Listeners of one room each share its stream, when there are several. */
  private shareStreams(connect: (plan: ClientPlan, sink: Sink) => Connection): RoomStream[] {
    const sharers = new Map<number, Client[]>();
    for (const client of this.clients) {
      const { hears, sends } = this.crowd.clients[client.index] as ClientPlan;
      const [room] = hears;
      if (hears.length !== 1 || sends.length > 0 || room === undefined) continue;
      const others = sharers.get(room);
      if (others === undefined) sharers.set(room, [client]);
      else others.push(client);
    }
    const streams: RoomStream[] = [];
    for (const [room, clients] of sharers) {
      const [first] = clients;
      if (first === undefined || clients.length < 2) continue;
      const plan = this.crowd.clients[first.index] as ClientPlan;
      const stream = new RoomStream(this.checker, room, (sink) => connect(plan, sink));
      for (const client of clients) client.share(stream, client === first);
      streams.push(stream);
    }
    return streams;
  }

  /** Resolves when everybody is connected and subscribed. */
  async connect(): Promise<void> {
    this.enter('connect');
    this.connected = await connectAll(this.clients, {
      atOnce: this.crowd.connectAtOnce,
      onSettled: (hear) => this.settled.push(hear),
    });
    this.enter('ready');
  }

  /** Resolves to what came of it; earlier, after `stop`. */
  async play(): Promise<Play> {
    for (const stream of this.streams) stream.begin();
    for (const client of this.clients) client.begin();
    const sweeper = setInterval(() => this.sweep(), sweepMs);
    this.enter('warm-up');
    const { warmUpSeconds, seconds } = this.crowd;
    this.pacer.begin();
    await this.pass(warmUpSeconds, false);
    this.enter('measure');
    const cpu = process.cpuUsage();
    const begunAt = performance.now();
    this.meters.beginMeasuring(begunAt);
    await this.pass(seconds, true);
    const endedAt = performance.now();
    const { user, system } = process.cpuUsage(cpu);
    this.meters.endMeasuring(endedAt);
    this.pacer.end();
    this.enter('drain');
    await this.drain();
    clearInterval(sweeper);
    const play = playOf(this, {
      measuredSeconds: (endedAt - begunAt) / 1000,
      cpuSeconds: (user + system) / 1e6,
      connected: this.connected,
    });
    for (const client of this.clients) client.close();
    return play;
  }

  /** Ends the sending now; what there is becomes the play. */
  stop(): void {
    this.isStopped = true;
    this.wake();
  }

  private enter(phase: Phase): void {
    this.say({ kind: 'phase', phase, at: Date.now() });
  }

  private sweep(): void {
    this.checker.sweep();
    for (const stream of this.streams) stream.sweep();
  }

  /** Lets so many seconds pass, and tells of each. */
  private async pass(seconds: number, isMeasured: boolean): Promise<void> {
    const startedAt = performance.now();
    const first = isMeasured ? 0 : -Math.ceil(seconds);
    for (let count = 0; count < seconds && !this.isStopped; count++) {
      await this.until(startedAt + Math.min(seconds, count + 1) * 1000);
      const second = this.meters.second(first + count, isMeasured);
      this.seconds.push(second);
      this.say({ kind: 'second', ...second });
    }
  }

  private until(time: number): Promise<void> {
    return new Promise((resolve) => {
      if (this.isStopped) return resolve();
      const timer = setTimeout(resolve, time - performance.now());
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private async drain(): Promise<void> {
    const seconds = this.isStopped ? stoppedDrainSeconds : this.crowd.drainSeconds;
    const deadline = performance.now() + seconds * 1000;
    while (!this.checker.isSettled() && performance.now() < deadline) await sleep(settlePollMs);
    await sleep(lingerMs);
    this.meters.second(this.crowd.seconds, false);
  }
}

/** Clients of one address, by which its ports suffice also for those of a few plays before. */
const clientsPerAddress = 1_000;
const addresses = 250;
const firstAddress = Math.floor(Math.random() * addresses);

/** Undefined: the usual one. */
function localAddressOf({ clients, address }: Crowd, index: number): string | undefined {
  if (clients.length <= clientsPerAddress || !/^127\.|^localhost$/.test(address.host)) return undefined;
  return `127.0.0.${2 + ((firstAddress + Math.floor(index / clientsPerAddress)) % addresses)}`;
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds);
  });
}
