/** Bounds of attachments: those that are configured, and those that nobody has to. */
import type { Config } from '../config.js';

export const mediaLimits = {
  /** Uploads of one user that are not finished: each is a row and a file. */
  unfinishedMax: 100,
  /** Requests that bring bytes at one time, of a front, and of one user of it. */
  receivingMax: 256,
  receivingOfUserMax: 8,
  /** Answers with bytes that a front sends at one time: each holds a piece of 256 KB for its reader. */
  sendingMax: 256,
  /** How often the holder of a lease says that it lives; the lease is four times as long. */
  keepMs: 3_000,
  /** A request that brings bytes for longer than this is cut; what came stays, and the client goes on. */
  receiveMs: 15 * 60_000,
  /** What the end of an upload waits for its thumbnail; it comes later then. */
  thumbnailWaitMs: 3_000,
  /** After this long nobody writes to what was removed: the bytes are removed once more, and the row is. */
  lateSeconds: 3_600,
} as const;

export interface AttachmentLimits {
  readonly fileBytesMax: number;
  /** 0: none */
  readonly userBytesMax: number;
  /** `*`, `image/*` or `application/pdf` */
  readonly types: readonly string[];
  readonly unsentMs: number;
}

const megabyte = 1_000_000;

export function attachmentLimits(
  config: Pick<Config, 'attachmentMb' | 'attachmentUserMb' | 'attachmentTypes' | 'attachmentUnsentHours'>,
): AttachmentLimits {
  return {
    fileBytesMax: config.attachmentMb * megabyte,
    userBytesMax: config.attachmentUserMb * megabyte,
    types: config.attachmentTypes,
    unsentMs: config.attachmentUnsentHours * 3_600_000,
  };
}
