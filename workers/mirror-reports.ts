/** What mirrors and tiers did, in log lines and metrics (O3): nothing of it is silent. */
import { Counter, Gauge, Histogram } from 'prom-client';
import type { MirrorReport } from '#actors/mirror-writer/ports.js';
import type { Log } from '#src/log.js';
import type { RecentSearch } from '#src/storage/postgres/search.js';
import type { ElementReaderPorts } from '#src/storage/tiers/element-reader.js';
import type { TierName } from '#src/storage/tiers/ports.js';
import type { SnapshotLoadsOptions } from '#src/storage/tiers/snapshot-loads.js';
import type { TieredLogOptions } from '#src/storage/tiers/tiered-log.js';
import type { MirrorOptions } from './mirrors.js';

type Standing = Extract<MirrorReport, { kind: 'standing' }>;

export interface MirrorReports {
  readonly onReport: NonNullable<MirrorOptions['onReport']>;
  readonly onTierRead: NonNullable<TieredLogOptions['onRead']>;
  readonly onElementRead: NonNullable<ElementReaderPorts['onRead']>;
  readonly onRecentSearch: RecentSearch['onAsked'];
  /** Of the tier that holds them. */
  onSnapshotLoad(tier: TierName): NonNullable<SnapshotLoadsOptions['onLoad']>;
}

/** Registers the metrics; call it once a thread. */
export function createMirrorReports(log: Log, now: () => number = Date.now): MirrorReports {
  const standings = new Map<string, { mirror: TierName; standing: Standing }>();
  const changes = counter('nubo_mirror_changes_total', 'Changes written to a mirror.', ['mirror', 'way']);
  const poisoned = counter('nubo_mirror_poisoned_total', 'Changes that a mirror could not hold.', [
    'mirror',
    'entity',
  ]);
  const overflowed = counter(
    'nubo_mirror_overflowed_total',
    'Events that left a full backlog, to be read again from Postgres.',
    ['mirror'],
  );
  const outages = counter('nubo_mirror_outages_total', 'How often a mirror could not be written to.', [
    'mirror',
  ]);
  const lost = counter('nubo_mirror_lost_total', 'How often a mirror was found to be wiped.', ['mirror']);
  const seconds = new Histogram({
    name: 'nubo_mirror_apply_seconds',
    help: 'From a step sent to a mirror to its answer.',
    labelNames: ['mirror'],
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.5, 2],
  });
  watchStandings(standings, now);

  const onReport: MirrorReports['onReport'] = (mirror, source, report) => {
    switch (report.kind) {
      case 'applied':
        changes.inc({ mirror, way: report.way }, report.changes);
        return seconds.observe({ mirror }, report.milliseconds / 1000);
      case 'poisoned': {
        const { change, message } = report.poisoned;
        poisoned.inc({ mirror, entity: change.entity.name });
        const what = { mirror, entity: change.entity.name, id: change.id, reason: message };
        return log.warn(what, 'a mirror cannot hold this; it is read from Postgres');
      }
      case 'overflowed':
        overflowed.inc({ mirror }, report.items);
        return log.info(
          { mirror, source, items: report.items },
          'a mirror is too far behind; it catches up from Postgres',
        );
      case 'failed':
        outages.inc({ mirror });
        return log.warn(
          { mirror, source, reason: report.message },
          `${report.what} failed and is tried again`,
        );
      case 'healed':
        return log.info({ mirror, source }, 'the mirror is written to again');
      case 'lost':
        lost.inc({ mirror });
        return log.info({ mirror, source }, 'the mirror knows nothing of this source: it begins anew');
      case 'ahead': {
        const where = { mirror, source, position: report.position, head: report.head };
        return log.warn(where, 'the mirror is ahead of the database, which was restored: it begins anew');
      }
      case 'refilled':
        return log.info(
          { mirror, source, changes: report.changes },
          'the mirror has all that is recent again',
        );
      case 'standing':
        standings.set(`${mirror} ${source}`, { mirror, standing: report });
        return;
      default:
        return report satisfies never;
    }
  };
  const recent = counter(
    'nubo_search_recent_total',
    'Searches, by what came of asking Mongo for recent words.',
    ['result'],
  );
  return { onReport, onRecentSearch: (result) => recent.inc({ result }), ...createTierReads() };
}

function createTierReads(): Pick<MirrorReports, 'onTierRead' | 'onElementRead' | 'onSnapshotLoad'> {
  const reads = counter(
    'nubo_tier_reads_total',
    'Pages, elements and snapshots asked of a tier, by what came of it.',
    ['tier', 'of', 'result'],
  );
  return {
    onSnapshotLoad: (tier) => (result) => reads.inc({ tier, of: 'snapshots', result }),
    onTierRead: (tier, result) => reads.inc({ tier, of: 'pages', result }),
    onElementRead: (tier, asked, had) => {
      reads.inc({ tier, of: 'elements', result: 'hit' }, had);
      reads.inc({ tier, of: 'elements', result: 'miss' }, asked - had);
    },
  };
}

function watchStandings(
  standings: ReadonlyMap<string, { mirror: TierName; standing: Standing }>,
  now: () => number,
): void {
  gauge(
    'nubo_mirror_lag_seconds',
    'Age of the oldest change that is not in the mirror.',
    'max',
    (standing) =>
      standing.pendingSince === undefined ? 0 : Math.max(0, now() - standing.pendingSince) / 1000,
  );
  gauge(
    'nubo_mirror_backlog_items',
    'Events that wait for a mirror.',
    'sum',
    ({ backlogItems }) => backlogItems,
  );
  gauge('nubo_mirror_backlog_bytes', 'What they weigh, about.', 'sum', ({ backlogBytes }) => backlogBytes);

  function gauge(
    name: string,
    help: string,
    aggregator: 'max' | 'sum',
    read: (standing: Standing) => number,
  ): void {
    new Gauge({
      ...{ name, help, aggregator },
      labelNames: ['mirror'],
      collect() {
        const values = new Map<TierName, number>();
        for (const { mirror, standing } of standings.values()) {
          const before = values.get(mirror) ?? 0;
          const value = read(standing);
          values.set(mirror, aggregator === 'sum' ? before + value : Math.max(before, value));
        }
        for (const [mirror, value] of values) this.set({ mirror }, value);
      },
    });
  }
}

function counter<Label extends string>(name: string, help: string, labelNames: Label[]): Counter<Label> {
  return new Counter({ name, help, labelNames });
}

/** What is found in a mirror that is none of ours: somebody else's bytes, another version's, a key of another type. */
export function countUnreadable(
  mirror: TierName,
  read: () => { readonly foreign: number; readonly shape: number; readonly wrongType: number },
): void {
  new Counter({
    name: 'nubo_mirror_unreadable_total',
    help: 'Values found in a mirror that are not believed.',
    labelNames: ['mirror', 'reason'],
    collect() {
      this.reset();
      const { foreign, shape, wrongType } = read();
      for (const [reason, count] of Object.entries({ foreign, shape, wrongType }))
        this.inc({ mirror, reason }, count);
    },
  });
}
