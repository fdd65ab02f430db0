/** Up to when the log was emptied (L16), as readers of mirrors must know it: mirrors may still have what has left. */
import type { Sql } from 'postgres';
import { readHorizon } from '#src/storage/postgres/log-reads.js';

const everyMs = 30_000;
const tryAgainMs = 500;

/**
 * Reads the horizon now and, where months leave the log, from time to time.
 *
 * @param options.moves whether months leave the log while this server runs
 * @returns `horizon`: Unix ms; undefined: not known yet
 */
export function watchHorizon({ sql, moves }: { sql: Sql; moves: boolean }): {
  horizon(): number | undefined;
  end(): void;
} {
  let horizon: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let isOver = false;
  const again = (ms: number): void => {
    if (!isOver) timer = setTimeout(look, ms).unref();
  };
  const look = (): void => {
    readHorizon(sql).then(
      (until = 0) => {
        horizon = until;
        if (moves) again(everyMs);
      },
      () => again(tryAgainMs),
    );
  };
  look();
  return {
    horizon: () => horizon,
    end: () => {
      isOver = true;
      clearTimeout(timer);
    },
  };
}
