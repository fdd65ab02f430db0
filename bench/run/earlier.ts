/** Rows of peers that cannot be run here, made of an earlier measurement and a limit of this run. */
import type { Measurement, Target } from '../contract.js';
import { rawPublish } from '../limits/index.js';
import { type EarlierRow, earlierLimits, earlierRows } from '../peers/earlier.js';
import { numberText } from '../report/numbers.js';
import { given } from './given.js';

/** Behind the name of such a part, so that nobody takes it for one that was run. */
const suffix = ' (not run here)';

/** The rows of a scenario for these peers. */
export function earlierRowsOf(scenario: string, absent: readonly Target[]): readonly EarlierRow[] {
  const names = new Set(absent.map(({ name }) => name));
  return (earlierRows[scenario] ?? []).filter(({ peer }) => names.has(peer));
}

/** The limit of those days is measured again where no scenario does. */
export async function measureEarlierPublish(seconds: number, signal: AbortSignal): Promise<Measurement> {
  const shape = { subscribers: 1_000, bytes: 200, perTurn: 1 };
  const measured = await rawPublish({ ...shape, seconds, signal });
  return { ...measured, part: 'raw publish, 1 × 1,000, 200 bytes, 1 a turn' };
}

/** One measurement for each row of which the round has the limit. */
export function earlierMeasurements(
  rows: readonly EarlierRow[],
  round: readonly Measurement[],
  peers: readonly Target[],
): Measurement[] {
  return rows.flatMap((row) => {
    const { figure, perSecond, unit } = earlierLimits[row.limit];
    const now = round.find(({ part }) => part === row.limit)?.figures[figure];
    if (now === undefined) return [];
    const { ackedPerSecond: acked, deliveriesPerSecond: delivered } = row;
    const scaled = (rate: number | undefined) => (rate === undefined ? undefined : (rate / perSecond) * now);
    const was =
      acked === undefined ? `${numberText(delivered)} deliveries/s` : `${numberText(acked)} acked/s`;
    const ack = peers.find(({ name }) => name === row.peer)?.ack;
    return [
      {
        ...{ part: `${row.part}${suffix}`, kind: 'peer' },
        label:
          `not run here: from an earlier measurement, ${was} where ${row.limit} gave ${numberText(perSecond)} ${unit}, ` +
          'as a ratio to that limit in this run',
        ...(ack === undefined ? {} : { ack }),
        figures: given({ ackedPerSecond: scaled(acked), deliveriesPerSecond: scaled(delivered) }),
      } satisfies Measurement,
    ];
  });
}

/** A round in which such rows stand for the parts that were not run. */
export function withEarlier(round: readonly Measurement[]): Measurement[] {
  return round.map((one) =>
    one.part.endsWith(suffix) ? { ...one, part: one.part.slice(0, -suffix.length) } : one,
  );
}
