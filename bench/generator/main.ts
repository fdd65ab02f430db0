/** The generator's process: gets a crowd, says when it is ready, plays when told to, and ends with its parent. */
import type { Crowd, GeneratorLine } from '../contract.js';
import { adapters } from './adapters/index.js';
import { Player } from './player.js';

/** What the bench says to it. */
export type Order =
  | { readonly kind: 'crowd'; readonly crowd: Crowd }
  | { readonly kind: 'go' }
  | { readonly kind: 'stop' };

let player: Player | undefined;

function say(line: GeneratorLine): void {
  process.send?.(line);
}

/** Says the last thing, and ends once it was heard. */
function end(line: GeneratorLine): void {
  process.send?.(line, () => process.exit(line.kind === 'failed' ? 1 : 0));
}

function fail(error: unknown): void {
  end({ kind: 'failed', why: error instanceof Error ? error.message : String(error) });
}

async function prepare(crowd: Crowd): Promise<void> {
  const adapter = adapters[crowd.adapter];
  if (adapter === undefined) throw new Error(`The load generator has no adapter named ${crowd.adapter}.`);
  player = new Player(crowd, adapter, say);
  await player.connect();
}

async function play(): Promise<void> {
  if (player === undefined) throw new Error('There is no crowd to play.');
  end({ kind: 'done', play: await player.play() });
}

process.on('message', (order: Order) => {
  if (order.kind === 'crowd') prepare(order.crowd).catch(fail);
  else if (order.kind === 'go') play().catch(fail);
  else player?.stop();
});
process.on('uncaughtException', fail);
process.on('disconnect', () => process.exit(1));
// Ctrl-C reaches the whole group: the parent decides what becomes of it.
for (const signal of ['SIGINT', 'SIGHUP'] as const) process.on(signal, () => {});
