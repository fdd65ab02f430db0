/**
 * The transcript, sent: all rooms at once, and in each room a line only after the ack of the line before, on its
 * author's own socket. So the order in the room must be that of the transcript.
 */
import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';
import { uuidv7 } from 'uuidv7';
import { beginStep, type Step } from '../progress.js';
import { type Alarm, watchProgress } from './alarm.js';
import { ReplayFailure } from './failure.js';
import { persist, type Retries } from './persist.js';
import type { Stage } from './stage.js';
import { type Line, metadataOf } from './transcript.js';

export interface Sending {
  /** From the first send to the last ack. */
  readonly ackSeconds: number;
  /** From the first send to the last delivery to a listener. */
  readonly deliverySeconds: number;
  /** From a send to its ack, retries included; nanoseconds. */
  readonly latency: RecordableHistogram;
}

/** A server that says nothing for so long has stopped. */
const silenceMs = 60_000;
/** After the last ack; then the check says what is missing. */
const deliveryMsMax = 30_000;

export async function sendTranscript(
  stages: readonly Stage[],
  retries: Retries,
  alarm: Alarm,
): Promise<Sending> {
  const total = stages.reduce((sum, { room }) => sum + room.lines.length, 0);
  const step = beginStep('messages', total);
  const latency = createHistogram();
  let acked = 0;
  const counted: Step = {
    ...step,
    add: () => {
      acked += 1;
      step.add();
    },
  };
  const watch = watchProgress({ silenceMs, what: 'Acks', progress: () => acked }, alarm.raise);
  const begunAt = performance.now();
  try {
    await alarm.orRaised(Promise.all(stages.map((stage) => sendRoom(stage, latency, counted, retries))));
  } finally {
    watch.stop();
    step.end();
  }
  const ackSeconds = (performance.now() - begunAt) / 1000;
  await alarm.orRaised(hearRest(stages));
  const lastAt = Math.max(...stages.map(({ listener }) => listener.lastAt));
  return { ackSeconds, deliverySeconds: (lastAt - begunAt) / 1000, latency };
}

async function sendRoom(
  stage: Stage,
  latency: RecordableHistogram,
  step: Step,
  retries: Retries,
): Promise<void> {
  for (const line of stage.room.lines) {
    await sendLine(stage, line, latency, retries);
    step.add();
  }
}

async function sendLine(
  { room, conv, authors, sent, ackedAt }: Stage,
  line: Line,
  latency: RecordableHistogram,
  retries: Retries,
): Promise<void> {
  const author = authors.get(line.nick);
  if (author === undefined) throw new ReplayFailure(`${line.nick} is nobody in ${room.name}.`);
  const { text, isAction, at } = line;
  const id = uuidv7();
  const begunAt = performance.now();
  const ack = await persist(
    author.connection,
    { op: 'send', id, conv, text, metadata: metadataOf(line) },
    () => `Line ${sent.length + 1} of ${room.name}`,
    retries,
  );
  latency.record(Math.max(1, Math.round((performance.now() - begunAt) * 1e6)));
  sent.push({ id, author: author.user, text, isAction, at, ackedSeq: ack.id === id ? ack.seq : undefined });
  ackedAt.push(ack.at ?? 0);
}

/** Waits until every listener has heard the last line of their room, or for a while. */
async function hearRest(stages: readonly Stage[]): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const enough = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, deliveryMsMax);
  });
  const all = stages.map(({ listener, sent }) => listener.heard(sent.at(-1)?.ackedSeq ?? 0));
  await Promise.race([Promise.all(all), enough]);
  clearTimeout(timer);
}
