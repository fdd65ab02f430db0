/** Who may come in: a token that is good, not revoked, and of a user whom the store knows (H5, H6). */
import { LRUCache } from 'lru-cache';
import { NuboError } from '../errors.js';
import type { Identity } from '../people/identity.js';

export interface GateOptions {
  /** Throws or rejects with a NuboError when the token is not good. */
  verify(token: string): Identity | Promise<Identity>;
  isRevoked(identity: Identity): boolean;
  /** Makes the application's user known to the store. */
  appear(identity: Identity): Promise<void>;
  readonly knownUsersMax: number;
}

export class Gate {
  private readonly options: GateOptions;
  private readonly known: LRUCache<string, true>;
  /** Users being introduced now: many sockets of one user ask the store once. */
  private readonly appearing = new Map<string, Promise<void>>();

  constructor(options: GateOptions) {
    this.options = options;
    this.known = new LRUCache({ max: options.knownUsersMax });
  }

  /** At once where neither a key nor the store has to be asked, as for nearly all. Throws or rejects with NuboError. */
  authenticate(token: string): Identity | Promise<Identity> {
    const identity = this.options.verify(token);
    return identity instanceof Promise ? identity.then((found) => this.admit(found)) : this.admit(identity);
  }

  private admit(identity: Identity): Identity | Promise<Identity> {
    if (this.options.isRevoked(identity)) throw new NuboError('unauthorized', 'The session has ended.');
    if (identity.subject === undefined || this.known.get(identity.user) !== undefined) return identity;
    return this.introduce(identity).then(() => identity);
  }

  private introduce(identity: Identity): Promise<void> {
    const { user } = identity;
    const running = this.appearing.get(user);
    if (running !== undefined) return running;
    const introduction = this.options
      .appear(identity)
      .then(() => {
        this.known.set(user, true);
      })
      .finally(() => this.appearing.delete(user));
    this.appearing.set(user, introduction);
    return introduction;
  }
}
