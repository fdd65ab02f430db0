/**
 * Pages of history by seq, as people scroll: hot ones that the conversation remembers, recent ones from Redis and from
 * Mongo, old ones from Postgres, whose memory may have them or not.
 */
import { figures } from '../figures.js';
import { coresOf, cpuEach, ofNubo, playOn } from '../generator/special/measure.js';
import type { HistoryTask, HistoryWindow } from '../generator/special/tasks.js';
import { RedisPages, redisPageParts } from '../mirrors/redis-pages.js';
import { benchMongo, benchRedis, type RedisHere } from '../mirrors/servers.js';
import { TierHistory } from '../mirrors/tier-history.js';
import { given } from '../run/given.js';
import { figureOf } from '../run/ratios.js';
import type { BenchContext, Scenario } from '../run/scenario.js';
import type { RunningNubo } from '../targets/nubo.js';

const pageEvents = 50;
const textBytes = 60;
const whole = { rooms: 40, messagesEach: 5_000, readers: 16, outstanding: 2 };
const smoke = { rooms: 2, messagesEach: 500, readers: 2, outstanding: 2 };

/** What is not dense, not full or not what was written is a fault; so is a page that was refused. */
function judgeWindow(bench: BenchContext, { name, wrong, refused, reads, details }: HistoryWindow): void {
  if (reads === 0) bench.fault(`history, ${name}: nothing was read`);
  if (wrong + refused === 0) return;
  bench.fault(`history, ${name}: ${wrong} pages were wrong and ${refused} refused: ${details.join('; ')}`);
}

export const history: Scenario = {
  name: 'history',
  title: 'history by seq over WebSocket, 32 reads outstanding, pages of 50',
  says: 'Pages a second: hot (remembered), recent (Redis, Mongo), old (Postgres, cold and warm); each checked',
  ...{ seconds: 240, rounds: 5, playSeconds: 5 },
  ratios: [
    {
      ...figures.pageFromRedis,
      of: figureOf(redisPageParts.tier, 'readsPerSecond'),
      to: figureOf(redisPageParts.bare, 'readsPerSecond'),
    },
  ],
  async run(bench) {
    const redis = await benchRedis(bench);
    const mongo = await benchMongo(bench);
    try {
      await readAll(bench, { redis, mongo });
    } finally {
      await Promise.all([redis?.stop(), mongo?.stop()]);
    }
  },
};

type Mirrors = {
  readonly redis: RedisHere | undefined;
  readonly mongo: Awaited<ReturnType<typeof benchMongo>>;
};

/** Each with a nubo of its own, whose only mirror it is, so that nobody else answers. */
async function mirrorsOf(bench: BenchContext, { redis, mongo }: Mirrors): Promise<TierHistory[]> {
  const shape = { ...(bench.options.isSmoke ? smoke : whole), pageEvents, textBytes };
  const filled: TierHistory[] = [];
  for (const [tier, server] of [['redis', redis] as const, ['mongo', mongo] as const]) {
    if (server === undefined) continue;
    const nubo = await bench.ownNubo(server.settings);
    const label = `nubo with ${server.name} alone`;
    const history = new TierHistory(bench, { nubo, shape, tier, label });
    if (await history.fill()) filled.push(history);
  }
  return filled;
}

async function barePages(bench: BenchContext, { url, prefix }: RedisHere): Promise<RedisPages> {
  const { isSmoke, seconds } = bench.options;
  bench.say('pages are put into Redis');
  return RedisPages.open({
    ...{ url, prefix: `${prefix}bare:`, pageEvents, textBytes, outstanding: 32 },
    ...{ rooms: isSmoke ? 2 : 40, messagesEach: 500, seconds: isSmoke ? 0.3 : Math.min(3, seconds) },
  });
}

async function readAll(bench: BenchContext, mirrors: Mirrors): Promise<void> {
  const own = await OwnHistory.fill(bench);
  const tiers = await mirrorsOf(bench, mirrors);
  const pages = mirrors.redis === undefined ? undefined : await barePages(bench, mirrors.redis);
  try {
    await bench.rounds(async () => {
      await own.read();
      for (const tier of tiers) await tier.read((window) => judgeWindow(bench, window));
      if (pages === undefined) return;
      bench.say('pages of Redis, through the tier and bare');
      bench.record(await pages.bareBytes());
      bench.record(await pages.tier());
      bench.record(await pages.bareBytes());
    });
  } finally {
    pages?.close();
  }
}

/** A nubo without mirrors that starts again for each round. */
class OwnHistory {
  private readonly bench: BenchContext;
  private readonly nubo: RunningNubo;
  private readonly past: Omit<HistoryTask, 'kind' | 'windows' | 'address'>;

  private constructor(bench: BenchContext, nubo: RunningNubo, past: OwnHistory['past']) {
    this.bench = bench;
    this.nubo = nubo;
    this.past = past;
  }

  static async fill(bench: BenchContext): Promise<OwnHistory> {
    const { codec, isSmoke, seconds } = bench.options;
    const { rooms, messagesEach, readers, outstanding } = isSmoke ? smoke : whole;
    const nubo = await bench.ownNubo();
    bench.say('people and rooms are made');
    const everybody = Array.from({ length: readers }, (_, reader) => reader);
    const populated = await nubo.populate({ users: readers, rooms, membersOf: () => everybody });
    const server = { codec, rooms: populated.rooms };
    const tokens = populated.users.map(({ token }) => token);
    const filled = await playOn(bench, nubo, {
      kind: 'fill',
      ...{ ...server, address: nubo.address, token: tokens[0] ?? '', messagesEach, textBytes },
    });
    return new OwnHistory(bench, nubo, {
      ...{ ...server, tokens, ...filled.report, pageEvents, outstanding, seconds },
    });
  }

  async read(): Promise<void> {
    const { bench, nubo } = this;
    // Its caches and the database's are empty then; the system's own are not.
    bench.say('nubo starts again');
    await nubo.restart();
    const { report, windows } = await playOn(bench, nubo, {
      kind: 'history',
      ...{ ...this.past, address: nubo.address },
      windows: [
        { name: 'cold', reads: 'every page' },
        { name: 'warm', reads: 'every page' },
        { name: 'newest', reads: 'newest' },
      ],
    });
    for (const window of report.windows) {
      judgeWindow(bench, window);
      bench.record({
        ...ofNubo(bench.options, `nubo, ${window.name}`),
        figures: given({
          readsPerSecond: window.reads / window.seconds,
          eventsPerSecond: window.events / window.seconds,
          megabytesPerSecond: window.bytes / window.seconds / 1e6,
          ...{ readP50: window.read?.p50, readP99: window.read?.p99 },
          pages: window.reads,
          ...coresOf(windows.get(window.name)),
        }),
        ...cpuEach(windows.get(window.name), window.reads),
      });
    }
  }
}
