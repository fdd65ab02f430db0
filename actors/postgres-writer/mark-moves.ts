/** Moves of one member's marks, one after another, are one move: see MarkMove. */
import type { MarkMove } from '#src/storage/ports.js';

/** What `first` and then `second` do. */
export function afterMove(first: MarkMove | undefined, second: MarkMove): MarkMove {
  if (first === undefined) return second;
  const came = second.came ?? first.came;
  const quiet = second.quiet ?? first.quiet;
  return {
    mark: Math.max(Math.min(first.mark, second.low ?? first.mark), second.mark),
    ...least(first.low, second.low),
    ...greatest(first.delivered, second.delivered),
    ...(came === undefined ? {} : { came }),
    ...(quiet === undefined ? {} : { quiet }),
  };
}

function least(one: number | undefined, other: number | undefined): { low?: number } {
  if (one === undefined && other === undefined) return {};
  return { low: Math.min(one ?? Number.POSITIVE_INFINITY, other ?? Number.POSITIVE_INFINITY) };
}

function greatest(one: number | undefined, other: number | undefined): { delivered?: number } {
  return one === undefined && other === undefined ? {} : { delivered: Math.max(one ?? 0, other ?? 0) };
}
