/** What an error of Postgres means to somebody who writes an element: one sentence with the name of the field. */
import postgres from 'postgres';
import type { Entity } from '../../entities/entity.js';
import { NuboError } from '../../errors.js';

const uniqueViolation = '23505';
const foreignKeyViolation = '23503';
const notNullViolation = '23502';

/** @returns the error itself when it is nobody's mistake */
export function refusalOf(entity: Entity, error: unknown): unknown {
  if (!(error instanceof postgres.PostgresError)) return error;
  const field = fieldOf(entity, error);
  switch (error.code) {
    case uniqueViolation:
      return new NuboError('taken', `This ${field ?? 'value'} is taken.`, { stored: false });
    case foreignKeyViolation:
      return invalid(`${field ?? 'A value'} names what does not exist.`);
    case notNullViolation:
      return invalid(`${field ?? 'A value'} must not be missing.`);
    default:
      // Data exceptions and checks: the value is none that the column takes.
      return /^2[23]/.test(error.code) ? invalid(`${field ?? 'A value'} cannot be stored.`) : error;
  }
}

function invalid(message: string): NuboError {
  return new NuboError('invalid', message, { stored: false });
}

/** Postgres names the column, or a constraint that is named after it: `users_email_key`. */
function fieldOf({ fields }: Entity, error: postgres.PostgresError): string | undefined {
  const named = Object.entries(fields).find(([, { column, storedAs = column }]) => {
    return error.column_name === undefined ? isNamedAfter(error, storedAs) : error.column_name === storedAs;
  });
  return named?.[0];
}

function isNamedAfter(
  { table_name: table, constraint_name: constraint }: postgres.PostgresError,
  column: string,
) {
  return ['key', 'check', 'fkey'].some((kind) => constraint === `${table}_${column}_${kind}`);
}
