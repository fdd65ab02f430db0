/** The services of a simulated shard that a front asks when somebody follows all their conversations. */

import { frontOf, type ToFront, type ToShard } from '#src/threads/messages.js';
import type { SyncedConversation } from '#src/threads/services.js';
import type { SimDatabase } from '#test/support/sim-database.js';
import type { ShardCore } from '#workers/shard-core.js';

export interface SimServicesOptions {
  readonly core: ShardCore;
  readonly database: SimDatabase;
  post(front: number, message: ToFront): void;
}

const away = { code: 'unavailable', message: 'The database is away.', retryMs: 100 } as const;

export class SimServices {
  private readonly options: SimServicesOptions;

  constructor(options: SimServicesOptions) {
    this.options = options;
  }

  take({ request, service, input }: Extract<ToShard, { kind: 'call' }>): void {
    const { core, post } = this.options;
    const front = frontOf(request);
    const answer = (output: unknown): void => post(front, { kind: 'answer', request, output });
    const fail = (): void => post(front, { kind: 'err', request, ...away });
    switch (service) {
      case 'probe':
        void core.probe().then((batch) => (batch === undefined ? fail() : answer({ batch })));
        return;
      case 'heads.flush':
        void core.flush().then((isFlushed) => (isFlushed ? answer(null) : fail()));
        return;
      case 'conversations.followed':
        return answer({ convs: this.options.database.conversationsOf(userOf(input)), more: false });
      case 'conversations.standing':
        return answer(this.standing(input as { users: string[]; convs: string[] }));
      case 'sync':
        return answer(this.sync(userOf(input)));
      default:
        return;
    }
  }

  private standing({ users, convs }: { users: string[]; convs: string[] }): SyncedConversation[] {
    return convs.map((conv, place) => this.standingOf(conv, users[place] ?? ''));
  }

  private standingOf(conv: string, user: string): SyncedConversation {
    const { database } = this.options;
    if (!database.isMember(conv, user)) return { conv, type: 'group', standing: 'left' };
    return { conv, type: 'group', standing: 'member', head: database.headOf(conv) };
  }

  private sync(user: string): object {
    const convs = this.options.database.conversationsOf(user);
    return {
      conversations: convs.map((conv) => this.standingOf(conv, user)),
      ...{ cursor: 'none', more: false, full: true },
    };
  }
}

function userOf(input: unknown): string {
  return (input as { user: string }).user;
}
