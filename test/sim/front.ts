/** One simulated front thread: the real core and links, with sockets that are lists. */

import { NuboError } from '#src/errors.js';
import type { Front } from '#src/front/contract.js';
import { createFront } from '#src/front/front.js';
import type { Identity } from '#src/people/identity.js';
import { createRevocations } from '#src/people/revocations.js';
import type { LinkPort } from '#src/threads/link.js';
import type { Placement } from '#src/threads/placement.js';
import type { Codec } from '#src/wire/codec.js';
import type { Simulation } from '#test/support/sim-clock.js';
import type { Draws } from '#test/support/sim-random.js';
import { type ClientEnd, SimBroadcast, SimSocket } from '#test/support/sim-socket.js';
import { SimThread } from '#test/support/sim-thread.js';
import { ShardLinks } from '#workers/shard-links.js';
import type { Planting } from './plants.js';

export interface FrontHost {
  readonly simulation: Simulation;
  readonly placement: Placement;
  readonly planting: Planting;
  now(): number;
  /** A promise is under way in a front: the run waits for the microtasks before it goes on. */
  expectPromises(): void;
  onFrontEnd(front: SimFront, reason: string): void;
  onFault(message: string): void;
}

/** Small, so that a reader who stops for a while overflows (W15). */
const limits = {
  softBufferBytes: 4 * 1024,
  bufferBytesMax: 16 * 1024,
  mergedFrameBytes: 2 * 1024,
  directFrameBytes: 8 * 1024,
  answerBytesMax: 12 * 1024,
  knownUsersMax: 16,
};
const linkLimits = { creditItemsMax: 256, creditBytesMax: 256 * 1024 };

/** `user expiry rate`, in the clear: what a token says is not what is tested here. */
export function tokenFor(user: string, expiresAt: number, rate: 'standard' | 'high'): string {
  return `${user} ${expiresAt} ${rate}`;
}

export class SimFront {
  readonly index: number;
  readonly thread: SimThread;
  readonly front: Front;
  isListening = false;
  private readonly host: FrontHost;
  private readonly random: Draws;
  private readonly broadcast: SimBroadcast;
  private readonly links: ShardLinks;
  private readonly sockets = new Set<SimSocket>();

  constructor(host: FrontHost, index: number, random: Draws) {
    this.host = host;
    this.index = index;
    this.random = random;
    this.thread = new SimThread(host.simulation, host.now, (error) => host.onFrontEnd(this, stackOf(error)));
    this.broadcast = new SimBroadcast(this.thread);
    const { ports } = this.thread;
    this.links = new ShardLinks(ports.turns, linkLimits);
    this.front = createFront({
      number: index,
      ports,
      broadcast: this.broadcast,
      placement: host.placement,
      post: (shard, message) => this.links.post(shard, host.planting.toShard(message)),
      // As for a public key, and as for a shared secret.
      verify: (token) =>
        isOdd(token) ? Promise.resolve().then(() => this.verify(token)) : this.verify(token),
      revocations: createRevocations({ clock: ports.clock }),
      limits,
      onFault: (error) => host.onFault(`front ${index}: ${stackOf(error)}`),
    });
  }

  link(shard: number, port: LinkPort): void {
    this.links.connect(shard, port, this.front);
  }

  unlink(shard: number): void {
    this.links.disconnect(shard, this.front);
  }

  /** A client connects. */
  accept(client: ClientEnd, codec: Codec, token: string | undefined): SimSocket {
    const { simulation } = this.host;
    const socket = new SimSocket({
      ...{ simulation, client, random: this.random, thread: this.thread, broadcast: this.broadcast },
      bufferBytesMax: limits.bufferBytesMax,
    });
    this.sockets.add(socket);
    this.host.expectPromises();
    const session = this.front.openSession(socket, codec);
    socket.server = {
      onFrame: (frame) => {
        this.host.expectPromises();
        session.onFrame(frame);
      },
      onDropped: (frame) => session.onDropped(typeof frame === 'string' ? Buffer.from(frame) : frame),
      onDrain: () => session.onDrain(),
      onClose: () => {
        this.sockets.delete(socket);
        session.onClose();
      },
    };
    if (token !== undefined) session.authenticate(token);
    return socket;
  }

  kill(): void {
    this.thread.kill();
    this.isListening = false;
    for (const socket of this.sockets) socket.severed();
    this.sockets.clear();
  }

  private verify(token: string): Identity {
    const [user = '', expiresAt = '', rate] = token.split(' ');
    if (Number(expiresAt) <= this.host.now()) throw new NuboError('unauthorized', 'The token has expired.');
    return {
      user,
      issuedAt: this.host.now(),
      expiresAt: Number(expiresAt),
      rate: rate === 'high' ? 'high' : 'standard',
    };
  }
}

/** By its user, so that one of them is always told in the same way. */
function isOdd(token: string): boolean {
  const [user = ''] = token.split(' ');
  return user.charCodeAt(user.length - 1) % 2 === 1;
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
