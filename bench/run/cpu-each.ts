/** CPU of some work, by its units. */
import type { CpuEach, Measurement } from '../contract.js';

/** @param seconds of CPU. Absent when nothing was done, or the server's cannot be seen. */
export function cpuOfEach(seconds: CpuEach, units: number): Pick<Measurement, 'cpu'> {
  const { server, database, generator } = seconds;
  if (units === 0 || Number.isNaN(server)) return {};
  const each = (cpu: number) => (Number.isNaN(cpu) ? 0 : (cpu * 1e6) / units);
  return { cpu: { server: each(server), database: each(database), generator: each(generator) } };
}
