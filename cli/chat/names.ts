/** What people are called: asked of the server once for each. */
import { z } from 'zod';
import type { RestClient } from '../rest-client.js';
import type { Account } from './account.js';

const usersSchema = z.object({
  users: z.array(
    z.object({ id: z.string(), username: z.string().nullable(), displayName: z.string().nullable() }),
  ),
});
/** Ids in one call. */
const groupSize = 100;

export class Names {
  private readonly names = new Map<string, string>();
  private readonly idsByUsername = new Map<string, string>();
  private readonly rest: RestClient;
  private readonly account: Account;

  constructor(rest: RestClient, account: Account) {
    this.rest = rest;
    this.account = account;
  }

  /** The name as far as it is known; else the end of the id. */
  of(user: string): string {
    return this.names.get(user) ?? `user-${user.slice(-6)}`;
  }

  /** Learns the names of these users. */
  async learn(users: Iterable<string>): Promise<void> {
    const unknown = [...new Set(users)].filter((user) => !this.names.has(user));
    for (let start = 0; start < unknown.length; start += groupSize) {
      const ids = unknown.slice(start, start + groupSize);
      await this.ask(`ids=${ids.join(',')}`);
      // Who does not exist is not asked for again.
      for (const id of ids) if (!this.names.has(id)) this.names.set(id, this.of(id));
    }
  }

  /** The id behind a username, without regard to case (H1); undefined when nobody has it. */
  async find(username: string): Promise<string | undefined> {
    const key = username.toLowerCase();
    if (!this.idsByUsername.has(key)) await this.ask(`usernames=${encodeURIComponent(username)}`);
    return this.idsByUsername.get(key);
  }

  private async ask(query: string): Promise<void> {
    const token = await this.account.token();
    const { users } = await this.rest.call('GET', `/users?${query}`, usersSchema, { token });
    for (const { id, username, displayName } of users) {
      this.names.set(id, displayName ?? username ?? this.of(id));
      if (username !== null) this.idsByUsername.set(username.toLowerCase(), id);
    }
  }
}
