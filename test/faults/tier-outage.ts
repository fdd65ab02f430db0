/** A mirror that is killed or frozen under an open loop, and what senders, readers and the server's memory saw of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { medianOf } from '#bench/report/statistics.js';
import { memoryBytesOf } from '#bench/targets/processes.js';
import { openSql } from '#src/storage/postgres/sql.js';
import { checkRun, type Violation } from '#test/support/checker.js';
import { type Comparison, compareMongo, compareRedis, differencesOf } from '#test/support/compare-tiers.js';
import { Load, type LoadOptions } from '#test/support/load.js';
import { Pace } from '#test/support/load-pace.js';
import { metricOf, readMetrics } from '#test/support/metrics-text.js';
import { PageReader } from '#test/support/page-reader.js';
import type { ServerControl } from '#test/support/server-process.js';
import { readLog } from '#test/support/stored-log.js';

import type { TieredServer } from './tiered-server.js';

export interface Outage {
  readonly tier: 'redis' | 'mongo';
  readonly how: 'killed' | 'frozen';
  readonly seconds: number;
}

export interface OutagePlan {
  readonly perSecond: number;
  readonly warmUpSeconds: number;
  /** Each of which has a p99 of its own; the median of them counts. */
  readonly windowSeconds: number;
  /** Before the outage. */
  readonly baselineWindows: number;
  /** Sending goes on for so long once it is over. */
  readonly afterSeconds: number;
  /** Given up when the mirrors are not level by then. */
  readonly levelSecondsMax: number;
}

export interface OutageResult {
  readonly outage: Outage;
  /** Milliseconds: the median over windows. */
  readonly baselineP99: number;
  readonly outageP99: number;
  readonly afterP99: number;
  readonly acked: number;
  readonly violations: readonly Violation[];
  readonly refused: number;
  readonly pages: number;
  readonly wrongPages: number;
  readonly slowestPageMs: number;
  /** From healing until /metrics said that nothing waits; undefined: not in time. */
  readonly levelSeconds: number | undefined;
  /** Of the stores themselves, after that. */
  readonly mongo: Comparison;
  readonly redis: Comparison;
  /** Of the server, in megabytes: at the start and at the end of the outage, and the most in between. */
  readonly memoryMb: { readonly before: number; readonly after: number; readonly most: number };
  readonly backlogItemsMost: number;
  readonly backlogMbMost: number;
  /** The generator's own worst delay, in milliseconds. */
  readonly generatorLateMs: number;
}

const shape: LoadOptions = { rooms: 12, senders: 48, outstanding: 0, listeners: 1 };
const sampleMs = 1_000;

export async function playOutage(
  tiered: TieredServer,
  outage: Outage,
  plan: OutagePlan,
  say: (what: string) => void = () => {},
): Promise<OutageResult> {
  const { server } = tiered;
  const load = await Load.prepare(server, { ...shape, name: `${outage.tier} ${outage.how}` });
  const pace = new Pace(load);
  const reader = new PageReader(load);
  const watch = new Watch(tiered);
  try {
    await load.connect(server.address);
    pace.begin(plan.perSecond);
    await reader.begin(server.address);
    await sleep(plan.warmUpSeconds * 1_000);
    const baselineP99 = await windows(pace, plan, plan.baselineWindows);
    watch.begin();
    await harm(tiered[outage.tier], outage);
    const outageP99 = await windows(pace, plan, Math.round(outage.seconds / plan.windowSeconds));
    const seen = watch.end();
    const healedAt = performance.now();
    await heal(tiered[outage.tier], outage);
    const afterP99 = await windows(pace, plan, Math.round(plan.afterSeconds / plan.windowSeconds));
    pace.end();
    await reader.end();
    say(
      `${outage.tier} ${outage.how}: p99 ${baselineP99.toFixed(1)} ms before, ${outageP99.toFixed(1)} during`,
    );
    await load.settled(60_000);
    const levelSeconds = await untilLevel(tiered, healedAt, plan.levelSecondsMax);
    say(
      `${outage.tier} ${outage.how}: mirrors level after ${levelSeconds?.toFixed(1) ?? 'too many'} s, now compared`,
    );
    const checked = await check(tiered, load, reader);
    const { book } = load;
    return {
      ...{ outage, baselineP99, outageP99, afterP99, levelSeconds, ...checked, ...seen },
      acked: book.acks.length,
      refused: [...book.sent.values()].filter(({ refused }) => refused !== undefined).length,
      ...{ pages: reader.asked, wrongPages: reader.wrong, slowestPageMs: reader.slowestMs },
      generatorLateMs: pace.latestMs,
    };
  } finally {
    pace.end();
    watch.end();
    load.close();
  }
}

/** Load and pages without an outage, as a figure to compare with: the median p99. */
export async function playCalm(
  server: TieredServer['server'],
  plan: OutagePlan,
): Promise<{ p99: number; acked: number; refused: number }> {
  const load = await Load.prepare(server, { ...shape, name: 'calm' });
  const pace = new Pace(load);
  try {
    await load.connect(server.address);
    pace.begin(plan.perSecond);
    await sleep(plan.warmUpSeconds * 1_000);
    const p99 = await windows(pace, plan, plan.baselineWindows);
    pace.end();
    await load.settled(60_000);
    const refused = [...load.book.sent.values()].filter((operation) => operation.refused !== undefined);
    return { p99, acked: load.book.acks.length, refused: refused.length };
  } finally {
    pace.end();
    load.close();
  }
}

async function windows(pace: Pace, { windowSeconds }: OutagePlan, count: number): Promise<number> {
  const p99s: number[] = [];
  for (let window = 0; window < count; window += 1) {
    const from = performance.now();
    await sleep(windowSeconds * 1_000);
    p99s.push(pace.p99(from, performance.now()));
  }
  return medianOf(p99s);
}

async function harm(tier: ServerControl, { how }: Outage): Promise<void> {
  if (how === 'frozen') tier.freeze();
  else await tier.kill();
}

async function heal(tier: ServerControl, { how }: Outage): Promise<void> {
  if (how === 'frozen') tier.thaw();
  else await tier.restart();
}

/** Nothing waits for a mirror any more, as /metrics says twice. */
async function untilLevel(
  { server }: TieredServer,
  healedAt: number,
  secondsMax: number,
): Promise<number | undefined> {
  let levelAt: number | undefined;
  while (performance.now() - healedAt < secondsMax * 1_000) {
    const text = await readMetrics(server);
    const isLevel =
      metricOf(text, 'nubo_mirror_lag_seconds') === 0 && metricOf(text, 'nubo_mirror_backlog_items') === 0;
    if (isLevel && levelAt !== undefined) return (levelAt - healedAt) / 1_000;
    levelAt = isLevel ? performance.now() : undefined;
    await sleep(250);
  }
  return undefined;
}

async function check({ server, redis, mongoUrl }: TieredServer, load: Load, reader: PageReader) {
  const sql = openSql(server.runtime.postgresUrl, { max: 1, statementMs: 0 });
  try {
    const stored = await readLog(sql, load.rooms);
    const record = load.record(stored.map(({ event }) => event));
    return {
      violations: checkRun({ ...record, streams: [...record.streams, reader.stream] }),
      mongo: await compareMongo(sql, mongoUrl),
      redis: await compareRedis(sql, redis.url),
    };
  } finally {
    await sql.end();
  }
}

/** Differences of both mirrors from Postgres. */
export function differencesIn({ mongo, redis }: OutageResult): number {
  return differencesOf(mongo) + differencesOf(redis);
}

class Watch {
  private readonly tiered: TieredServer;
  private timer: NodeJS.Timeout | undefined;
  private readonly megabytes: number[] = [];
  private items = 0;
  private bytes = 0;

  constructor(tiered: TieredServer) {
    this.tiered = tiered;
  }

  begin(): void {
    this.megabytes.push(this.memory());
    this.timer = setInterval(() => void this.sample().catch(() => {}), sampleMs);
  }

  end(): Pick<OutageResult, 'memoryMb' | 'backlogItemsMost' | 'backlogMbMost'> {
    clearInterval(this.timer);
    const [before = Number.NaN] = this.megabytes;
    const after = this.megabytes.at(-1) ?? Number.NaN;
    return {
      memoryMb: { before, after, most: Math.max(...this.megabytes) },
      backlogItemsMost: this.items,
      backlogMbMost: Math.round(this.bytes / 1e5) / 10,
    };
  }

  private memory(): number {
    return Math.round(memoryBytesOf(this.tiered.server.pid) / 1e6);
  }

  private async sample(): Promise<void> {
    this.megabytes.push(this.memory());
    const text = await readMetrics(this.tiered.server);
    this.items = Math.max(this.items, metricOf(text, 'nubo_mirror_backlog_items') ?? 0);
    this.bytes = Math.max(this.bytes, metricOf(text, 'nubo_mirror_backlog_bytes') ?? 0);
  }
}
