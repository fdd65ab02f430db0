/** Settings of the server under which an ack would not be a promise (L12). */
import type { Sql } from 'postgres';
import { UserError } from '../../errors.js';

/** The oldest Postgres nubo is tested with. */
const versionMin = 150_000;

const refusals: ReadonlyArray<{ setting: string; isUnsafe: (value: string) => boolean; why: string }> = [
  { setting: 'fsync', isUnsafe: isOff, why: 'a power cut could lose everything' },
  { setting: 'full_page_writes', isUnsafe: isOff, why: 'a power cut could tear pages' },
  { setting: 'synchronous_commit', isUnsafe: isOff, why: 'a crash could lose messages that were acked' },
  { setting: 'server_encoding', isUnsafe: (value) => value !== 'UTF8', why: 'nubo stores UTF8 only' },
  {
    setting: 'server_version_num',
    isUnsafe: (value) => Number(value) < versionMin,
    why: 'nubo needs Postgres 15 or newer',
  },
];

function isOff(value: string): boolean {
  return value === 'off';
}

/** @throws UserError that names every setting that must be changed */
export async function checkSettings(sql: Sql): Promise<void> {
  const rows = await sql<Array<{ name: string; value: string }>>`
    select name, current_setting(name) as value from pg_settings
    where name = any(${refusals.map(({ setting }) => setting)}::text[])`;
  const values = new Map(rows.map(({ name, value }) => [name, value]));
  const wrong = refusals.flatMap(({ setting, isUnsafe, why }) => {
    const value = values.get(setting) ?? '';
    return isUnsafe(value) ? [`${setting} is ${value} (${why})`] : [];
  });
  if (wrong.length > 0) throw new UserError(`This Postgres is not safe for nubo: ${wrong.join(', ')}.`);
}
