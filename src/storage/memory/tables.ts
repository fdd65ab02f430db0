/** The tables of the in-memory database, and the few ways in which they change. */
import type { LogEvent, Role } from '../../wire/events.js';
import type { MemberEffect } from '../effects.js';
import type { ConversationInfo, Progress } from '../ports.js';

export interface StoredMember {
  readonly user: string;
  role: Role;
  mark: number;
  joinedSeq: number;
  present: boolean;
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
  readonly conversations = new Map<string, ConversationInfo>();
  readonly members = new Map<string, Map<string, StoredMember>>();
  readonly heads = new Map<string, HeadRow>();
  private readonly logs = new Map<string, LogEvent[]>();

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

  applyMember({ conv, user, role, seq, number, present }: MemberEffect): void {
    let ofConversation = this.members.get(conv);
    if (ofConversation === undefined) {
      ofConversation = new Map();
      this.members.set(conv, ofConversation);
    }
    const member = ofConversation.get(user);
    if (member === undefined) {
      ofConversation.set(user, { user, role, mark: number, joinedSeq: seq, present });
      return;
    }
    member.present = present;
    if (!present) return;
    member.role = role;
    member.joinedSeq = seq;
    member.mark = Math.max(member.mark, number);
  }

  raiseHead(head: HeadRow): void {
    const old = this.heads.get(head.conv);
    if (old !== undefined && old.seq >= head.seq) return;
    this.heads.set(head.conv, { ...head, preview: head.preview || (old?.preview ?? '') });
  }

  raiseMark(conv: string, user: string, mark: number): void {
    const member = this.members.get(conv)?.get(user);
    if (member !== undefined && member.mark < mark) member.mark = mark;
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
