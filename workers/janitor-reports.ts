/** What the janitor did, in log lines and metrics (O3): nothing of it is silent. */
import { Counter, Gauge } from 'prom-client';
import type { JanitorReport } from '#actors/janitor/ports.js';
import type { Log } from '#src/log.js';
import { type Month, monthName } from '#src/months.js';

/** Registers the metrics; call it once a process. */
export function createJanitorReports(log: Log): (report: JanitorReport) => void {
  const strays = new Gauge({
    name: 'nubo_log_default_rows',
    help: 'Rows in the default partition of the log when the janitor last looked; 0 when all is well.',
    aggregator: 'sum',
  });
  const made = new Counter({
    name: 'nubo_log_partitions_made_total',
    help: 'Months of the log that were made.',
  });
  const moved = new Counter({
    name: 'nubo_log_rows_moved_total',
    help: 'Rows that were moved out of the default partition.',
  });
  const detached = new Counter({
    name: 'nubo_log_partitions_detached_total',
    help: 'Months past their retention that were taken out of the log.',
  });
  const rounds = new Counter({
    name: 'nubo_janitor_rounds_total',
    help: 'Rounds of the janitor, by how they ended.',
    labelNames: ['result'],
  });
  return (report) => {
    switch (report.kind) {
      case 'strays':
        strays.set(report.rows);
        if (report.rows === 0) return;
        return log.warn(
          { rows: report.rows, months: namesOf(report.months) },
          'rows of the log are in the default partition: their months were not made in time',
        );
      case 'made':
        made.inc();
        moved.inc(report.moved);
        return log.info(
          { month: monthName(report.month), moved: report.moved },
          'a month of the log was made',
        );
      case 'detached':
        detached.inc();
        return log.warn(
          { month: monthName(report.month), rows: report.rows, table: report.table },
          report.table === undefined
            ? 'a month past its retention was dropped, with all its rows'
            : 'a month past its retention was taken out of the log; its table is kept',
        );
      case 'failed':
        return log.warn({ reason: report.message }, `${report.what} failed and is tried again soon`);
      case 'round over':
        return rounds.inc({ result: report.isWell ? 'well' : 'failed' });
      default:
        return report satisfies never;
    }
  };
}

function namesOf(months: readonly Month[]): string[] {
  return months.map(monthName);
}
