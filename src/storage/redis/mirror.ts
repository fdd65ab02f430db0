/**
 * The hot tier. It holds what was written or read last, begins empty, and may be wiped, frozen or gone at any moment:
 * then it answers `failed` or `absent` and the next tier is asked. The layout is in keys.ts, codec.ts and scripts.ts.
 */
import type { Redis } from 'ioredis';
import type { Change, Entity } from '../../entities/entity.js';
import { messages } from '../../entities/messages.js';
import type { RuntimePorts } from '../../runtime/ports.js';
import type { LogEvent } from '../../wire/events.js';
import type { Failed } from '../ports.js';
import { placesOfRange } from '../tiers/place.js';
import type { AsOf, Element, Mirror, MirrorStep, Poisoned } from '../tiers/ports.js';
import { type Chunk, chunksOf } from './chunks.js';
import { decodeElement, decodeEvent, type Unreadable } from './codec.js';
import type { RedisConnection } from './connection.js';
import { Fills } from './fills.js';
import type { RedisKeys } from './keys.js';
import { removeTogether } from './reset.js';
import { runScript } from './script.js';
import { discardScript, putScript } from './scripts.js';
import { Touches } from './touches.js';

/** What was found there that should not be, and what was not told to Redis; all only grow. */
export interface RedisMirrorCounts {
  readonly foreign: number;
  readonly shape: number;
  readonly wrongType: number;
  readonly fillsDropped: number;
  readonly touchesDropped: number;
}

/** A reader has slower tiers to ask within its own second. */
const readMs = 250;
const writeMs = 2_000;
/** Of one answer, told by those before: what was not sent yet lies in the memory of Redis beside the elements. */
const answerBytesMax = 262_144;
/** Removing everything takes many calls. */
const clearMs = 10_000;

interface Found {
  readonly place: string;
  readonly value: Buffer;
}

export class RedisMirror implements Mirror {
  readonly name = 'redis';
  readonly isWhole = false;
  private readonly connection: RedisConnection;
  private readonly keys: RedisKeys;
  private readonly ports: RuntimePorts;
  private readonly touches: Touches;
  private readonly fills: Fills;
  /** By node: how large values were lately, in bytes. */
  private readonly valueBytes = new Map<string, number>();
  private readonly unreadable = { foreign: 0, shape: 0, wrongType: 0 };

  constructor(options: { connection: RedisConnection; keys: RedisKeys; ports: RuntimePorts }) {
    this.connection = options.connection;
    this.keys = options.keys;
    this.ports = options.ports;
    this.touches = new Touches(options);
    this.fills = new Fills({
      turns: options.ports.turns,
      put: (changes, asOf, done) => this.write(changes, asOf, ({ kind }) => done(kind === 'applied')),
    });
  }

  get counts(): RedisMirrorCounts {
    const { fills, touches, unreadable } = this;
    return { ...unreadable, fillsDropped: fills.dropped, touchesDropped: touches.dropped };
  }

  events(range: Parameters<Mirror['events']>[0], done: Parameters<Mirror['events']>[1]): void {
    const places = placesOfRange(range);
    this.values(messages.name, places, (values) => {
      if (!Array.isArray(values)) return done(values);
      const events: LogEvent[] = [];
      const bad: Found[] = [];
      for (let index = 0; index < values.length; index += 1) {
        const value = values[index];
        if (!value) continue;
        const event = decodeEvent({ conv: range.conv, seq: range.from + index }, value);
        if (typeof event === 'string') bad.push(this.count(event, places[index], value));
        else if (event !== undefined) events.push(event);
      }
      this.discard(messages.name, bad);
      if (events.length !== places.length || events.length === 0) return done({ kind: 'absent' });
      this.touches.addRange(messages.name, places);
      done({ kind: 'events', events });
    });
  }

  get(entity: Entity, ids: readonly string[], done: Parameters<Mirror['get']>[2]): void {
    this.values(entity.name, ids, (values) => {
      if (!Array.isArray(values)) return done(values);
      const bad: Found[] = [];
      const known: string[] = [];
      const elements = ids.map((id, index): Element | undefined => {
        const value = values[index];
        if (!value) return undefined;
        const element = decodeElement(entity, id, value);
        if (typeof element === 'string') {
          bad.push(this.count(element, id, value));
          return undefined;
        }
        known.push(id);
        return element;
      });
      this.discard(entity.name, bad);
      this.touches.add(entity.name, known);
      done({ kind: 'elements', elements });
    });
  }

  fill(changes: readonly Change[], asOf?: AsOf): void {
    this.fills.add(changes, asOf);
  }

  position(source: string, done: Parameters<Mirror['position']>[1]): void {
    const { positions } = this.keys;
    this.connection.call(
      writeMs / 4,
      (redis) => redis.hget(positions, source),
      (answer) => {
        if (answer.kind === 'failed' && !isWrongType(answer)) return done(answer);
        const text = answer.kind === 'answer' ? answer.value : null;
        const isNumber = text !== null && /^\d{1,16}$/.test(text);
        done({ kind: 'position', position: isNumber ? Number(text) : undefined });
      },
    );
  }

  apply(step: MirrorStep, done: Parameters<Mirror['apply']>[1]): void {
    this.write(step.changes, step, done);
  }

  put(changes: readonly Change[], done: Parameters<Mirror['put']>[1]): void {
    this.write(changes, undefined, (result) => {
      if (result.kind === 'lost') throw new Error('a step without a source cannot be lost');
      done(result);
    });
  }

  /** Positions stay: what is absent was applied without exception, too, and they are those of other writers. */
  clear(done: Parameters<Mirror['clear']>[0]): void {
    const { keys } = this;
    this.connection.call(
      clearMs,
      (redis) => removeTogether(redis, keys.cache(''), keys.lru),
      (answer) => done(answer.kind === 'failed' ? answer : { kind: 'cleared' }),
    );
  }

  /** Touches that were not told yet are lost. The connection stays. */
  close(): void {
    this.touches.stop();
  }

  /** By HMGET, part by part when values are large; a key of another type holds nothing. */
  private values(
    node: string,
    places: readonly string[],
    done: (values: Array<Buffer | null> | Failed) => void,
  ): void {
    if (places.length === 0) return this.ports.turns.soon(() => done([]));
    const { clock } = this.ports;
    const key = this.keys.cache(node);
    const begun = clock.now();
    const found: Array<Buffer | null> = [];
    const next = (): void => {
      const count = Math.max(1, Math.floor(answerBytesMax / (this.valueBytes.get(node) ?? 1)));
      const part = places.slice(found.length, found.length + count);
      this.connection.call(
        readMs,
        (redis) => redis.hmgetBuffer(key, ...part),
        (answer) => {
          if (answer.kind === 'answer') {
            this.noteSizes(node, answer.value);
            found.push(...answer.value);
            if (found.length >= places.length) return done(found);
            // It answers, so the connection stays; the reader asks elsewhere.
            if (clock.now() - begun < readMs) return next();
            return done({ kind: 'failed', message: `Redis has sent only a part within ${readMs} ms` });
          }
          if (!isWrongType(answer)) return done(answer);
          this.unreadable.wrongType += 1;
          this.remove(node, []);
          done(places.map(() => null));
        },
      );
    };
    next();
  }

  /** The mean of those that are there; smaller ones are believed after a few answers only. */
  private noteSizes(node: string, values: ReadonlyArray<Buffer | null>): void {
    let count = 0;
    let bytes = 0;
    for (const value of values) {
      if (value === null) continue;
      count += 1;
      bytes += value.length;
    }
    if (count === 0) return;
    this.valueBytes.set(node, Math.max(1, bytes / count, 0.9 * (this.valueBytes.get(node) ?? 1)));
  }

  private count(why: Unreadable, place: string | undefined, value: Buffer): Found {
    this.unreadable[why] += 1;
    return { place: place ?? '', value };
  }

  private discard(node: string, found: readonly Found[]): void {
    if (found.length > 0) this.remove(node, found);
  }

  private remove(node: string, found: readonly Found[]): void {
    const args = [node, ...found.flatMap(({ place, value }) => [place, value])];
    const keys = [this.keys.lru, this.keys.cache(node)];
    this.connection.call(
      writeMs,
      (redis) => runScript(redis, discardScript, keys, args),
      () => {},
    );
  }

  /** Chunk by chunk, so that readers come in between; the last one moves the position. */
  private write(
    changes: readonly Change[],
    step: MirrorStep | AsOf | undefined,
    done: (result: { kind: 'applied'; poisoned: readonly Poisoned[] } | { kind: 'lost' } | Failed) => void,
  ): void {
    const { chunks, poisoned } = chunksOf(changes, this.keys);
    if (chunks.length === 0 && step !== undefined && 'to' in step) chunks.push({ keys: [], args: [] });
    const next = (index: number) => {
      const chunk = chunks[index];
      if (chunk === undefined) return done({ kind: 'applied', poisoned });
      const isLast = index === chunks.length - 1;
      this.connection.call(
        writeMs,
        (redis) => this.send(redis, chunk, step, isLast),
        (answer) => {
          if (answer.kind === 'failed') return done(answer);
          if (answer.value !== 1) return done({ kind: 'lost' });
          next(index + 1);
        },
      );
    };
    if (chunks.length === 0) return this.ports.turns.soon(() => done({ kind: 'applied', poisoned }));
    next(0);
  }

  private send(
    redis: Redis,
    chunk: Chunk,
    step: MirrorStep | AsOf | undefined,
    isLast: boolean,
  ): Promise<unknown> {
    const { lru, positions } = this.keys;
    const now = this.ports.clock.now();
    const where = placeInScript(step, isLast);
    return runScript(redis, putScript, [positions, lru, ...chunk.keys], [now, ...where, ...chunk.args]);
  }
}

function placeInScript(step: MirrorStep | AsOf | undefined, isLast: boolean): Array<string | number> {
  if (step === undefined) return ['', '', '', 0];
  if ('batch' in step) return [step.source, '', step.batch, -1];
  return [step.source, step.from ?? '', step.to, isLast ? 1 : 0];
}

function isWrongType({ message }: Failed): boolean {
  return message.includes('WRONGTYPE');
}
