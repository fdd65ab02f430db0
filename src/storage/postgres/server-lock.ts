/**
 * One nubo per database (L13): an advisory lock that lives as long as its session. It keeps honest servers apart;
 * what slips past it (a session cut off and not yet noticed) meets the fence in the log.
 *
 * held ── the session ends ──▶ lost ── taken again, and nobody had the shards in between ──▶ held
 *                               └──── another server has the lock, or had it ──▶ taken, for ever
 * any of them ── release() ──▶ released, for ever
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { UserError } from '../../errors.js';
import type { LockSession } from './lock-session.js';

export type LockState =
  | { readonly kind: 'held' }
  | { readonly kind: 'lost'; readonly reason: string }
  | { readonly kind: 'taken'; readonly reason: string }
  | { readonly kind: 'released' };

export interface ServerLockOptions<Session extends LockSession> {
  /** It holds the lock. */
  readonly session: Session;
  open(): Promise<Session>;
  /** Whether no other server had the shards while the lock was lost; asked in a session that holds the lock. */
  isStillOurs(session: Session): Promise<boolean>;
  /** The session is asked for a sign of life this often: the end of a silent connection is noticed too. */
  readonly checkEveryMs?: number;
}

/** The backend of a server that was just killed needs a moment to notice. */
const waitMs = 3_000;
const askEveryMs = 100;
const checkMs = 5_000;
/** The first attempt is made at once. */
const pauseMsMin = 100;
const pauseMsMax = 2_000;

/** @throws UserError when another server holds the database, and goes on holding it */
export async function awaitLock(session: LockSession): Promise<void> {
  const until = performance.now() + waitMs;
  while (!(await session.take())) {
    if (performance.now() > until) {
      throw new UserError(
        'Another nubo uses this database: stop it first, or give this one a database of its own.',
      );
    }
    await sleep(askEveryMs);
  }
}

export class ServerLock<Session extends LockSession = LockSession> {
  private readonly options: ServerLockOptions<Session>;
  private readonly watchers = new Set<(state: LockState) => void>();
  private session: Session;
  private state: LockState = { kind: 'held' };

  constructor(options: ServerLockOptions<Session>) {
    this.options = options;
    this.session = options.session;
    this.hold(options.session);
  }

  get isHeld(): boolean {
    return this.state.kind === 'held';
  }

  /** Told of every move from now on, and at once of what has happened already. */
  watch(watcher: (state: LockState) => void): void {
    this.watchers.add(watcher);
    if (!this.isHeld) watcher(this.state);
  }

  /** Resolves to true when the lock is held, at once or later; to false when it never will be again. */
  untilHeld(): Promise<boolean> {
    return new Promise((resolve) => {
      const settle = ({ kind }: LockState) => {
        if (kind === 'lost') return;
        this.watchers.delete(settle);
        resolve(kind === 'held');
      };
      this.watchers.add(settle);
      settle(this.state);
    });
  }

  /** Gives the database free for another server. */
  async release(): Promise<void> {
    if (this.state.kind !== 'taken') this.enter({ kind: 'released' });
    await this.session.end();
  }

  private enter(state: LockState): void {
    this.state = state;
    for (const watcher of [...this.watchers]) watcher(state);
  }

  private hold(session: Session): void {
    this.session = session;
    const check = setInterval(() => void session.check(), this.options.checkEveryMs ?? checkMs);
    check.unref();
    void session.ended.then((reason) => {
      clearInterval(check);
      if (this.state.kind !== 'held') return;
      this.enter({ kind: 'lost', reason });
      void this.takeAgain();
    });
  }

  private async takeAgain(): Promise<void> {
    for (let pauseMs = 0; this.state.kind === 'lost'; pauseMs = nextPause(pauseMs)) {
      await sleep(pauseMs, undefined, { ref: false });
      if (this.state.kind === 'lost') await this.tryAgain();
    }
  }

  /** Stays lost while the database is away. */
  private async tryAgain(): Promise<void> {
    let session: Session | undefined;
    try {
      session = await this.options.open();
      const isTaken = await session.take();
      const isOurs = isTaken && (await this.options.isStillOurs(session));
      // It may have been released meanwhile.
      if (this.state.kind === 'lost' && isOurs) {
        this.hold(session);
        return this.enter({ kind: 'held' });
      }
      if (this.state.kind === 'lost') {
        const reason = isTaken ? 'another server has written to it' : 'another server holds it';
        this.enter({ kind: 'taken', reason });
      }
    } catch {
      // Tried again after a pause.
    }
    await session?.end();
  }
}

function nextPause(pauseMs: number): number {
  return Math.min(pauseMsMax, Math.max(pauseMsMin, pauseMs * 2));
}
