/** Batches that Postgres commits late, when nobody waits for them any more: the mirrors hear of them all the same. */
import { setTimeout as sleep } from 'node:timers/promises';
import { openSql } from '#src/storage/postgres/sql.js';
import { checkRun } from '#test/support/checker.js';
import { compareMongo, compareRedis, differencesOf } from '#test/support/compare-tiers.js';
import { Load } from '#test/support/load.js';
import { metricOf, readMetrics } from '#test/support/metrics-text.js';
import { startCluster } from '#test/support/postgres-cluster.js';
import { readLog } from '#test/support/stored-log.js';
import { TcpProxy } from '#test/support/tcp-proxy.js';
import { countLateCommits, cutAgainAndAgain } from './cut-trials.js';
import { envFor } from './rival-trials.js';
import type { DrillResult } from './tier-drills.js';
import { startTiered } from './tiered-server.js';

const shape = { rooms: 4, senders: 8, outstanding: 4, listeners: 1, isTenacious: true };
const levelMsMax = 30_000;
/** Whether a cut makes a batch late is chance: they are cut again, in rounds, until enough were. */
const roundsMax = 6;

/**
 * `counted`: the batches that were committed late; `wrong`: what a check of the run and of both mirrors finds.
 *
 * @param cuts of a round
 * @param least as many batches are to be late
 */
export async function lateCommits(
  { cuts, least }: { cuts: number; least: number },
  log: (line: string) => void,
): Promise<DrillResult> {
  const cluster = await startCluster({ track_commit_timestamp: 'on', fsync: 'on' });
  const { proxy, url: through } = await TcpProxy.inFrontOf(cluster.url);
  const sql = openSql(cluster.url, { max: 1, statementMs: 0 });
  const tiered = await startTiered('late', envFor(through));
  const { server, redis, mongoUrl } = tiered;
  try {
    const load = await Load.prepare(server, shape);
    await load.connect(server.address);
    load.begin();
    let tries = 0;
    let counted = 0;
    for (let round = 0; round < roundsMax && counted < least; round += 1) {
      await cutAgainAndAgain(load, proxy, cuts);
      tries += cuts;
      counted = await countLateCommits(sql);
    }
    load.pause();
    await load.settled();
    load.close();
    const violations = checkRun(load.record((await readLog(sql, load.rooms)).map(({ event }) => event)));
    for (const { rule, message } of violations.slice(0, 5)) log(`${rule}: ${message}`);
    const until = performance.now() + levelMsMax;
    for (;;) {
      const compared = [await compareMongo(sql, mongoUrl), await compareRedis(sql, redis.url)];
      const differences = compared.reduce((sum, comparison) => sum + differencesOf(comparison), 0);
      if (differences > 0 && performance.now() < until) {
        await sleep(500);
        continue;
      }
      for (const { details } of compared) for (const detail of details) log(detail);
      const repaired = metricOf(await readMetrics(server), 'nubo_mirror_changes_total', { way: 'repair' });
      log(
        `late commits: ${counted} batches in ${tries} cuts, ${repaired ?? 0} changes came to mirrors by repair`,
      );
      return {
        name: 'commits that come late',
        tries,
        least,
        counted,
        wrong: violations.length + differences,
      };
    }
  } finally {
    await tiered.end();
    await sql.end();
    await proxy.close();
    await cluster.stop();
  }
}
