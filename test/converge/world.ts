/** A simulated server with devices that run the client as applications do. */
import { type Client, connect } from '#client/client.js';
import { tokenFor } from '#test/sim/front.js';
import { SimServer } from '#test/sim/server.js';
import { Totals } from '#test/sim/totals.js';
import { Witness } from '#test/sim/witness.js';
import { createSimulation, type Simulation } from '#test/support/sim-clock.js';
import { SimDatabase } from '#test/support/sim-database.js';
import { noFaults, StoreCounts, usualFaults } from '#test/support/sim-faults.js';
import { Draws } from '#test/support/sim-random.js';
import { SimThread } from '#test/support/sim-thread.js';
import { noTierFaults, SimTierStore, usualTierFaults } from '#test/support/sim-tier.js';
import { type Plant, plantingOf } from './plants.js';
import { simWebSocket } from './sim-web-socket.js';

const tokenMs = 400 * 24 * 60 * 60 * 1000;
/** More of them do not come to an end. */
const stepsMax = 2_000_000;

/** One device: it may be without a network for a while. */
export interface Device {
  readonly user: string;
  readonly client: Client;
  isOnline: boolean;
  /** How often its connection was lost. */
  losses: number;
  /** How many events were missing each time that some were. */
  readonly gaps: number[];
  goOffline(): void;
}

export class ConvergeWorld {
  readonly simulation: Simulation;
  readonly random: Draws;
  readonly database: SimDatabase;
  readonly server: SimServer;
  readonly blames: string[] = [];
  /** Threads die and stores fail. */
  isFaulty = false;
  private wallClockMs = 0;
  private steps = 0;

  constructor(seed: number, plant?: Plant) {
    this.simulation = createSimulation(seed);
    this.random = new Draws(seed, 70);
    this.database = new SimDatabase({ now: () => this.now() });
    const tiers = [new SimTierStore('redis', false), new SimTierStore('mongo', true)];
    this.server = new SimServer({
      ...{ seed, simulation: this.simulation, database: this.database, tiers },
      ...{ witness: new Witness(this.database), counts: new StoreCounts(), totals: new Totals() },
      ...{ isImpatient: false, planting: plantingOf(plant) },
      now: () => this.now(),
      faults: () => (this.isFaulty ? usualFaults : noFaults),
      tierFaults: () => (this.isFaulty ? usualTierFaults : noTierFaults),
      expectPromises: () => {},
      blame: (rule, message) => this.blames.push(`${rule}: ${message}`),
      onFault: (message) => this.blames.push(message),
    });
  }

  now(): number {
    return this.simulation.now() + this.wallClockMs;
  }

  /** The wall clock goes on by this much, all at once. */
  leap(milliseconds: number): void {
    this.wallClockMs += milliseconds;
  }

  addUser(): string {
    const user = this.random.uuid(this.now());
    this.database.users.add(user);
    return user;
  }

  addDevice(user: string): Device {
    const thread = new SimThread(
      this.simulation,
      () => this.now(),
      (error) => this.blames.push(`a device threw: ${error instanceof Error ? error.stack : String(error)}`),
    );
    let cut: () => void = () => {};
    let device: Device | undefined;
    const gaps: number[] = [];
    const WebSocket = simWebSocket({
      thread,
      connect: (end, codec) => {
        if (device?.isOnline !== true) return undefined;
        const socket = this.server.connect(end, codec, undefined);
        cut = () => {
          socket?.disconnect();
          end.onClose(undefined);
        };
        return socket;
      },
    });
    const client = connect({
      ...{ url: 'ws://simulated/ws', WebSocket, ports: thread.ports },
      codec: this.random.chance(0.5) ? 'json' : 'msgpack',
      token: () => tokenFor(user, this.now() + tokenMs, 'high'),
      onGap: ({ have, head }) => gaps.push(head - have),
      onStatus: ({ name }) => {
        if (name === 'waiting' && device !== undefined) device.losses += 1;
      },
    });
    device = {
      ...{ user, client, gaps, isOnline: true, losses: 0 },
      goOffline() {
        this.isOnline = false;
        cut();
      },
    };
    return device;
  }

  /** Lets the world go on until the condition holds; false: it did not within so much virtual time. */
  async until(condition: () => boolean, milliseconds = 180_000): Promise<boolean> {
    const end = this.simulation.now() + milliseconds;
    while (!condition()) {
      this.steps += 1;
      if (this.simulation.now() > end || this.steps > stepsMax) return false;
      this.simulation.run({ maxEvents: 1 });
      for (let tick = 0; tick < 10; tick += 1) await Promise.resolve();
    }
    return true;
  }

  async pass(milliseconds: number): Promise<void> {
    const end = this.simulation.now() + milliseconds;
    await this.until(() => this.simulation.now() >= end, milliseconds + 1000);
  }
}
