/**
 * After events were missed, their front cannot know whether one of them ended somebody's membership. So each user
 * who hears the conversation is asked about once more, and those refused lose it. A few at a time: a room may have
 * thousands.
 */
import type { Answer, Requests, Waiting } from './requests.js';
import type { Sessions } from './sessions.js';
import type { Shards } from './shards.js';
import type { Topic } from './topic.js';
import type { Topics } from './topics.js';

export interface RechecksHost {
  readonly requests: Requests;
  readonly shards: Shards;
  readonly topics: Topics;
  readonly sessions: Sessions;
}

export class Rechecks {
  private readonly queue = new Map<Topic, Set<string>>();
  private readonly host: RechecksHost;

  constructor(host: RechecksHost) {
    this.host = host;
  }

  add(topic: Topic): void {
    const users = this.queue.get(topic) ?? new Set<string>();
    this.host.sessions.forEach((session) => {
      if (session.user !== undefined && session.hasTopic(topic)) users.add(session.user);
    });
    if (users.size > 0) this.queue.set(topic, users);
  }

  /** Asks about at most `limit` users; the others wait for the next call. */
  pump(limit: number): void {
    let left = limit;
    for (const [topic, users] of this.queue) {
      for (const user of users) {
        if (left === 0) return;
        left -= 1;
        if (topic.socketCount > 0 && !this.ask(topic, user)) break;
        users.delete(user);
      }
      if (users.size === 0) this.queue.delete(topic);
    }
  }

  /** false: the shard has no room or is gone. */
  private ask(topic: Topic, user: string): boolean {
    const { requests, shards, topics } = this.host;
    topics.expect(topic.conv);
    const request = requests.open(new Recheck(topic, user, this));
    if (shards.post(topic.shard, { kind: 'subscribe', request, user, conv: topic.conv }) === undefined)
      return true;
    requests.forget(request);
    topics.refused(topic);
    return false;
  }

  answered(topic: Topic, user: string, answer: Answer): void {
    const { topics } = this.host;
    if (answer.kind === 'subscribed') topics.subscribed(topic, answer.head);
    else if (answer.kind === 'err' && (answer.code === 'not_found' || answer.code === 'forbidden'))
      topics.evict(topic, user);
    else this.queue.set(topic, (this.queue.get(topic) ?? new Set()).add(user));
    topics.answered(topic);
  }
}

class Recheck implements Waiting {
  readonly shard: number;
  private readonly topic: Topic;
  private readonly user: string;
  private readonly rechecks: Rechecks;

  constructor(topic: Topic, user: string, rechecks: Rechecks) {
    this.shard = topic.shard;
    this.topic = topic;
    this.user = user;
    this.rechecks = rechecks;
  }

  settle(answer: Answer): void {
    this.rechecks.answered(this.topic, this.user, answer);
  }
}
