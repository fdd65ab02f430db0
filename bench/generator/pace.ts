/** When senders send: in a closed loop each for itself as it is answered, in an open one by a schedule. */
import type { Pace } from '../contract.js';
import type { Client } from './client.js';
import type { Meters } from './meters.js';
import { flush } from './outbox.js';
import { Schedule } from './schedule.js';

export interface Pacer {
  begin(): void;
  /** Nothing becomes due any more. */
  end(): void;
}

export interface PacerOptions {
  readonly senders: readonly Client[];
  readonly weights: readonly number[];
  readonly meters: Meters;
}

/** The finest a timer gets. */
const tickMs = 1;

/** @throws Error when there is something to send and nobody to send it */
export function pacerFor(pace: Pace, options: PacerOptions): Pacer {
  if (pace.loop === 'none') return { begin() {}, end() {} };
  if (options.senders.length === 0) throw new Error('The crowd has nobody who sends, but a pace to send at.');
  return pace.loop === 'closed' ? closedLoop(pace.outstanding, options) : openLoop(pace.perSecond, options);
}

function closedLoop(outstanding: number, { senders }: PacerOptions): Pacer {
  return {
    begin() {
      for (const sender of senders) {
        sender.isTireless = true;
        const now = performance.now();
        for (let count = 0; count < outstanding; count++) sender.due.push(now);
        sender.sendDue();
      }
      flush();
    },
    end() {
      for (const sender of senders) sender.isTireless = false;
    },
  };
}

function openLoop(perSecond: number, { senders, weights, meters }: PacerOptions): Pacer {
  const schedule = new Schedule({ weights, perSecond });
  const busy = new Set<Client>();
  let timer: NodeJS.Timeout | undefined;
  const take = (sender: number, due: number) => {
    const client = senders[sender] as Client;
    client.due.push(due);
    busy.add(client);
    // Of now, not of when the tick began: a long tick makes its last sends late.
    if (meters.isMeasured(due)) meters.lateness.record(performance.now() - due);
  };
  const tick = () => {
    schedule.take(performance.now(), take);
    for (const client of busy) client.sendDue();
    busy.clear();
    flush();
    // Timers are late by up to a millisecond, never early.
    timer = setTimeout(tick, Math.max(tickMs, schedule.next - performance.now()));
  };
  return {
    begin() {
      schedule.begin(performance.now());
      tick();
    },
    end() {
      clearTimeout(timer);
    },
  };
}
