/** Services that ask a database: an outage of it is nobody's mistake and no bug, and may be asked for again. */
import postgres from 'postgres';
import { NuboError } from '../../errors.js';

const outageRetryMs = 1_000;

/**
 * @param refusalOf what else the service may meet, as what its asker is told; undefined: it is a bug
 * @returns the service; it throws NuboError `unavailable` while the database is away, whose outcome is unknown
 */
export function guarded<Input, Output>(
  service: (input: Input) => Promise<Output>,
  refusalOf: (error: unknown) => NuboError | undefined = () => undefined,
): (input: Input) => Promise<Output> {
  return async (input) => {
    try {
      return await service(input);
    } catch (error) {
      throw refusalOf(error) ?? (mayPass(error) ? away() : error);
    }
  };
}

function away(): NuboError {
  return new NuboError('unavailable', 'The database is away.', { retryMs: outageRetryMs });
}

/** Connection lost or refused, shutdown, deadlock, serialisation: SQLSTATE classes 08, 40, 53, 57, or Node's codes. */
function mayPass(error: unknown): boolean {
  if (error instanceof NuboError || !(error instanceof Error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (error instanceof postgres.PostgresError) return /^(08|40|53|57)/.test(code);
  return /^(CONNECTION_|CONNECT_TIMEOUT|ECONN|EPIPE|ETIMEDOUT)/.test(code);
}
