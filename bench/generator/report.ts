/** What came of a play, put together when it is over. */
import type { Play, Second } from '../contract.js';
import type { Checker } from './checker.js';
import type { Connected } from './connecting.js';
import type { Latencies } from './latencies.js';
import type { Meters } from './meters.js';
import { acked, refused } from './sent.js';

export interface Played {
  readonly meters: Meters;
  readonly checker: Checker;
  readonly seconds: readonly Second[];
}

export interface Measured {
  readonly measuredSeconds: number;
  readonly cpuSeconds: number;
  readonly connected: Connected | undefined;
}

/** Beyond it, rate or latency may be the generator's own. */
const coreShareMax = 0.9;
const latenessMsMax = 5;

export function playOf({ meters, checker, seconds }: Played, measured: Measured): Play {
  const { measuredSeconds, cpuSeconds, connected } = measured;
  countUnanswered(meters, checker);
  const ack = meters.ack.percentiles();
  const delivery = meters.delivery.percentiles();
  const connect = connected?.latencies.percentiles();
  const isLate = (meters.lateness.at(99) ?? 0) > latenessMsMax;
  return {
    ...{ seconds, measuredSeconds, acked: meters.ackedMeasured, delivered: meters.deliveredMeasured },
    ...encoded('ack', meters.ack),
    ...encoded('delivery', meters.delivery),
    ...(ack === undefined ? {} : { ack }),
    ...(delivery === undefined ? {} : { delivery }),
    connectsPerSecond: connected?.perSecond ?? 0,
    ...(connect === undefined ? {} : { connect }),
    checks: checker.checks(),
    cpuSeconds,
    isBottleneck: isLate || cpuSeconds > coreShareMax * measuredSeconds,
  };
}

function encoded(name: 'ack' | 'delivery', latencies: Latencies): Partial<Play> {
  return latencies.count === 0 ? {} : { [`${name}Histogram`]: latencies.encoded() };
}

/** Left out, the slowest of all would make the percentiles better. */
function countUnanswered(meters: Meters, checker: Checker): void {
  const now = performance.now();
  for (const window of checker.windows) {
    if (window === undefined) continue;
    for (let ref = window.low; ref < window.next; ref++)
      if ((window.stateOf(ref) & (acked | refused)) === 0) meters.gaveUp(window.dueOf(ref), now);
  }
}
