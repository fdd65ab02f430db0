/** Reads of history by seq, as a closed loop over several connections. */
import { Latencies } from '../../latencies.js';
import { shuffled } from '../shuffled.js';
import type { Stage } from '../stage.js';
import type { HistoryReport, HistoryTask, HistoryWindow } from '../tasks.js';
import { type Page, Reader } from './reader.js';

const detailsMax = 5;

export async function playHistory(task: HistoryTask, stage: Stage): Promise<HistoryReport> {
  const readers = task.tokens.map(() => new Reader(task));
  await Promise.all(readers.map((reader, index) => reader.open(task.tokens[index] ?? '')));
  const windows: HistoryWindow[] = [];
  let pages = pagesOf(task);
  for (const { name, reads } of task.windows) {
    stage.progress(`reads ${name}`);
    const wanted = reads === 'every page' ? shuffled(pages, windows.length + 1) : undefined;
    await stage.begin(name);
    const window = await readWindow(task, readers, { name, wanted });
    await stage.end(name);
    windows.push(window);
    // Those that this window had no time for would be cold in the next.
    if (wanted !== undefined) pages = wanted.slice(0, window.reads);
  }
  for (const reader of readers) reader.close();
  return { windows };
}

/** Every full page of every room, once. */
function pagesOf({ rooms, firstSeq, lastSeq, pageEvents }: HistoryTask): Page[] {
  return rooms.flatMap((_, room) => {
    const pages: Page[] = [];
    for (let before = lastSeq + 1; before - pageEvents >= firstSeq; before -= pageEvents)
      pages.push({ room, before });
    return pages;
  });
}

interface WindowPlan {
  readonly name: string;
  /** By turns the newest pages of all rooms when undefined. */
  readonly wanted: readonly Page[] | undefined;
}

async function readWindow(
  { rooms, outstanding, seconds }: HistoryTask,
  readers: readonly Reader[],
  { name, wanted }: WindowPlan,
): Promise<HistoryWindow> {
  const latencies = new Latencies();
  const counts = { reads: 0, events: 0, wrong: 0, refused: 0 };
  const details: string[] = [];
  const bytes = () => readers.reduce((sum, { bytesIn }) => sum + bytesIn, 0);
  const bytesBefore = bytes();
  const startedAt = performance.now();
  let next = 0;

  function nextPage(): Page | undefined {
    if (performance.now() - startedAt > seconds * 1000) return undefined;
    const index = next++;
    return wanted === undefined ? { room: index % rooms.length } : wanted[index];
  }

  async function work(reader: Reader): Promise<void> {
    for (let page = nextPage(); page !== undefined; page = nextPage()) {
      const askedAt = performance.now();
      const reading = await reader.read(page);
      latencies.record(performance.now() - askedAt);
      counts.reads += 1;
      if (reading.kind === 'right') counts.events += reading.events;
      else counts[reading.kind] += 1;
      if (reading.kind !== 'right' && details.length < detailsMax)
        details.push(reading.kind === 'wrong' ? reading.why : reading.code);
    }
  }

  await Promise.all(readers.flatMap((reader) => Array.from({ length: outstanding }, () => work(reader))));
  return {
    ...{ name, ...counts, details, bytes: bytes() - bytesBefore },
    ...{ seconds: (performance.now() - startedAt) / 1000 },
    ...{ read: latencies.percentiles(), histogram: latencies.encoded() },
  };
}
