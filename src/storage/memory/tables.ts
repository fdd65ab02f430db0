/** The tables of the in-memory database, and the few ways in which they change. */
import { laterPreview } from '../../previews.js';
import type { LogEvent } from '../../wire/events.js';
import { applyToFacts, type Facts, factsOf, nothing, withoutContents } from '../facts.js';
import type { ConversationInfo, MemberMark, Progress } from '../ports.js';
import { MessageChanges } from './message-changes.js';

export interface StoredMember {
  mark: number;
  joinedSeq: number;
}

interface WriterRow {
  epoch: number;
  owner?: object;
  batch: number;
  flushed: number;
}

interface Place {
  readonly shard: number;
  readonly batch: number;
}

type HeadRow = Progress['heads'][number];

export class Tables {
  readonly writers = new Map<number, WriterRow>();
  readonly byId = new Map<string, { event: LogEvent; place: Place }>();
  readonly messages = new MessageChanges((id) => this.byId.get(id)?.event);
  /** Of everybody who ever was one. */
  readonly members = new Map<string, Map<string, StoredMember>>();
  readonly heads = new Map<string, HeadRow>();
  private readonly logs = new Map<string, LogEvent[]>();
  private readonly facts = new Map<string, Facts>();

  writer(shard: number): WriterRow {
    let row = this.writers.get(shard);
    if (row === undefined) {
      row = { epoch: 0, batch: 0, flushed: 0 };
      this.writers.set(shard, row);
    }
    return row;
  }

  /** The events of a conversation in rising order of seq. */
  log(conv: string): readonly LogEvent[] {
    return this.logs.get(conv) ?? [];
  }

  hasSeq(conv: string, seq: number): boolean {
    const log = this.log(conv);
    return log[this.indexOf(log, seq)]?.seq === seq;
  }

  insert(event: LogEvent, place: Place): void {
    this.byId.set(event.id, { event, place });
    let log = this.logs.get(event.conv);
    if (log === undefined) {
      log = [];
      this.logs.set(event.conv, log);
    }
    log.splice(this.indexOf(log, event.seq), 0, event);
  }

  /** Events of one transaction, in the order of their conversations. */
  apply(events: readonly LogEvent[]): void {
    for (const event of [...events].sort((one, other) => one.seq - other.seq)) {
      const before = new Set(this.factsOf(event.conv).members.keys());
      applyToFacts(this.factsOf(event.conv), event);
      for (const user of this.factsOf(event.conv).members.keys())
        if (!before.has(user)) this.noteNewcomer(event, user);
      if ('message' in event) this.messages.apply(event);
      if (event.ev === 'message.delete') this.forgetContents(event.conv, event.message);
    }
  }

  factsOf(conv: string): Facts {
    let facts = this.facts.get(conv);
    if (facts === undefined) {
      facts = factsOf({ info: undefined, members: [], standing: nothing });
      this.facts.set(conv, facts);
    }
    return facts;
  }

  *conversations(): Iterable<ConversationInfo> {
    for (const { info } of this.facts.values()) if (info !== undefined) yield info;
  }

  private noteNewcomer({ conv, seq, number }: LogEvent, user: string): void {
    let ofConversation = this.members.get(conv);
    if (ofConversation === undefined) {
      ofConversation = new Map();
      this.members.set(conv, ofConversation);
    }
    const mark = Math.max(ofConversation.get(user)?.mark ?? 0, number);
    ofConversation.set(user, { mark, joinedSeq: seq });
  }

  private forgetContents(conv: string, message: string): void {
    const log = this.logs.get(conv) ?? [];
    for (const [index, event] of log.entries()) {
      if (event.id !== message && !(event.ev === 'message.edit' && event.message === message)) continue;
      const left = withoutContents(event);
      log[index] = left;
      const known = this.byId.get(event.id);
      if (known !== undefined) this.byId.set(event.id, { ...known, event: left });
    }
  }

  raiseHead(head: HeadRow): void {
    const old = this.heads.get(head.conv);
    if (old !== undefined && old.seq >= head.seq) return;
    const messageSeq = head.preview === '' ? 0 : (head.messageSeq ?? head.seq);
    const shown = laterPreview(old ?? { preview: '' }, { preview: head.preview, messageSeq });
    this.heads.set(head.conv, { ...head, ...shown });
  }

  moveMark({ conv, user, mark, low = Number.POSITIVE_INFINITY }: MemberMark): void {
    const member = this.members.get(conv)?.get(user);
    if (member !== undefined) member.mark = Math.max(Math.min(member.mark, low), mark);
  }

  /** Where `seq` is, or would be. */
  private indexOf(log: readonly LogEvent[], seq: number): number {
    let low = 0;
    let high = log.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((log[middle]?.seq ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
