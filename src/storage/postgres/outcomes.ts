/** What an error of Postgres means for a batch (L8, L9, L10). */
import type { WriteOutcome } from '../ports.js';

export interface ServerError {
  /** SQLSTATE */
  readonly code: string;
  readonly message: string;
  /** Name of the violated constraint or unique index. */
  readonly constraint?: string | undefined;
}

/** Of nubo_claim: another owner raised the epoch; our own count is wrong. */
const fencedState = 'NB001';
const miscountState = 'NB002';
const uniqueViolation = '23505';
const checkViolation = '23514';

/**
 * Nobody's fault, and gone after a while: transaction rollback (40), invalid transaction state (25), resources (53),
 * a lock that was not had in time (55P03), operator intervention (57: shutdown, crash, statement timeout), system
 * errors such as a full disk (58), and a table that an operator is changing.
 */
const passing = /^(?:40|25|53|57|58|08)|^55P03$/;
/** Values the database will not take: data exceptions, and constraints but the unique ones of the log. */
const valueFault = /^(?:22|23)/;

/** The transaction did nothing: Postgres said so before it committed. */
export function outcomeOf(error: ServerError): WriteOutcome {
  const { code, constraint = '' } = error;
  const message = `${error.message} (${code})`;
  if (code === fencedState) return { kind: 'fenced' };
  if (code === miscountState) return { kind: 'broken', message };
  if (code === uniqueViolation && constraint.startsWith('conversation_log')) {
    // Leaves name their indexes after themselves: …_pkey on (id), …_seq on (conversation, seq).
    return constraint.endsWith('_pkey') ? { kind: 'duplicate' } : { kind: 'broken', message };
  }
  // A check without a name is the bound of a partition: a leaf was attached while the row waited for the default one.
  if (code === checkViolation && constraint === '') return { kind: 'retry', message };
  if (passing.test(code)) return { kind: 'retry', message };
  if (valueFault.test(code)) return { kind: 'bad', message };
  // A missing table, a refused permission, an internal error: no row of a client's does that, and no other row will do.
  return { kind: 'retry', message };
}
