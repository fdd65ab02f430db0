/** Can this server serve? Every shard is asked to commit an empty batch: the whole way of a message, without a row (O2). */
import type { Front } from '#src/front/front.js';

export interface Readiness {
  readonly ready: boolean;
  /** `ok`, or what is wrong, by shard. */
  readonly checks: Record<string, string>;
}

/** A shard that has not committed by then is not ready. */
const probeMsMax = 2000;
/** Probes are shared by those who ask at the same time, and answers kept this long, so that asking costs little. */
const keepMs = 500;

export function createReadiness(front: Pick<Front, 'call' | 'shardCount'>): () => Promise<Readiness> {
  let last: { at: number; answer: Promise<Readiness> } | undefined;
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at > keepMs) last = { at: now, answer: probeAll(front) };
    return last.answer;
  };
}

async function probeAll(front: Pick<Front, 'call' | 'shardCount'>): Promise<Readiness> {
  const results = await Promise.all(
    Array.from({ length: front.shardCount }, (_, shard) => probe(front, shard)),
  );
  const checks = Object.fromEntries(results.map((result, shard) => [`shard-${shard}`, result]));
  return { ready: results.every((result) => result === 'ok'), checks };
}

async function probe(front: Pick<Front, 'call' | 'shardCount'>, shard: number): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, probeMsMax, `no commit within ${probeMsMax} ms`);
  });
  try {
    return await Promise.race([front.call(shard, 'probe', null).then(() => 'ok'), late]);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    clearTimeout(timer);
  }
}
