/**
 * Mongo, wiped and filled again with all that is recent. Where it stands is said at the end only: cut in the middle it
 * stands nowhere, and whoever comes next (a server, or this command again) begins anew. A server that runs finds it wiped
 * and fills it as well: everything is written by its version, so nothing is lost by that.
 */
import type { Change } from '#src/entities/entity.js';
import { watchedEntities } from '#src/entities/index.js';
import { messages } from '#src/entities/messages.js';
import { StartError } from '#src/errors.js';
import type { MongoMirror } from '#src/storage/mongo/mongo-mirror.js';
import type { ChangeSource, MirrorStep } from '#src/storage/tiers/ports.js';
import { asked } from '../verify/standing.js';

export interface RebuildOptions {
  readonly mirror: MongoMirror;
  readonly sources: readonly ChangeSource[];
  onRows(rows: number): void;
  /** A stamp that no other rebuild has. */
  readonly stamp: number;
}

export interface Rebuilt {
  /** Changes that were written. */
  readonly changes: number;
  /** Those that Mongo cannot hold. */
  readonly poisoned: number;
  /** A server that runs looks after it. */
  readonly isServed: boolean;
}

/** A source that is none: what says at the end that nobody has wiped it again meanwhile. */
const mark = 'rebuild';
const pageRows = 1_000;
const counted: ReadonlySet<string> = new Set([messages, ...watchedEntities].map(({ name }) => name));

/** @throws Unreachable, StartError when somebody else has wiped it meanwhile */
export async function rebuildMongo({ mirror, sources, onRows, stamp }: RebuildOptions): Promise<Rebuilt> {
  await asked(mirror.clear.bind(mirror));
  await step(mirror, { source: mark, from: undefined, to: stamp });
  let changes = 0;
  let poisoned = 0;
  let isServed = false;
  const heads = new Map<ChangeSource, number>();
  for (const source of sources) heads.set(source, (await asked(source.head.bind(source))).head);
  for (const source of sources) {
    for await (const page of pagesOf(source)) {
      const written = await asked(mirror.put.bind(mirror, page));
      changes += page.length;
      poisoned += written.poisoned.length;
      onRows(page.filter(({ entity }) => counted.has(entity.name)).length);
    }
  }
  const { position } = await asked(mirror.position.bind(mirror, mark));
  if (position !== stamp) throw new StartError('Mongo was wiped by somebody else meanwhile: run this again.');
  for (const [source, head] of heads) {
    const isMoved = await step(mirror, { source: source.name, from: undefined, to: head });
    isServed ||= !isMoved;
  }
  return { changes, poisoned, isServed };
}

/** false: somebody else has moved it. */
async function step(mirror: MongoMirror, place: Omit<MirrorStep, 'changes'>): Promise<boolean> {
  const { kind } = await asked(mirror.apply.bind(mirror, { ...place, changes: [] }));
  return kind === 'applied';
}

async function* pagesOf(source: ChangeSource): AsyncGenerator<readonly Change[]> {
  let cursor: string | undefined;
  do {
    const page = await asked(source.walk.bind(source, { cursor, limit: pageRows }));
    yield page.changes;
    cursor = page.next;
  } while (cursor !== undefined);
}
