/** The lock of a server on its database, with sessions that a test plays. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { UserError } from '#src/errors.js';
import type { LockSession } from '#src/storage/postgres/lock-session.js';
import { awaitLock, type LockState, ServerLock } from '#src/storage/postgres/server-lock.js';

class FakeSession implements LockSession {
  readonly ended: Promise<string>;
  isEnded = false;
  private readonly database: FakeDatabase;
  private tellEnded: (reason: string) => void = () => {};

  constructor(database: FakeDatabase) {
    this.database = database;
    this.ended = new Promise((resolve) => {
      this.tellEnded = resolve;
    });
  }

  async take(): Promise<boolean> {
    this.database.holder ??= this;
    return this.database.holder === this;
  }

  async check(): Promise<void> {
    if (!this.database.isAnswering) this.lose('no sign of life');
  }

  async end(): Promise<void> {
    this.lose('it was ended');
  }

  /** As the driver tells it: once, whatever follows. */
  lose(reason: string): void {
    this.isEnded = true;
    if (this.database.holder === this) this.database.holder = undefined;
    this.tellEnded(reason);
  }
}

class FakeDatabase {
  holder: FakeSession | 'another server' | undefined;
  isReachable = true;
  isAnswering = true;
  isStillOurs = true;
  /** Resolves before a session is open. */
  opening: Promise<void> = Promise.resolve();
  readonly openedAt: number[] = [];
  readonly sessions: FakeSession[] = [];

  async open(): Promise<FakeSession> {
    this.openedAt.push(performance.now());
    await this.opening;
    if (!this.isReachable) throw new Error('connection refused');
    const session = new FakeSession(this);
    this.sessions.push(session);
    return session;
  }
}

async function locked(checkEveryMs?: number) {
  const database = new FakeDatabase();
  const session = await database.open();
  await awaitLock(session);
  const lock = new ServerLock({
    session,
    open: () => database.open(),
    isStillOurs: async () => database.isStillOurs,
    ...(checkEveryMs === undefined ? {} : { checkEveryMs }),
  });
  const moves: LockState[] = [];
  lock.watch((state) => moves.push(state));
  return { database, session, lock, moves };
}

const turns = () => sleep(20);

test('L13 a lock that is lost is taken again at once, and nobody is the wiser', async () => {
  const { database, session, lock, moves } = await locked();
  session.lose('cut');
  // Well before the first pause is over.
  await sleep(60);
  expect(lock.isHeld).toBe(true);
  expect(moves).toEqual([{ kind: 'lost', reason: 'cut' }, { kind: 'held' }]);
  expect(database.holder).toBe(database.sessions[1]);
  // The new session is watched like the first one.
  database.sessions[1]?.lose('cut again');
  while (moves.length < 4) await turns();
  expect(moves.map(({ kind }) => kind)).toEqual(['lost', 'held', 'lost', 'held']);
});

test('L13 while the database is away it is asked again after pauses that grow, and nothing may start', async () => {
  const { database, session, lock, moves } = await locked();
  database.isReachable = false;
  session.lose('gone');
  await turns();
  let isHeld: boolean | undefined;
  const waiting = lock.untilHeld().then((answer) => {
    isHeld = answer;
  });
  while (database.openedAt.length < 5) await turns();
  expect(isHeld).toBeUndefined();
  expect(lock.isHeld).toBe(false);
  const pauses = database.openedAt.slice(2).map((at, index) => at - (database.openedAt[index + 1] ?? 0));
  for (const [index, atLeast] of [95, 195, 395].entries()) expect(pauses[index]).toBeGreaterThan(atLeast);
  database.isReachable = true;
  await waiting;
  expect(isHeld).toBe(true);
  expect(moves.map(({ kind }) => kind)).toEqual(['lost', 'held']);
});

test('L13 a lock that another server holds by now is given up for ever', async () => {
  const { database, session, lock, moves } = await locked();
  session.lose('cut');
  database.holder = 'another server';
  while (moves.length < 2) await turns();
  expect(moves[1]).toMatchObject({ kind: 'taken', reason: 'another server holds it' });
  expect(await lock.untilHeld()).toBe(false);
  database.holder = undefined;
  await sleep(250);
  expect(database.openedAt).toHaveLength(2);
  expect(database.sessions.every(({ isEnded }) => isEnded)).toBe(true);
  await lock.release();
  expect(moves).toHaveLength(2);
});

test('L13 a server that came and went while the lock was lost is noticed, and the lock is let go', async () => {
  const { database, session, moves } = await locked();
  database.isStillOurs = false;
  session.lose('cut');
  while (moves.length < 2) await turns();
  expect(moves[1]).toMatchObject({ kind: 'taken', reason: 'another server has written to it' });
  expect(database.holder).toBeUndefined();
});

test('L13 a session without a sign of life is as good as lost', async () => {
  const { database, lock, moves } = await locked(10);
  database.isAnswering = false;
  while (moves.length === 0) await turns();
  expect(moves[0]).toEqual({ kind: 'lost', reason: 'no sign of life' });
  database.isAnswering = true;
  while (!lock.isHeld) await turns();
  expect(await lock.untilHeld()).toBe(true);
});

test('L13 what happened before anybody watched is told at once', async () => {
  const database = new FakeDatabase();
  const session = await database.open();
  await session.take();
  session.lose('early');
  database.holder = 'another server';
  const lock = new ServerLock({ session, open: () => database.open(), isStillOurs: async () => true });
  await turns();
  const moves: LockState[] = [];
  lock.watch((state) => moves.push(state));
  expect(moves).toMatchObject([{ kind: 'taken' }]);
});

test('L13 a server that ends while it takes the lock again keeps nothing', async () => {
  const { database, session, lock, moves } = await locked();
  let open = () => {};
  database.opening = new Promise((resolve) => {
    open = resolve;
  });
  session.lose('cut');
  await turns();
  const waiting = lock.untilHeld();
  await lock.release();
  open();
  await turns();
  expect(await waiting).toBe(false);
  expect(moves.map(({ kind }) => kind)).toEqual(['lost', 'released']);
  expect(database.holder).toBeUndefined();
  expect(database.sessions).toHaveLength(2);
  expect(database.sessions.every(({ isEnded }) => isEnded)).toBe(true);
});

test('L13 a start waits a moment for a server that has just ended, and is refused in one sentence after it', async () => {
  const database = new FakeDatabase();
  database.holder = 'another server';
  const session = await database.open();
  const waiting = awaitLock(session);
  await sleep(150);
  database.holder = undefined;
  await waiting;
  expect(database.holder).toBe(session);
  await expect(awaitLock(await database.open())).rejects.toThrow(UserError);
});
