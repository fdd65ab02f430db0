/** What an operator is told when Redis refuses or is away: one sentence, with what to do. */

const known: ReadonlyArray<readonly [RegExp, string]> = [
  [
    /^NOAUTH|^-?NOAUTH|without any password|HELLO must be called with the client already authenticated/,
    'Redis asks for a password: put it into NUBO_REDIS_URL (redis://:password@host:6379)',
  ],
  [/^WRONGPASS|invalid password/, 'Redis refuses the user or password in NUBO_REDIS_URL'],
  [/^NOPERM/, 'the Redis user in NUBO_REDIS_URL may not do what nubo needs: give it its prefix and channels'],
  [
    /^MISCONF/,
    'Redis takes no writes because it cannot save to its disk: free the disk, or set stop-writes-on-bgsave-error no',
  ],
  [
    /^OOM/,
    'Redis is full: raise its maxmemory, and leave its maxmemory-policy at noeviction: nubo evicts by itself',
  ],
  [/^READONLY/, 'Redis is a read-only replica: let NUBO_REDIS_URL name the primary'],
  [/^LOADING/, 'Redis is still loading its data'],
  [/ENOTFOUND|EAI_AGAIN/, 'the host in NUBO_REDIS_URL is not known'],
  [/ECONNREFUSED/, 'nothing listens at NUBO_REDIS_URL: start Redis there, or correct the address'],
];

/** @param error of the driver */
export function redisSentence(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const found = known.find(([pattern]) => pattern.test(message) || pattern.test(code));
  return found?.[1] ?? `Redis: ${message || code || 'the connection was lost'}`;
}
