/**
 * What does a message cost in the actor runtime? Everything but the work of the actor: address, mailbox, run queue,
 * turn. Prints nanoseconds of CPU a message, and bytes an idle actor. Run: `node --expose-gc build/bench/micro/actors.js`
 */
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { createActorSystem } from '#src/runtime/system.js';

const ports = nodeRuntimePorts();

function createSystem(): { system: ReturnType<typeof createActorSystem>; counts: { heard: number } } {
  const counts = { heard: 0 };
  const system = createActorSystem({ ports });
  system.register('k', {
    create: () => ({
      receive() {
        counts.heard += 1;
      },
      mayPassivate: () => true,
    }),
    mailboxItemsMax: 100_000,
    mailboxBytesMax: 1e9,
    idleMs: 600_000,
    onUndelivered: () => {},
  });
  return { system, counts };
}

/** Addresses are made for each message, as a shard makes them from the conversation's id. */
async function measure(actors: number, total: number): Promise<void> {
  const { system, counts } = createSystem();
  const ids = Array.from(
    { length: actors },
    (_, index) => `01890a5d-ac96-774b-bcce-${index.toString(16).padStart(12, '0')}`,
  );
  const message = { kind: 'send' };
  const options = { bytes: 300 };
  const cpu = process.cpuUsage();
  let told = 0;
  while (told < total) {
    for (let count = 0; count < 1000; count += 1) {
      system.tell(`k/${ids[told % actors] ?? ''}`, message, options);
      told += 1;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  while (counts.heard < total) await new Promise((resolve) => setImmediate(resolve));
  const { user, system: kernel } = process.cpuUsage(cpu);
  const nanoseconds = Math.round(((user + kernel) / total) * 1e3);
  console.log({ actors, messages: total, nanosecondsEach: nanoseconds });
  system.stop();
}

async function measureIdle(actors: number): Promise<void> {
  const { system, counts } = createSystem();
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < actors; index += 1) system.tell(`k/${index}`, 1);
  while (counts.heard < actors) await new Promise((resolve) => setImmediate(resolve));
  globalThis.gc?.();
  const bytes = Math.round((process.memoryUsage().heapUsed - before) / actors);
  const cpu = process.cpuUsage();
  await new Promise((resolve) => setTimeout(resolve, 2_000));
  const { user, system: kernel } = process.cpuUsage(cpu);
  console.log({ idleActors: actors, bytesEach: bytes, cpuMsASecond: (user + kernel) / 2_000 });
  system.stop();
}

for (const actors of [1, 100, 10_000]) await measure(actors, 2_000_000);
await measureIdle(100_000);
