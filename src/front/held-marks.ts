/**
 * Receipts for readers who are behind: not sent and not lost, but merged, so that when they keep up again each hears of
 * every member's last mark once (W15). What they read meanwhile is what was said before.
 */
import type { ControlEvent } from '../wire/events.js';
import type { Session } from './session.js';
import type { Topic } from './topic.js';

/** Of one socket; members in all conversations together. What is more is left out: receipts are never the last word. */
const marksMax = 2_000;

type Mark = readonly [read: number, delivered: number];

interface Held {
  readonly marks: Map<Topic, Map<string, Mark>>;
  size: number;
}

export class HeldMarks {
  private readonly sessions = new Map<Session, Held>();

  hold(session: Session, topic: Topic, { marks }: ControlEvent<'read.update'>): void {
    const held = this.of(session);
    const ofTopic = held.marks.get(topic) ?? new Map<string, Mark>();
    held.marks.set(topic, ofTopic);
    for (const [user, read, delivered] of marks) {
      const before = ofTopic.get(user);
      if (before === undefined && held.size >= marksMax) continue;
      if (before === undefined) held.size += 1;
      // Marks of others only grow; 0 says nothing.
      ofTopic.set(user, [Math.max(read, before?.[0] ?? 0), Math.max(delivered, before?.[1] ?? 0)]);
    }
  }

  /** Tells those who keep up again; forgets those who are gone. */
  sweep(): void {
    for (const [session, { marks }] of this.sessions) {
      if (session.isBehind && !session.isClosing) continue;
      this.sessions.delete(session);
      for (const [topic, ofTopic] of marks) {
        if (!session.hears(topic)) continue;
        const all = [...ofTopic].map(([user, mark]): [string, number, number] => [user, ...mark]);
        session.tell({ ev: 'read.update', conv: topic.conv, marks: all });
      }
    }
  }

  private of(session: Session): Held {
    let held = this.sessions.get(session);
    if (held === undefined) {
      held = { marks: new Map(), size: 0 };
      this.sessions.set(session, held);
    }
    return held;
  }
}
