/** Who chats: a name with a password, a token, or the demo account of the server on this machine. */
import { z } from 'zod';
import { UserError } from '#src/errors.js';
import { type RestClient, RestError } from '../rest-client.js';

export interface Credentials {
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly token?: string | undefined;
}

const pairSchema = z.object({
  user: z.string(),
  accessToken: z.string(),
  accessExpiresAt: z.number(),
  refreshToken: z.string(),
});
type Pair = z.infer<typeof pairSchema>;

const profileSchema = z.object({ id: z.string() });

/** A token is renewed when it has less than this left. */
const renewMs = 30_000;

export class Account {
  /** A new account was made for this name. */
  readonly isNew: boolean;
  readonly user: string;
  private readonly rest: RestClient;
  private pair: Pair | undefined;
  private readonly fixed: string | undefined;
  private renewal: Promise<string> | undefined;

  private constructor(rest: RestClient, who: { user: string; isNew: boolean; pair?: Pair; token?: string }) {
    this.rest = rest;
    this.user = who.user;
    this.isNew = who.isNew;
    this.pair = who.pair;
    this.fixed = who.token;
  }

  /** Logs in; a name that is free becomes a new account. Throws UserError in words for a person. */
  static async open(rest: RestClient, { user, password, token }: Credentials): Promise<Account> {
    if (token !== undefined) {
      const { id } = await rest.call('GET', '/me', profileSchema, { token }).catch((error: unknown) => {
        throw asUserError(error);
      });
      return new Account(rest, { user: id, isNew: false, token });
    }
    if (user === undefined || password === undefined) {
      throw new UserError('Who are you? Give --user and --password, or --token.');
    }
    try {
      const pair = await rest.call('POST', '/login', pairSchema, { body: { name: user, password } });
      return new Account(rest, { user: pair.user, isNew: false, pair });
    } catch (error) {
      if (!(error instanceof RestError) || error.code !== 'unauthorized') throw asUserError(error);
      return Account.signUp(rest, user, password);
    }
  }

  /** The log-in failed: either nobody has this name, or it is somebody else's. */
  private static async signUp(rest: RestClient, username: string, password: string): Promise<Account> {
    try {
      const pair = await rest.call('POST', '/signup', pairSchema, { body: { username, password } });
      return new Account(rest, { user: pair.user, isNew: true, pair });
    } catch (error) {
      if (error instanceof RestError && error.code === 'taken') {
        throw new UserError(`That is not the password of ${username}.`);
      }
      throw asUserError(error);
    }
  }

  /** A token that is good for a while: renewed when it is about to expire. */
  async token(): Promise<string> {
    if (this.fixed !== undefined) return this.fixed;
    const { pair } = this;
    if (pair !== undefined && pair.accessExpiresAt - Date.now() > renewMs) return pair.accessToken;
    // A refresh token works once: whoever asks meanwhile gets the same new one.
    this.renewal ??= this.renew().finally(() => {
      this.renewal = undefined;
    });
    return this.renewal;
  }

  private async renew(): Promise<string> {
    const body = { refreshToken: this.pair?.refreshToken ?? '' };
    this.pair = await this.rest.call('POST', '/refresh', pairSchema, { body });
    return this.pair.accessToken;
  }
}

/** A refusal in words for a person; anything else as it is. */
function asUserError(error: unknown): Error {
  if (error instanceof RestError) return new UserError(error.message);
  return error instanceof Error ? error : new Error(String(error));
}
