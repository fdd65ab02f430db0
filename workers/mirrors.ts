/** The mirror writers of a shard: one actor for each mirror and source, fed with every batch of the shard's own log. */

import { type ChangesOf, CommittedBatch } from '#actors/mirror-writer/backlog.js';
import { MirrorWriter, type MirrorWriterMessage } from '#actors/mirror-writer/mirror-writer.js';
import type { MirrorReport } from '#actors/mirror-writer/ports.js';
import type { WriterPorts } from '#actors/postgres-writer/ports.js';
import type { ActorSystem } from '#src/runtime/actor.js';
import type { RuntimePorts } from '#src/runtime/ports.js';
import type { ChangeSource, Mirror, TierName } from '#src/storage/tiers/ports.js';
import { ReadAhead } from '#src/storage/tiers/read-ahead.js';

/** What this shard looks after beside its own log. */
export interface OtherSource {
  readonly source: ChangeSource;
  /** How often it is asked for something new. */
  readonly pollMs: number;
  /** Told up to when each mirror has all of it, by this clock. */
  readonly level?: { now(): number; reached(mirror: TierName, began: number, askedAt: number): void };
}

export interface MirrorOptions {
  readonly mirrors: readonly Mirror[];
  /** The log of this shard: its writers are told of every batch. */
  readonly log: ChangeSource;
  readonly others: readonly OtherSource[];
  readonly changesOf: ChangesOf;
  /** See MirrorWriterPorts. */
  busy?(): number;
  onReport?(mirror: TierName, source: string, report: MirrorReport): void;
}

/** @returns what is to be told of every batch of the shard's log */
export function startMirrors(
  system: ActorSystem,
  ports: RuntimePorts,
  options: MirrorOptions,
): NonNullable<WriterPorts['onCommitted']> {
  const { mirrors, log, others } = options;
  const feeds: Array<`${string}/${string}`> = [];
  for (const mirror of mirrors) {
    const kind = `${mirror.name}-writer`;
    const sources = new Map<string, OtherSource>([
      [idOf(log), { source: log, pollMs: 0 }],
      ...others.map((other) => [idOf(other.source), other] as const),
    ]);
    system.register<MirrorWriterMessage>(kind, {
      create: (context) => {
        const { source, pollMs, level }: OtherSource = sources.get(context.id) ?? { source: log, pollMs: 0 };
        return new MirrorWriter(context, {
          ...ports,
          ...{ mirror, source: new ReadAhead(source) },
          busy: () => options.busy?.() ?? 0,
          ...(pollMs > 0 ? { pollMs } : {}),
          ...(level === undefined
            ? {}
            : {
                level: {
                  now: () => level.now(),
                  reached: (began: number, askedAt: number) => level.reached(mirror.name, began, askedAt),
                },
              }),
          report: (report) => options.onReport?.(mirror.name, source.name, report),
        });
      },
      // Nothing is refused: what it has no room for it reads again.
      mailboxItemsMax: 1,
      mailboxBytesMax: 1,
      onUndelivered: () => {},
    });
    feeds.push(`${kind}/${idOf(log)}`);
    for (const id of sources.keys()) system.tell(`${kind}/${id}`, { kind: 'start' }, { system: true });
  }
  return (number, events) => {
    const batch = new CommittedBatch({ batch: number, events, at: ports.clock.now() }, options.changesOf);
    for (const address of feeds) system.tell(address, { kind: 'committed', batch }, { system: true });
  };
}

/** `log/3` as the id of an actor. */
function idOf(source: ChangeSource): string {
  return source.name.replace('/', '-');
}
