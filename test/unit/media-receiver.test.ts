/** Uploads on their way in: one writer at a time, whoever comes again goes on, and what came stays. */
import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { IncomingBody } from '#src/front/incoming-body.js';
import { BodyCutError } from '#src/media/body.js';
import { Receiver, type ReceiverPorts } from '#src/media/receiver.js';
import { type MediaStore, StoreFullError, type Upload, WrongOffsetError } from '#src/media/store.js';

const user = randomUUID();
const length = 10;

/** A store of one upload in memory, and a shard that keeps leases. */
class World {
  held = Buffer.alloc(0);
  lease: string | undefined;
  readonly asked: string[] = [];
  isFinished = false;
  writers = 0;
  /** Thrown by the next write. */
  fault: Error | undefined;
  /** Each write waits for it. */
  gate: Promise<void> = Promise.resolve();
  private timers: Array<{ at: number; run: () => void }> = [];
  private now = 0;

  readonly receiver = new Receiver({
    store: {
      size: async () => this.held.length,
      append: async (_upload: Upload, offset: number) => {
        if (offset !== this.held.length) throw new WrongOffsetError(this.held.length);
        this.writers += 1;
        expect(this.writers).toBe(1);
        return {
          write: async (bytes: Uint8Array) => {
            await this.gate;
            if (this.fault !== undefined) throw this.fault;
            this.held = Buffer.concat([this.held, bytes]);
          },
          close: async () => {
            this.writers -= 1;
            return this.held.length;
          },
        };
      },
    } as unknown as MediaStore,
    call: ((service: string, input: { user: string; lease?: string; previous?: string }) =>
      this.answer(service, input)) as unknown as ReceiverPorts['call'],
    timers: {
      after: (ms, run) => {
        const timer = { at: this.now + ms, run };
        this.timers.push(timer);
        return () => {
          this.timers = this.timers.filter((other) => other !== timer);
        };
      },
    },
  });

  private async answer(service: string, input: { user: string; lease?: string; previous?: string }) {
    this.asked.push(service);
    switch (service) {
      case 'attachments.lease':
        if (this.isFinished) return { kind: 'over', size: length };
        if (this.lease !== undefined && this.lease !== input.previous) return { kind: 'held' };
        this.lease = input.lease;
        return { kind: 'leased', size: length, handle: 'x' };
      case 'attachments.keep':
        return { isHeld: this.lease === input.lease };
      case 'attachments.release':
        if (this.lease === input.lease) this.lease = undefined;
        return null;
      case 'attachments.finish':
        this.isFinished = true;
        return { state: 'ready', fileSize: length };
      default:
        return { attachment: { state: 'ready', fileSize: length }, held: length };
    }
  }

  async advance(ms: number): Promise<void> {
    this.now += ms;
    const due = this.timers.filter(({ at }) => at <= this.now);
    this.timers = this.timers.filter(({ at }) => at > this.now);
    for (const { run } of due) run();
    await turns();
  }

  get waiting(): number {
    return this.timers.length;
  }

  begin(id: string, offset: number, who = user) {
    const body = new IncomingBody({ pause: () => undefined, resume: () => undefined });
    const append = { kind: 'append', offset, bytes: undefined } as const;
    const result = this.receiver.receive({ user: who, id, append, body });
    // Awaited later.
    result.catch(() => undefined);
    return { body, result };
  }
}

const chunk = (text: string) => new Uint8Array(Buffer.from(text)).buffer as ArrayBuffer;
const turns = async () => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
};

test('M2 what comes in parts is looked at when the last byte is there', async () => {
  const world = new World();
  const id = randomUUID();
  const first = world.begin(id, 0);
  first.body.push(chunk('abcd'), true);
  expect(await first.result).toEqual({ kind: 'more', held: 4, length });
  const second = world.begin(id, 4);
  second.body.push(chunk('efg'), false);
  second.body.push(chunk('hij'), true);
  expect(await second.result).toMatchObject({ kind: 'whole' });
  expect(world.held.toString()).toBe('abcdefghij');
  // Asked again, since the answer was lost: nothing is written.
  const third = world.begin(id, 10);
  third.body.push(chunk(''), true);
  expect(await third.result).toMatchObject({ kind: 'whole' });
  expect([world.lease, world.waiting, world.receiver.size]).toEqual([undefined, 0, 0]);
});

test('M3 bytes that come at another place, or beyond the end, are not taken', async () => {
  const world = new World();
  const id = randomUUID();
  const early = world.begin(id, 3);
  early.body.push(chunk('x'), true);
  expect(await early.result).toMatchObject({
    kind: 'refused',
    status: 409,
    headers: { 'upload-offset': '0' },
  });
  const long = world.begin(id, 0);
  long.body.push(chunk('abcdefgh'), false);
  long.body.push(chunk('ijkl'), true);
  expect(await long.result).toMatchObject({ kind: 'refused', status: 413 });
  expect(world.held.toString()).toBe('abcdefgh');
  expect([world.isFinished, world.writers, world.lease]).toEqual([false, 0, undefined]);
});

test('M4 whoever comes again ends the request before, and goes on where that stood', async () => {
  const world = new World();
  const id = randomUUID();
  const dead = world.begin(id, 0);
  dead.body.push(chunk('abcd'), false);
  await turns();
  const again = world.begin(id, 4);
  again.body.push(chunk('efghij'), true);
  await expect(dead.result).rejects.toBeInstanceOf(BodyCutError);
  expect(await again.result).toMatchObject({ kind: 'whole' });
  expect(world.held.toString()).toBe('abcdefghij');
});

test('M4 of two that begin at once, one writes and the other is told where it stands', async () => {
  const world = new World();
  const id = randomUUID();
  const [one, other] = [world.begin(id, 0), world.begin(id, 0)];
  one.body.push(chunk('abcdefghij'), true);
  other.body.push(chunk('abcdefghij'), true);
  const results = await Promise.allSettled([one.result, other.result]);
  expect(world.held.toString()).toBe('abcdefghij');
  expect(results.filter(({ status }) => status === 'fulfilled').length).toBeGreaterThan(0);
  expect(world.writers).toBe(0);
});

test('M4 what another thread writes to is busy, and a lease that was lost ends its request', async () => {
  const world = new World();
  const id = randomUUID();
  world.lease = 'of another thread';
  const busy = world.begin(id, 0);
  busy.body.push(chunk('a'), true);
  expect(await busy.result).toEqual({ kind: 'busy' });
  world.lease = undefined;
  const own = world.begin(id, 0);
  own.body.push(chunk('ab'), false);
  await turns();
  await world.advance(3_000);
  expect(world.asked.filter((service) => service === 'attachments.keep')).toHaveLength(1);
  world.lease = 'taken away';
  await world.advance(3_000);
  await expect(own.result).rejects.toBeInstanceOf(BodyCutError);
  expect(world.lease).toBe('taken away');
  expect(world.waiting).toBe(0);
});

test('M3 a client that goes, a full store and a request without end leave what came, and no lease', async () => {
  const world = new World();
  const id = randomUUID();
  const gone = world.begin(id, 0);
  gone.body.push(chunk('ab'), false);
  await turns();
  gone.body.gone();
  await expect(gone.result).rejects.toBeInstanceOf(BodyCutError);
  const full = world.begin(id, 2);
  world.fault = new StoreFullError('full');
  full.body.push(chunk('cd'), true);
  await expect(full.result).rejects.toBe(world.fault);
  world.fault = undefined;
  const endless = world.begin(id, 2);
  endless.body.push(chunk('c'), false);
  await turns();
  await world.advance(15 * 60_000);
  await expect(endless.result).rejects.toBeInstanceOf(BodyCutError);
  expect([world.held.toString(), world.lease, world.writers, world.waiting]).toEqual([
    'abc',
    undefined,
    0,
    0,
  ]);
});

test('M3 one user brings eight files at once, and no more', async () => {
  const world = new World();
  const all = Array.from({ length: 8 }, () => world.begin(randomUUID(), 0));
  await expect(world.begin(randomUUID(), 0).result).rejects.toMatchObject({ code: 'overloaded' });
  for (const { body } of all) body.gone();
  await Promise.allSettled(all.map(({ result }) => result));
  expect(world.receiver.size).toBe(0);
});

test('M2 a body is read no faster than it is wanted', async () => {
  let isPaused = false;
  const body = new IncomingBody({
    pause: () => {
      isPaused = true;
    },
    resume: () => {
      isPaused = false;
    },
  });
  const piece = new ArrayBuffer(512 * 1024);
  let pushed = 0;
  while (!isPaused) {
    body.push(piece, false);
    pushed += 1;
  }
  expect(pushed).toBe(3);
  await body.next();
  await body.next();
  expect(isPaused).toBe(true);
  await body.next();
  expect(isPaused).toBe(false);
  body.push(new ArrayBuffer(0), true);
  expect(await body.next()).toBeUndefined();
});
