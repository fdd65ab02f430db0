/** A room's people, dealt out to several processes, and what they saw together. */
import type { Percentiles } from '../../contract.js';
import { Latencies } from '../latencies.js';
import { playParts, sumOf } from './play-parts.js';
import type { PlayTaskOptions, Window } from './play-task.js';
import { type Sightings, together } from './sightings.js';
import type { PresenceReport, PresenceTask } from './tasks.js';

/** So many sockets one process has, and so many processes there are. */
const clientsEach = 2_500;
const processesMax = 4;

/** Messages of one window: from when each was due until everybody had been shown it. */
export interface Spoken {
  readonly last: Percentiles | undefined;
  readonly histogram: string;
  /** Deliveries that never came, or came twice. */
  readonly wrong: number;
}

export interface Attended extends Omit<PresenceReport, 'calm' | 'busy'> {
  readonly calm: Spoken;
  readonly busy: Spoken;
  readonly processes: number;
  readonly windows: ReadonlyMap<string, Window>;
}

export async function playPresences(
  task: Omit<PresenceTask, 'part' | 'parts'>,
  options: Omit<PlayTaskOptions, 'onEdge'>,
): Promise<Attended> {
  const parts = Math.max(1, Math.min(processesMax, Math.ceil(task.people.length / clientsEach)));
  const tasks = Array.from({ length: parts }, (_, part): PresenceTask => ({ ...task, part, parts }));
  const { reports, windows } = await playParts<'presence'>(tasks, options);
  const sum = (of: (report: PresenceReport) => number) => sumOf(reports, of);
  const clients = sum((report) => report.clients);
  return {
    ...{ windows, clients, processes: parts },
    calm: spokenOf(
      reports.map(({ calm }) => calm),
      clients,
    ),
    busy: spokenOf(
      reports.map(({ busy }) => busy),
      clients,
    ),
    measuredSeconds: Math.max(...reports.map(({ measuredSeconds }) => measuredSeconds)),
    bytesPerSecond: sum((report) => report.bytesPerSecond * report.clients) / clients,
    bytesInASecondMost: Math.max(...reports.map(({ bytesInASecondMost }) => bytesInASecondMost)),
    typingSent: sum(({ typingSent }) => typingSent),
    changesSent: sum(({ changesSent }) => changesSent),
    readsSent: sum(({ readsSent }) => readsSent),
    typingShown: sum(({ typingShown }) => typingShown),
    updatesShown: sum(({ updatesShown }) => updatesShown),
    receiptsShown: sum(({ receiptsShown }) => receiptsShown),
    refused: sum(({ refused }) => refused),
    lost: sum(({ lost }) => lost),
    details: reports.flatMap(({ details }) => details),
  };
}

function spokenOf(parts: readonly Sightings[], clients: number): Spoken {
  const { due, lastAt, clients: shown } = together(parts);
  const latencies = new Latencies();
  let wrong = 0;
  for (const [number, at] of due.entries()) {
    wrong += Math.abs(clients - (shown[number] as number));
    latencies.record((lastAt[number] as number) - at);
  }
  return { last: latencies.percentiles(), histogram: latencies.encoded(), wrong };
}
