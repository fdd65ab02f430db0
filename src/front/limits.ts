/** Bounds of a front, unit last, the reason beside each. Those that clients must know are in src/wire/limits.ts. */
import { wireLimits } from '../wire/limits.js';
import { tickMs } from './ticks.js';

export const frontLimits = {
  /** Operations that wait while their socket authenticates: one full frame. */
  waitingOperationsMax: 256,
  /** A socket with more than this waiting leaves its ephemeral topics, and history waits for it (W15). */
  softBufferBytes: 128 * 1024,
  /** Beyond this uWebSockets.js drops frames; also what one slow reader may cost in memory. */
  bufferBytesMax: 1024 * 1024,
  /** A socket in gap mode that for so long took nothing and said nothing is closed (W15). */
  drainMs: 30_000,
  /** … and one that is in it for so long, whatever it takes: connecting again, it has less to catch up with. */
  slowMsMax: 600_000,
  /** And if not even its close frame finds room by then, it is cut. */
  closeMs: 10_000,
  /** Between two looks at all sessions: how late `exp`, deadlines and slow readers may be noticed. */
  sweepMs: 500,
  /** Events are merged up to this: with its head a frame just fits the 16 KB that uWebSockets.js sends at once. */
  mergedFrameBytes: 16 * 1024 - 16,
  /** Direct frames are cut here, so that one answer does not fill the buffer at once. */
  directFrameBytes: 48 * 1024,
  /** A backlog larger than this is a `gap`, a page of history larger than this is shortened. */
  answerBytesMax: 256 * 1024,
  /** Operations of one connection, whatever they are: a second on average, and at once; 0: no limit (L17). */
  connectionPerSecond: 500,
  connectionBurst: 2_000,
  /** A socket that asked for nothing for so long counts as away (E2). */
  awayMs: 300_000,
  /** Presence, typing and receipts that one socket is sent: half of it is for presence (E4, E8). */
  ephemeralBytesPerSecond: 2048,
  /** Of a user who follows all of theirs; about 500 bytes each. */
  followedConversationsMax: wireLimits.followedConversationsMax,
  /** Users of an application that this front has introduced to the store. About 100 bytes each. */
  knownUsersMax: 100_000,
  /** What a client should wait before it sends again when a shard has no room. */
  overloadedRetryMs: 200,
  /** … and when a shard is being started again. */
  unavailableRetryMs: 500,
  /** A REST request that has not been answered by then is told so; its outcome is unknown. */
  restMs: 30_000,
  /** Membership checks sent at once after events were missed; the rest follow with the next sweeps. */
  rechecksPerSweep: 2048,
} as const;

export type FrontLimits = { readonly [Name in keyof typeof frontLimits]: number };

/** Bounds that lean on each other, looked at together. Throws when they contradict. */
export function checkedLimits(limits: FrontLimits): FrontLimits {
  const {
    softBufferBytes,
    bufferBytesMax,
    mergedFrameBytes,
    directFrameBytes,
    answerBytesMax,
    drainMs,
    sweepMs,
  } = limits;
  if (softBufferBytes >= bufferBytesMax) throw new Error('softBufferBytes must be below bufferBytesMax');
  if (answerBytesMax > bufferBytesMax) throw new Error('one answer must fit the buffer');
  if (mergedFrameBytes > directFrameBytes)
    throw new Error('mergedFrameBytes must not exceed directFrameBytes');
  // W5, W6 and H5 promise a second.
  if (sweepMs + tickMs > 1000 || drainMs < sweepMs)
    throw new Error('sweepMs must leave room for a tick in a second, and be below drainMs');
  return limits;
}
