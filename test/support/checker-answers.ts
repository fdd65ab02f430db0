/** What clients were answered, against the log: P1, P2, P3, P7 and L5. */
import type { LogEvent } from '#src/wire/events.js';
import type { AnswerRecord, RunRecord, Violation } from './checker.js';

/** Operations that may change nothing: acked with the current seq, without a row (L7). */
const mayChangeNothing = new Set<AnswerRecord['op']>([
  ...(['create', 'join', 'add', 'remove', 'delete', 'react', 'unreact', 'pin', 'unpin'] as const),
  ...(['change', 'role', 'ban', 'unban', 'mute', 'unmute', 'nickname'] as const),
]);

export function checkAnswers(record: RunRecord): Violation[] {
  const byId = new Map(record.log.map((event) => [event.id, event]));
  const heads = new Map<string, number>();
  for (const { conv, seq } of record.log) heads.set(conv, Math.max(heads.get(conv) ?? 0, seq));
  const askers = new Map<string, Set<string>>();
  for (const answer of record.answers) {
    const key = `${answer.conv} ${answer.user}`;
    const known = askers.get(answer.id);
    if (known === undefined) askers.set(answer.id, new Set([key]));
    else known.add(key);
  }
  const deleted = new Set(
    record.log.flatMap((event) => (event.ev === 'message.delete' ? [event.message] : [])),
  );
  const violations: Violation[] = [];
  for (const answer of record.answers) {
    const row = byId.get(answer.id);
    const own = row !== undefined && row.conv === answer.conv && row.from === answer.user ? row : undefined;
    const rivals = (askers.get(answer.id)?.size ?? 0) > 1;
    const context = {
      row,
      own,
      rivals,
      head: heads.get(answer.conv) ?? 0,
      isDeleted: deleted.has(answer.id),
      committedAt: record.committedAt?.get(answer.id),
    };
    const fault =
      answer.answer.kind === 'ack'
        ? ackFault(answer, answer.answer, context)
        : errFault(answer, answer.answer, context);
    if (fault !== undefined) violations.push({ rule: fault[0], message: `${describe(answer)}: ${fault[1]}` });
  }
  return violations;
}

interface Context {
  /** What is stored under the id. */
  readonly row: LogEvent | undefined;
  /** The same, if it is this user's in this conversation. */
  readonly own: LogEvent | undefined;
  /** Others have used the id. */
  readonly rivals: boolean;
  readonly head: number;
  /** What it said is gone. */
  readonly isDeleted: boolean;
  readonly committedAt: number | undefined;
}

type Fault = [rule: string, message: string] | undefined;

function ackFault(
  record: AnswerRecord,
  ack: Extract<AnswerRecord['answer'], { kind: 'ack' }>,
  context: Context,
): Fault {
  const { row, own, head, committedAt } = context;
  if (ack.id !== record.id) return ['P2', `acked as ${ack.id}`];
  if (ack.seq === undefined || ack.at === undefined) return ['P2', 'the ack has no seq or no time'];
  const unchanged = mayChangeNothing.has(record.op) && ack.seq <= head;
  if (own === undefined) {
    // What changed nothing left no trace, so its id is free for others; nobody looks the log through for it.
    if (row !== undefined && !unchanged) return ['P3', 'acked, but the id belongs to another operation'];
    return unchanged ? undefined : ['P1', `acked with seq ${ack.seq}, and not in the log`];
  }
  if (own.seq !== ack.seq || own.at !== ack.at) {
    // It changed nothing then; a copy of it came again when nobody remembered, and that one did.
    const isEarlier = unchanged && own.seq > ack.seq && isBefore(ack.at, committedAt);
    if (!isEarlier) return ['P2', `acked with ${ack.seq} at ${ack.at}, stored with ${own.seq} at ${own.at}`];
  } else if (
    committedAt !== undefined &&
    record.answeredAt !== undefined &&
    record.answeredAt < committedAt
  ) {
    return ['P1', `acked at ${record.answeredAt}, committed at ${committedAt}`];
  }
  if (
    record.text !== undefined &&
    own.ev === 'message.new' &&
    own.text !== record.text &&
    !context.isDeleted &&
    own.seq === ack.seq
  ) {
    return ['P2', 'stored with another text'];
  }
  return undefined;
}

/** Times are only known for some runs: what is unknown excuses. */
function isBefore(one: number | undefined, other: number | undefined): boolean {
  return one === undefined || other === undefined || one <= other;
}

/** Refusals that say nothing about what is stored: made without having looked (L5), or honestly unknown (P7). */
const undecided = new Set(['rate_limited', 'overloaded', 'unavailable', 'internal', 'expired']);

function errFault(
  record: AnswerRecord,
  error: Extract<AnswerRecord['answer'], { kind: 'err' }>,
  context: Context,
): Fault {
  const { own, row, rivals, committedAt } = context;
  if (own !== undefined && error.stored === false)
    return ['P7', `said not stored (${error.code}), and it is`];
  if (error.stored === false && undecided.has(error.code)) return ['L5', `${error.code} says stored: false`];
  const wasStored = committedAt !== undefined && record.sentAt !== undefined && committedAt < record.sentAt;
  if (own !== undefined && wasStored && !undecided.has(error.code)) {
    return ['L5', `refused with ${error.code} after it was stored`];
  }
  // A conversation that is created again under another id by somebody who is no member of it is a conflict, too.
  if (error.code === 'conflict' && row === undefined && !rivals && record.op !== 'create') {
    return ['P3', 'a conflict with nothing'];
  }
  return undefined;
}

function describe(record: AnswerRecord): string {
  return `${record.op} ${record.id} of ${record.user} in ${record.conv}`;
}
