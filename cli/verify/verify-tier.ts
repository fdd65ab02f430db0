/** Compares one tier with Postgres: what differs is looked at a second time, for a server may be writing. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Entity } from '#src/entities/entity.js';
import type { PostgresTruth, RecentShelf } from '#src/storage/postgres/truth.js';
import type { Element } from '#src/storage/tiers/ports.js';
import { differenceOf, type Found } from './compare.js';
import { pagesOver } from './spread.js';
import type { VerifiedTier } from './tier.js';

export interface VerifyOptions {
  readonly truth: PostgresTruth;
  /** Elements that are looked at in each direction, about; Infinity: all. */
  readonly sample: number;
  /** Between the first and the second look. */
  readonly momentMs: number;
  onStep?(name: string, total: number): { add(count: number): void; end(): unknown };
}

export interface TierFindings {
  /** Elements of the tier that were looked at, and elements of Postgres that were looked for in it. */
  readonly seen: number;
  readonly sought: number;
  /** The first ones, in words. */
  readonly told: readonly string[];
  /** By entity, or `others`. */
  readonly counts: ReadonlyMap<string, number>;
}

interface Suspicion {
  readonly entity: Entity;
  readonly key: unknown;
  readonly name: string;
  readonly isExpected: boolean;
}

const toldMax = 20;
/** More are looked at again before the walk goes on: memory stays bounded. */
const suspicionsMax = 10_000;
const lookMax = 200;

export function verifyTier(tier: VerifiedTier, options: VerifyOptions): Promise<TierFindings> {
  return new TierVerifier(tier, options).run();
}

class TierVerifier {
  private readonly tier: VerifiedTier;
  private readonly options: VerifyOptions;
  private readonly told: string[] = [];
  private readonly counts = new Map<string, number>();
  private suspicions: Suspicion[] = [];
  private horizon: number | undefined;
  private seen = 0;
  private sought = 0;

  constructor(tier: VerifiedTier, options: VerifyOptions) {
    this.tier = tier;
    this.options = options;
  }

  async run(): Promise<TierFindings> {
    const { truth } = this.options;
    this.horizon = await truth.horizon();
    await this.lookAtTier();
    if (this.tier.isWhole) for (const shelf of truth.shelves()) await this.lookForRecent(shelf);
    await this.lookAgain();
    const { seen, sought, told, counts } = this;
    return { seen, sought, told, counts };
  }

  private async lookAtTier(): Promise<void> {
    const { tier, options } = this;
    const count = await tier.count();
    const wanted = options.sample >= count ? Number.POSITIVE_INFINITY : options.sample;
    const step = options.onStep?.(tier.name, Math.min(count, wanted));
    for await (const { found, strays = [], rows } of tier.pages(wanted)) {
      for (const stray of strays) this.add('others', stray);
      await this.suspect(found, false);
      this.seen += found.length;
      step?.add(rows);
    }
    step?.end();
  }

  private async lookForRecent(shelf: RecentShelf): Promise<void> {
    const { tier, options } = this;
    const count = await shelf.count();
    const wanted = options.sample >= count ? Number.POSITIVE_INFINITY : options.sample;
    const step = options.onStep?.(`${shelf.name} in ${tier.name}`, Math.min(count, wanted));
    for await (const { changes, rows } of pagesOver(shelf, { count, wanted })) {
      for (const [entity, ids] of idsByEntity(changes)) {
        const keys = ids.map((id) => tier.keyOf(entity, id));
        for (const part of partsOf(keys)) await this.suspect(await tier.look(entity, part), true);
        this.sought += ids.length;
      }
      step?.add(rows);
    }
    step?.end();
  }

  private async suspect(found: readonly Found[], isExpected: boolean): Promise<void> {
    for (const { found: one } of await this.differences(found, () => isExpected)) {
      this.suspicions.push({ entity: one.entity, key: one.key, name: one.name, isExpected });
    }
    if (this.suspicions.length >= suspicionsMax) await this.lookAgain();
  }

  private async lookAgain(): Promise<void> {
    const { suspicions } = this;
    this.suspicions = [];
    if (suspicions.length === 0) return;
    await sleep(this.options.momentMs);
    const byEntity = new Map<Entity, Map<string, Suspicion>>();
    for (const one of suspicions) {
      const others = byEntity.get(one.entity) ?? new Map<string, Suspicion>();
      byEntity.set(one.entity, others);
      const { name } = one;
      // Seen from both sides it is one difference.
      others.set(name, { ...one, isExpected: one.isExpected || others.get(name)?.isExpected === true });
    }
    for (const [entity, own] of byEntity) {
      for (const part of partsOf([...own.values()])) {
        const found = await this.tier.look(
          entity,
          part.map(({ key }) => key),
        );
        const isExpected = ({ name }: Found) => own.get(name)?.isExpected === true;
        for (const { found: one, what } of await this.differences(found, isExpected))
          this.add(one.entity.name, `${one.entity.name} ${one.id}: ${what}`);
      }
    }
  }

  /** The tier was asked before: what it has is in Postgres by now, at that version or a later one. */
  private async differences(
    found: readonly Found[],
    isExpected: (one: Found) => boolean,
  ): Promise<Array<{ found: Found; what: string }>> {
    const { truth } = this.options;
    const { horizon } = this;
    const truths = new Map<Found, Element | undefined>();
    for (const [entity, own] of byEntityOf(found)) {
      const elements = await truth.get(
        entity,
        own.map(({ id }) => id),
      );
      own.forEach((one, index) => {
        truths.set(one, elements[index]);
      });
    }
    return found.flatMap((one) => {
      const standards = { isExpected: isExpected(one), now: Date.now(), horizon };
      const what = differenceOf(one, truths.get(one), standards);
      return what === undefined ? [] : [{ found: one, what }];
    });
  }

  private add(name: string, sentence: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
    if (this.told.length < toldMax) this.told.push(sentence);
  }
}

function idsByEntity(changes: ReadonlyArray<{ entity: Entity; id: string }>): Map<Entity, string[]> {
  const ids = new Map<Entity, Set<string>>();
  for (const { entity, id } of changes) {
    const own = ids.get(entity) ?? new Set();
    ids.set(entity, own.add(id));
  }
  return new Map([...ids].map(([entity, own]) => [entity, [...own]]));
}

function byEntityOf(found: readonly Found[]): Map<Entity, Found[]> {
  const byEntity = new Map<Entity, Found[]>();
  for (const one of found) {
    const own = byEntity.get(one.entity) ?? [];
    own.push(one);
    byEntity.set(one.entity, own);
  }
  return byEntity;
}

function* partsOf<Item>(items: readonly Item[]): Generator<Item[]> {
  for (let start = 0; start < items.length; start += lookMax) yield items.slice(start, start + lookMax);
}
