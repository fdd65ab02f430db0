/** Where a mirror stands beside the sources of its changes. */
import { watchedEntities } from '#src/entities/index.js';
import { changesOfEvents } from '#src/entities/log-changes.js';
import { EntityChanges } from '#src/storage/postgres/entity-changes.js';
import { createEntityStore } from '#src/storage/postgres/entity-store.js';
import { LogChanges, openLogChanges } from '#src/storage/postgres/log-changes.js';
import type { ChangeSource } from '#src/storage/tiers/ports.js';
import { Unreachable, type VerifiedTier } from './tier.js';

type Answer<Result> = Exclude<Result, { kind: 'failed' }>;

/** Every source of the database: one for each shard that ever wrote, and one for what is watched. */
export function openSources(
  url: string,
  shards: readonly number[],
): { sources: ChangeSource[]; close(): Promise<void> } {
  const sql = openLogChanges(url, 'nubo command');
  return {
    sources: [
      ...shards.map((shard) => new LogChanges({ sql, shard, changesOf: changesOfEvents })),
      new EntityChanges({ sql, store: createEntityStore(sql), entities: watchedEntities }),
    ],
    close: () => sql.end({ timeout: 1 }),
  };
}

/** In sentences, only where something is to be said. */
export async function standingOf(tier: VerifiedTier, sources: readonly ChangeSource[]): Promise<string[]> {
  const sentences: string[] = [];
  for (const source of sources) {
    const position = await tier.position(source.name);
    if (position === undefined) {
      const { changes } = await asked(source.read.bind(source, { after: 0, limit: 1 }));
      if (changes.length > 0)
        sentences.push(
          `${tier.name} knows nothing of ${source.name}: it was wiped, or nobody wrote to it yet`,
        );
      continue;
    }
    if (position < 0) {
      sentences.push(`${tier.name} is being filled from ${source.name}, or was left half filled`);
      continue;
    }
    const { changes, to } = await asked(source.read.bind(source, { after: position, limit: 1 }));
    if (changes.length === 0) continue;
    const { head } = await asked(source.head.bind(source));
    sentences.push(
      `${tier.name} lags behind ${source.name}: it stands at ${position}, Postgres at ${Math.max(head, to)}`,
    );
  }
  return sentences;
}

/** @throws Unreachable when the source fails */
export function asked<Result extends { kind: string }>(
  ask: (done: (result: Result) => void) => void,
): Promise<Answer<Result>> {
  return new Promise((resolve, reject) =>
    ask((result) => {
      if (result.kind !== 'failed') return resolve(result as Answer<Result>);
      const { message } = result as unknown as { message: string };
      reject(new Unreachable(message));
    }),
  );
}
