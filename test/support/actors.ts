/** Actors for tests of the runtime: what each instance hears is written down. */
import type { Actor, ActorContext, ActorKind, ActorSystem } from '#src/runtime/actor.js';
import type { Crash } from '#src/runtime/keeper.js';
import { type ActorSystemOptions, createActorSystem } from '#src/runtime/system.js';
import { createSimulation, type Simulation } from './sim-clock.js';

export interface Undelivered {
  readonly id: string;
  readonly message: unknown;
  readonly reason: 'poison' | 'resting';
  readonly at: number;
}

export interface ActorWorld {
  readonly simulation: Simulation;
  readonly system: ActorSystem;
  readonly crashes: Crash[];
  readonly undelivered: Undelivered[];
  /** Registers a kind; what is not given is roomy and harmless. */
  add(name: string, kind: Partial<ActorKind<unknown>> & Pick<ActorKind<unknown>, 'create'>): void;
}

export function createActorWorld(options: ActorSystemOptions = {}, seed = 1): ActorWorld {
  const simulation = createSimulation(seed);
  const crashes: Crash[] = [];
  const undelivered: Undelivered[] = [];
  const onCrash = (crash: Crash): void => void crashes.push(crash);
  const system = createActorSystem({ ports: simulation.ports, options: { onCrash, ...options } });
  return {
    simulation,
    system,
    crashes,
    undelivered,
    add(name, kind) {
      system.register<unknown>(name, {
        mailboxItemsMax: 100_000,
        mailboxBytesMax: 1e9,
        onUndelivered: (message, reason, id) =>
          void undelivered.push({ id, message, reason, at: simulation.now() }),
        ...kind,
      });
    },
  };
}

/** Writes down what it hears. */
export function recorder(heard: unknown[]): (context: ActorContext<unknown>) => Actor<unknown> {
  return () => ({ receive: (message) => void heard.push(message) });
}

/** Throws when `isBad` says so, else writes down what it hears as `id:message`. */
export function fragile(
  heard: string[],
  isBad: (message: unknown, context: ActorContext<unknown>) => boolean,
): (context: ActorContext<unknown>) => Actor<unknown> {
  return (context) => ({
    receive(message) {
      if (isBad(message, context)) throw new Error(`planted: ${String(message)}`);
      heard.push(`${context.id}:${String(message)}`);
    },
  });
}
