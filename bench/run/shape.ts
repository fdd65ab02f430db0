/** Shapes of crowds: who is there, in which rooms, hearing and sending what. */
import type { ClientPlan, Crowd, Populated, Population, RunningTarget } from '../contract.js';

export interface Shape {
  readonly population: Population;
  /** The connections, by what the population is called at a target. */
  cast(populated: Populated): readonly ClientPlan[];
}

/** What a play needs of a populated target. */
export type Cast = Pick<Crowd, 'rooms' | 'clients'>;

export interface SeparateShape {
  readonly rooms: number;
  readonly listenersPerRoom: number;
  /** Each sends to one room; dealt out over the rooms. */
  readonly senders: number;
}

/** Listeners and senders on connections of their own, so that a sender's acks do not wait behind deliveries. */
export function separateShape({ rooms, listenersPerRoom, senders }: SeparateShape): Shape {
  const listeners = rooms * listenersPerRoom;
  const roomOf = (user: number) =>
    user < listeners ? Math.floor(user / listenersPerRoom) : (user - listeners) % rooms;
  const members: number[][] = Array.from({ length: rooms }, () => []);
  for (let user = 0; user < listeners + senders; user += 1) members[roomOf(user)]?.push(user);
  return {
    population: { users: listeners + senders, rooms, membersOf: (room) => members[room] ?? [] },
    cast: ({ users }) =>
      users.map(({ user, token }, index) => {
        const room = [roomOf(index)];
        return { user, token, hears: index < listeners ? room : [], sends: index < listeners ? [] : room };
      }),
  };
}

/** Populates each target once with each shape, however often it is asked. */
export class Casts {
  private readonly known = new Map<Shape, Map<RunningTarget, Promise<Cast>>>();

  at(running: RunningTarget, shape: Shape): Promise<Cast> {
    const byTarget = this.known.get(shape) ?? new Map<RunningTarget, Promise<Cast>>();
    this.known.set(shape, byTarget);
    const found = byTarget.get(running) ?? populate(running, shape);
    byTarget.set(running, found);
    return found;
  }
}

async function populate(running: RunningTarget, { population, cast }: Shape): Promise<Cast> {
  const populated = await running.populate(population);
  return { rooms: populated.rooms, clients: cast(populated) };
}
