/** From what a person types, `garden` or `@bob`, to a conversation one is in. */
import { z } from 'zod';
import type { Client } from '#client/client.js';
import { UserError } from '#src/errors.js';
import { conversationType, uuid } from '#src/wire/operations.js';
import type { RestClient } from '../rest-client.js';
import type { Account } from './account.js';
import type { Names } from './names.js';

const viewSchema = z.object({
  id: z.string(),
  type: conversationType,
  title: z.string().nullable(),
  peer: z.string().nullable(),
});
type View = z.infer<typeof viewSchema>;
const listSchema = z.object({ conversations: z.array(viewSchema) });

export interface Room {
  readonly conv: string;
  /** As a person would type it. */
  readonly name: string;
  /** It did not exist. */
  readonly isNew: boolean;
}

export interface RoomsOptions {
  readonly rest: RestClient;
  readonly account: Account;
  readonly client: Client;
  readonly names: Names;
}

export class Rooms {
  private readonly options: RoomsOptions;

  constructor(options: RoomsOptions) {
    this.options = options;
  }

  /** Enters: a person's direct conversation, a channel, or a group one is in; a room nobody has is made. */
  async enter(target: string): Promise<Room> {
    if (target.startsWith('@')) return this.direct(target.slice(1));
    const title = target.replace(/^#/, '');
    if (title === '') throw new UserError('A room needs a name.');
    return (await this.channel(title)) ?? (await this.group(title)) ?? this.create(title);
  }

  private async direct(who: string): Promise<Room> {
    const { account, client, names } = this.options;
    const user = uuid.safeParse(who).success ? who : await names.find(who);
    if (user === undefined) throw new UserError(`Nobody is called ${who}.`);
    if (user === account.user) throw new UserError('That is you.');
    const { conv } = await client.create({ type: 'direct', members: [user] });
    await names.learn([user]);
    return { conv, name: `@${names.of(user)}`, isNew: false };
  }

  private async channel(title: string): Promise<Room | undefined> {
    const query = `title=${encodeURIComponent(title)}`;
    const channel = (await this.list(`/channels?${query}`)).find((found) => found.title === title);
    if (channel === undefined) return undefined;
    await this.options.client.join(channel.id);
    return { conv: channel.id, name: `#${title}`, isNew: false };
  }

  /** Among one's own conversations. */
  private async group(title: string): Promise<Room | undefined> {
    const own = (await this.list('/conversations?limit=100')).find((found) => found.title === title);
    return own === undefined ? undefined : { conv: own.id, name: `#${title}`, isNew: false };
  }

  private async create(title: string): Promise<Room> {
    const { conv } = await this.options.client.create({ type: 'channel', title });
    return { conv, name: `#${title}`, isNew: true };
  }

  /** What to type to enter a conversation one has become a member of. */
  async nameOf(conv: string): Promise<string | undefined> {
    const { rest, account, names } = this.options;
    const view = await rest.call('GET', `/conversations/${conv}`, viewSchema, {
      token: await account.token(),
    });
    if (view.peer === null) return view.title === null ? undefined : `#${view.title}`;
    await names.learn([view.peer]);
    return `@${names.of(view.peer)}`;
  }

  private async list(path: string): Promise<View[]> {
    const { rest, account } = this.options;
    return (await rest.call('GET', path, listSchema, { token: await account.token() })).conversations;
  }
}
