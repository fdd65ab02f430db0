/** Everything of one run: a server, its database, its clients, and what was seen of them. */
import { isDeepStrictEqual } from 'node:util';
import { withoutContents } from '#src/storage/facts.js';
import type { Ack, LogEvent } from '#src/wire/events.js';
import { type AnswerRecord, checkRun, type RunRecord, type Violation } from '#test/support/checker.js';
import { changesOf, checkMessages, foldAll } from '#test/support/checker-messages.js';
import { createSimulation, type Simulation } from '#test/support/sim-clock.js';
import { SimDatabase } from '#test/support/sim-database.js';
import { noFaults, StoreCounts, type StoreFaults, usualFaults } from '#test/support/sim-faults.js';
import { Draws } from '#test/support/sim-random.js';
import type { SimSocket } from '#test/support/sim-socket.js';
import { noTierFaults, SimTierStore, usualTierFaults } from '#test/support/sim-tier.js';
import { Device } from './device.js';
import { FollowingDevice } from './follower.js';
import { tokenFor } from './front.js';
import { laxPlants, type Plant, plantingOf } from './plants.js';
import { type Durable, Sender, type SenderHost } from './sender.js';
import { SimServer, shardCount } from './server.js';
import { Totals } from './totals.js';
import { Witness } from './witness.js';
import { Workload } from './workload.js';

export interface WorldOptions {
  readonly seed: number;
  readonly plant?: Plant | undefined;
  /** Every user has one more device, which follows all of their conversations. */
  readonly follows?: boolean | undefined;
  /** Hears every line of the trace. */
  readonly onTrace?: ((line: string) => void) | undefined;
}

const userCount = 6;
/** Tokens of this life; some die during the run. */
const tokenMs = { short: 8_000, long: 400 * 24 * 60 * 60 * 1000 };

export class World implements SenderHost {
  readonly simulation: Simulation;
  readonly random: Draws;
  readonly totals = new Totals();
  readonly counts = new StoreCounts();
  readonly database: SimDatabase;
  readonly witness: Witness;
  readonly answers: AnswerRecord[] = [];
  readonly devices: Device[] = [];
  readonly followers: FollowingDevice[] = [];
  readonly sender: Sender;
  readonly workload: Workload;
  readonly server: SimServer;
  /** Fastest first: what begins empty, and what is filled again. */
  readonly tiers = [new SimTierStore('redis', false), new SimTierStore('mongo', true)];
  isFaulty = true;
  /** The connection of every batch is lost. */
  isUnlucky = false;
  private readonly options: WorldOptions;
  private readonly users: string[];
  private readonly sockets: SimSocket[] = [];
  private readonly violations: Violation[] = [];
  private readonly ackedSeqs = new Map<string, number>();
  private wallClockMs = 0;
  private hasPromises = false;

  constructor(options: WorldOptions) {
    this.options = options;
    const { seed, plant } = options;
    this.simulation = createSimulation(seed);
    this.random = new Draws(seed, 50);
    this.database = new SimDatabase({
      now: () => this.now(),
      isLax: plant !== undefined && laxPlants.has(plant),
    });
    this.witness = new Witness(this.database);
    this.users = Array.from({ length: userCount }, (_, index) => this.random.uuid(this.now() - index));
    for (const user of this.users) this.database.users.add(user);
    this.sender = new Sender(this);
    this.server = new SimServer({
      ...{ seed, simulation: this.simulation, database: this.database, witness: this.witness },
      ...{ counts: this.counts, totals: this.totals, isImpatient: plant === 'new owner does not wait' },
      planting: plantingOf(plant, {
        database: this.database,
        random: new Draws(seed, 51),
        snapshots: new Map(),
      }),
      now: () => this.now(),
      faults: () => this.faults,
      tiers: this.tiers,
      tierFaults: () => (this.isFaulty ? usualTierFaults : noTierFaults),
      expectPromises: () => {
        this.hasPromises = true;
      },
      blame: (rule, message) => this.blame(rule, message),
      onFault: (message) => this.blame('front', message),
    });
    this.makeDevices();
    if (options.follows === true) this.makeFollowers();
    this.workload = new Workload({
      ...{ random: new Draws(seed, 52), database: this.database, sender: this.sender },
      ...{ users: this.users, devices: this.devices },
      now: () => this.now(),
      shardOf: (conv) => this.server.placement.shardOf(conv),
    });
    this.workload.furnish(shardCount);
  }

  get faults(): StoreFaults {
    if (!this.isFaulty) return noFaults;
    return this.isUnlucky ? { ...usualFaults, unknownCommitted: 1 } : usualFaults;
  }

  /** Unix ms of the world's wall clock. */
  now(): number {
    return this.simulation.now() + this.wallClockMs;
  }

  /** Lets the next thing happen, with all that its promises do. */
  async step(): Promise<void> {
    this.simulation.run({ maxEvents: 1 });
    // Those who follow have promises under way in their fronts at any time.
    if (!this.hasPromises && this.followers.length === 0) return;
    this.hasPromises = false;
    for (let tick = 0; tick < 24; tick += 1) await Promise.resolve();
  }

  /** The wall clock goes on by this much, all at once: nobody lived through it. */
  leap(milliseconds: number): void {
    this.wallClockMs += milliseconds;
    this.trace(`leap ${milliseconds}`);
  }

  after(ms: number, run: () => void): void {
    this.simulation.schedule(ms, run);
  }

  connect(device: Device, token: string | undefined): SimSocket | undefined {
    const client = {
      onFrame: (frame: string | Uint8Array) => {
        if (socket !== undefined) device.onFrame(socket, frame);
      },
      onClose: (code: number | undefined) => {
        this.trace(`${device.name} closed ${code}`);
        if (socket !== undefined) device.onClosed(socket);
      },
    };
    const socket = this.server.connect(client, device.codec, token);
    if (socket !== undefined) this.sockets.push(socket);
    return socket;
  }

  tokenFor(user: string): string {
    const life = this.random.chance(0.1) ? tokenMs.short : tokenMs.long;
    return tokenFor(user, this.now() + life, user === this.users[0] ? 'high' : 'standard');
  }

  devicesOf(user: string): readonly Device[] {
    return this.devices.filter((device) => device.user === user);
  }

  onAcked({ conv, operation }: Durable, ack: Ack): void {
    const seq = ack.seq ?? 0;
    if (seq > this.ackedSeq(conv)) this.ackedSeqs.set(conv, seq);
    if (operation.op !== 'create' && operation.op !== 'join') return;
    for (const device of this.devices) {
      if (this.database.isMember(conv, device.user) && this.random.chance(0.8))
        device.subscriptions.want(conv);
    }
  }

  ackedSeq(conv: string): number {
    return this.ackedSeqs.get(conv) ?? 0;
  }

  note(text: string): void {
    this.trace(text);
  }

  trace(text: string): void {
    this.simulation.note(text);
    this.options.onTrace?.(`${(this.now() % 1e8).toString().padStart(8)} ${text}`);
  }

  blame(rule: string, message: string): void {
    this.trace(`violation ${rule}: ${message}`);
    this.violations.push({ rule, message });
  }

  /** Nothing waits for anything. */
  get isQuiet(): boolean {
    if (!this.server.isWhole || this.sender.openCount > 0) return false;
    if (!this.followers.every(({ isFollowing }) => isFollowing)) return false;
    return this.devices.every(
      (device) => device.state === 'live' && device.waitingCount === 0 && device.subscriptions.isSettled,
    );
  }

  /** Everything is up again. */
  heal(): void {
    this.isFaulty = false;
    for (const tier of this.tiers) tier.thaw();
  }

  /** Every mirror stands where the log of every shard does. */
  get areMirrorsLevel(): boolean {
    return this.tiers.every(({ positions }) =>
      this.shards.every((shard) => positions.get(`log/${shard}`) === this.database.batchesOf(shard).length),
    );
  }

  /** What is in a mirror is as it is in the log, and a whole one has all of it (T2, T3). */
  checkMirrors(): void {
    for (const tier of this.tiers) {
      if (!this.areMirrorsLevel) this.blame('T2', `${tier.name} did not catch up`);
      let missing = 0;
      for (const event of this.database.allEvents()) {
        const mirrored = tier.at(event.conv, event.seq);
        if (mirrored === undefined) missing += 1;
        // What edits say is in no tier.
        else if (!isDeepStrictEqual(mirrored, event.ev === 'message.edit' ? withoutContents(event) : event))
          this.blame('T3', `${tier.name} has ${JSON.stringify(mirrored)} for ${JSON.stringify(event)}`);
      }
      if (tier.isWhole && missing > 0) this.blame('T2', `${tier.name} lacks ${missing} events`);
    }
  }

  private readonly shards = Array.from({ length: shardCount }, (_, index) => index);

  /** What is wrong with the run, as far as it went. */
  check(isQuiet: boolean): Violation[] {
    const record: RunRecord = {
      log: this.database.allEvents(),
      answers: this.answers,
      streams: this.devices.map(({ name, user, stream }) => ({ name, user, items: stream })),
      isQuiet,
      committedAt: this.database.committedAt,
    };
    const messages = checkMessages(record.log, record.streams);
    this.totals.messagesFollowed = messages.followed;
    return [
      ...[...this.violations, ...this.witness.violations, ...checkRun(record), ...messages.violations],
      ...this.checkChanged(record.log),
      ...this.followers.flatMap((follower) => follower.check(record.log, isQuiet)),
    ];
  }

  /** What the database says of changed messages is what the log says. */
  private checkChanged(log: readonly LogEvent[]): Violation[] {
    const user = this.users[0] ?? '';
    const wanted = [...changesOf(log).values()].flatMap((changes) => foldAll(changes, user) ?? []);
    const found = [...new Set(log.map(({ conv }) => conv))].flatMap((conv) =>
      this.database.messages.changed({ conv, from: 1, to: Number.MAX_SAFE_INTEGER, named: [], user }),
    );
    const byId = new Map(found.map((changed) => [changed.message, changed]));
    const wrong = wanted.filter((changed) => !isDeepStrictEqual(changed, byId.get(changed.message)));
    return wrong.map((changed) => ({
      rule: 'C1',
      message: `${changed.message} is stored as something else`,
    }));
  }

  /** Brings the totals up to what the parts have counted. */
  countAll(): void {
    const { totals, counts } = this;
    totals.batches = counts.batches;
    totals.storeRetries = counts.retries;
    totals.unknowns = counts.unknowns;
    totals.lateCommits = counts.lateCommits;
    totals.terminated = counts.terminated;
    totals.renumberings = counts.duplicates;
    totals.badRows = counts.bad;
    totals.blocked = counts.blocked;
    totals.unchanged = this.answers.filter(
      ({ id, answer }) => answer.kind === 'ack' && !this.database.byId.has(id),
    ).length;
    totals.droppedFrames = this.sockets.reduce((sum, socket) => sum + socket.droppedFrames, 0);
  }

  private makeFollowers(): void {
    this.users.forEach((user, index) => {
      const follower = new FollowingDevice(this, user, index % 3 === 2);
      this.followers.push(follower);
      this.after(this.random.next() * 2_000, () => follower.connect());
      follower.lookAround();
    });
  }

  private makeDevices(): void {
    this.users.forEach((user, index) => {
      const count = 1 + (index % 2);
      for (let number = 0; number < count; number += 1) {
        const codec = this.random.chance(0.5) ? 'json' : 'msgpack';
        const device = new Device(this, user, `user ${index} device ${number} (${codec})`, codec);
        this.devices.push(device);
        this.after(this.random.next() * 100, () => device.connect());
      }
    });
  }
}
