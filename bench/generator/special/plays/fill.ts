/** Writes messages into rooms as fast as the server takes them: what the history readers read. */
import { uuidv7 } from 'uuidv7';
import { isStorableText, type Operation } from '#src/wire/operations.js';
import { readTranscript } from '../../transcript.js';
import { type Client, openClient } from '../client.js';
import { messagesPerFrame } from '../frame-messages.js';
import { markedText } from '../marked-text.js';
import type { Stage } from '../stage.js';
import type { FillReport, FillTask } from '../tasks.js';

/** Messages of a room under way, and in one frame. */
const outstandingMax = 256;
const frameMessagesMax = 32;
/** Each has a connection of its own. */
const roomsAtOnce = 4;

export async function playFill(task: FillTask, stage: Stage): Promise<FillReport> {
  const ranges: FillReport[] = [];
  let next = 0;
  await stage.begin('fill');
  await Promise.all(
    Array.from({ length: Math.min(roomsAtOnce, task.rooms.length) }, async () => {
      while (next < task.rooms.length) {
        const room = next++;
        ranges.push(await fillRoom(task, room));
        stage.progress(`${ranges.length} of ${task.rooms.length} rooms are full`);
      }
    }),
  );
  await stage.end('fill');
  const [first] = ranges;
  if (first === undefined) throw new Error('there are no rooms to fill');
  if (ranges.some(({ firstSeq, lastSeq }) => firstSeq !== first.firstSeq || lastSeq !== first.lastSeq))
    throw new Error('the rooms did not take the messages alike');
  return first;
}

let texts: readonly string[] | undefined;
let longestBytes: number | undefined;

function transcript(): readonly string[] {
  texts ??= readTranscript().texts.filter((text) => isStorableText(text));
  return texts;
}

function longestText(): number {
  longestBytes ??= transcript().reduce((longest, text) => Math.max(longest, Buffer.byteLength(text)), 0);
  return longestBytes;
}

/** Rooms begin at different places of the transcript. */
function textOf(room: number, number: number, bytes: number | undefined): string {
  if (bytes !== undefined) return markedText(room, number, bytes);
  return transcript()[(room * 7919 + number) % transcript().length] ?? '';
}

/** One connection writes in order, so the k-th message has the k-th seq. */
function fillRoom(task: FillTask, room: number): Promise<FillReport> {
  const { messagesEach, textBytes, token, ...server } = task;
  const conv = task.rooms[room] ?? '';
  const frameMessages = messagesPerFrame(textBytes ?? longestText(), frameMessagesMax);
  return new Promise((resolve, reject) => {
    let written = 0;
    let acked = 0;
    let firstSeq = 0;
    let client: Client | undefined;
    const write = () => {
      while (written < messagesEach && written - acked <= outstandingMax - frameMessages) {
        const count = Math.min(frameMessages, messagesEach - written);
        const frame = Array.from({ length: count }, (_, index): Operation => {
          const number = written + index;
          return { op: 'send', ref: number, id: uuidv7(), conv, text: textOf(room, number, textBytes) };
        });
        written += count;
        client?.post(frame);
      }
    };
    const opened = openClient({
      ...{ ...server, token },
      cares: {
        ack(ref, seq = 0) {
          if (acked === 0) firstSeq = seq - ref;
          if (seq !== firstSeq + ref)
            return reject(new Error(`message ${ref} of room ${room} got seq ${seq}`));
          acked += 1;
          if (acked < messagesEach) return write();
          client?.socket.cut();
          resolve({ firstSeq, lastSeq: firstSeq + messagesEach - 1 });
        },
        refused: (ref, code) => reject(new Error(`message ${ref} of room ${room} was refused: ${code}`)),
      },
      ended: (why) => reject(new Error(why)),
    });
    opened.then((connected) => {
      client = connected;
      write();
    }, reject);
  });
}
