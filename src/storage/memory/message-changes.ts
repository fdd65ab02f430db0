/** What has become of messages, in memory: moved by the events of the log, in the order of their conversation. */
import { previewOf } from '../../message-fold.js';
import type { LogEvent, MessageChange, Parent } from '../../wire/events.js';
import type { ChangedMessage, LogStore, Target, TargetQuestion } from '../ports.js';

interface Row {
  readonly message: LogEvent<'message.new'>;
  version: number;
  text?: string;
  metadata?: Readonly<Record<string, unknown>>;
  mentions?: readonly string[];
  editedAt?: number;
  deletedAt?: number;
  deletedBy?: string;
  pinnedAt?: number;
  pinnedBy?: string;
  /** Who has reacted, by emoji, in the order in which these were first used. */
  readonly reactions: Map<string, Set<string>>;
}

export class MessageChanges {
  private readonly rows = new Map<string, Row>();
  private readonly byConversation = new Map<string, Set<Row>>();
  private readonly find: (id: string) => LogEvent | undefined;

  /** @param find an event of the log by its id */
  constructor(find: (id: string) => LogEvent | undefined) {
    this.find = find;
  }

  apply(event: MessageChange): void {
    const row = this.rowOf(event);
    if (row === undefined) return;
    row.version = event.seq;
    switch (event.ev) {
      case 'message.edit':
        row.text = event.text;
        row.editedAt = event.at;
        if (event.metadata !== undefined) row.metadata = event.metadata;
        if (event.mentions !== undefined) row.mentions = event.mentions;
        return;
      case 'message.delete':
        for (const key of ['text', 'metadata', 'mentions', 'editedAt', 'pinnedAt', 'pinnedBy'] as const)
          delete row[key];
        row.reactions.clear();
        row.deletedAt = event.at;
        row.deletedBy = event.from;
        return;
      case 'message.pin':
        row.pinnedAt = event.at;
        row.pinnedBy = event.from;
        return;
      case 'message.unpin':
        delete row.pinnedAt;
        delete row.pinnedBy;
        return;
      case 'reaction.add': {
        const users = row.reactions.get(event.emoji) ?? new Set();
        row.reactions.set(event.emoji, users.add(event.from));
        return;
      }
      case 'reaction.remove': {
        const users = row.reactions.get(event.emoji);
        users?.delete(event.from);
        if (users?.size === 0) row.reactions.delete(event.emoji);
        return;
      }
    }
  }

  isChanged(conv: string): boolean {
    return this.byConversation.has(conv);
  }

  target({ message: id, user, emoji }: TargetQuestion): Target | undefined {
    const message = this.find(id);
    if (message?.ev !== 'message.new') return undefined;
    const row = this.rows.get(id);
    const users = emoji === undefined ? undefined : row?.reactions.get(emoji);
    const { conv, from, seq, number, at } = message;
    return {
      ...{ conv, from, seq, number, at },
      version: row?.version ?? 0,
      isDeleted: row?.deletedAt !== undefined,
      hasReacted: user !== undefined && users?.has(user) === true,
      emojis: row?.reactions.size ?? 0,
      hasEmoji: users !== undefined,
    };
  }

  changed({ conv, from, to, named, user }: Parameters<LogStore['changed']>[0]): ChangedMessage[] {
    const rows = [...(this.byConversation.get(conv) ?? [])].filter(
      ({ message: { id, seq } }) => (seq >= from && seq <= to) || named.includes(id),
    );
    rows.sort((one, other) => one.message.seq - other.message.seq);
    return rows.map((row): ChangedMessage => changedOf(row, user));
  }

  parents(conv: string, ids: readonly string[]): Parent[] {
    return ids.flatMap((id) => {
      const message = this.find(id);
      if (message?.ev !== 'message.new' || message.conv !== conv) return [];
      const row = this.rows.get(id);
      const isDeleted = row?.deletedAt !== undefined;
      return [
        {
          ...{ id, from: message.from, seq: message.seq },
          preview: isDeleted ? '' : previewOf(row?.text ?? message.text),
          ...(message.type === undefined ? {} : { type: message.type }),
          ...(isDeleted ? { deleted: true as const } : {}),
        },
      ];
    });
  }

  private rowOf({ message: id }: MessageChange): Row | undefined {
    const known = this.rows.get(id);
    if (known !== undefined) return known;
    const message = this.find(id);
    if (message?.ev !== 'message.new') return undefined;
    const row: Row = { message, version: 0, reactions: new Map() };
    this.rows.set(id, row);
    const others = this.byConversation.get(message.conv) ?? new Set();
    this.byConversation.set(message.conv, others.add(row));
    return row;
  }
}

function changedOf(row: Row, user: string): ChangedMessage {
  const { message, version, editedAt, deletedAt, deletedBy, pinnedAt, pinnedBy, reactions } = row;
  const { text, metadata, mentions } = row;
  return {
    message: message.id,
    state: {
      version,
      ...(editedAt === undefined ? {} : { editedAt }),
      ...(deletedAt === undefined ? {} : { deletedAt }),
      ...(deletedBy === undefined ? {} : { deletedBy }),
      ...(pinnedAt === undefined ? {} : { pinnedAt }),
      ...(pinnedBy === undefined ? {} : { pinnedBy }),
      ...(reactions.size === 0
        ? {}
        : { reactions: [...reactions].map(([emoji, users]) => [emoji, users.size, users.has(user)]) }),
    },
    ...(text === undefined ? {} : { text }),
    ...(metadata === undefined ? {} : { metadata }),
    ...(mentions === undefined ? {} : { mentions }),
  };
}
