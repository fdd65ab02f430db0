import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createActorWorld } from '#test/support/actors.js';

interface Parcel {
  readonly from: string;
  readonly number: number;
  /** Crashes this many instances before it is handled; three or more make it poison. */
  readonly crashes: number;
}

const receivers = ['r0', 'r1', 'r2'];

const step = fc.record({
  from: fc.constantFrom('s0', 's1', 's2', 's3'),
  to: fc.constantFrom(...receivers),
  crashes: fc.oneof({ weight: 9, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 4 })),
  pauseMs: fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 3_000 })),
});

test('A4 A5 A6 A7 whatever crashes, rests or goes idle: each sender’s messages are handled in order, each is handled once or undelivered once', () => {
  const totals = { handled: 0, undelivered: 0, crashes: 0, rests: 0, passivated: 0 };
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), fc.integer(), (script, seed) => {
      const world = createActorWorld({ turn: { actorItemsMax: 3, threadItemsMax: 10 } }, seed);
      let dropped = 0;
      const outcome = new Map<string, string[]>(receivers.map((id) => [id, []]));
      const left = new Map<Parcel, number>();
      world.add('r', {
        idleMs: 2_000,
        mailboxItemsMax: 40,
        create: ({ id }) => ({
          receive(message) {
            const parcel = message as Parcel;
            const crashes = left.get(parcel) ?? 0;
            left.set(parcel, crashes - 1);
            if (crashes > 0) throw new Error('planted');
            outcome.get(id)?.push(`${parcel.from} ${parcel.number}`);
            totals.handled += 1;
          },
          mayPassivate: () => true,
          dropped: () => {
            dropped += 1;
          },
        }),
        onUndelivered: (message, _reason, id) => {
          const parcel = message as Parcel;
          outcome.get(id)?.push(`${parcel.from} ${parcel.number}`);
          totals.undelivered += 1;
        },
      });
      const accepted = new Map<string, string[]>(receivers.map((id) => [id, []]));
      let at = 0;
      let number = 0;
      for (const { from, to, crashes, pauseMs } of script) {
        at += pauseMs;
        number += 1;
        const parcel: Parcel = { from, number, crashes };
        world.simulation.schedule(at, () => {
          left.set(parcel, crashes);
          if (world.system.tell(`r/${to}`, parcel)) accepted.get(to)?.push(`${from} ${parcel.number}`);
        });
      }
      world.simulation.run({ untilMs: at + 60_000 });
      for (const id of receivers) {
        const told = accepted.get(id) ?? [];
        const heard = outcome.get(id) ?? [];
        expect([...heard].sort()).toEqual([...told].sort());
        for (const sender of ['s0', 's1', 's2', 's3']) {
          const isTheirs = (line: string) => line.startsWith(sender);
          expect(heard.filter(isTheirs)).toEqual(told.filter(isTheirs));
        }
      }
      const { actorsByKind, mailboxItems } = world.system.stats();
      expect({ actorsByKind, mailboxItems }).toEqual({ actorsByKind: { r: 0 }, mailboxItems: 0 });
      totals.passivated += dropped - world.crashes.length;
      totals.crashes += world.crashes.length;
      totals.rests += world.crashes.filter((crash) => crash.outcome === 'rest').length;
    }),
    { numRuns: 150 },
  );
  for (const [name, count] of Object.entries(totals)) expect(count, name).toBeGreaterThan(0);
});
