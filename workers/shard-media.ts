/** The attachments of a shard thread: their services on real parts, and the round that makes up for lost thumbnails. */
import { fileURLToPath } from 'node:url';
import type { Sql } from 'postgres';
import type { Config } from '#src/config.js';
import type { Log } from '#src/log.js';
import { type AttachmentServices, Attachments } from '#src/media/attachments.js';
import { attachmentLimits } from '#src/media/limits.js';
import { createMediaPool } from '#src/media/media-pool.js';
import { openStore } from '#src/media/open-store.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';

const roundMs = 60_000;

/** @param parts.makesUp this shard looks for thumbnails that are lacking: one of all shards does */
export function createShardMedia(parts: { config: Config; sql: Sql; log: Log; makesUp: boolean }): {
  readonly services: AttachmentServices;
  close(): Promise<void>;
} {
  const { config, sql, log, makesUp } = parts;
  const { clock, timers } = nodeRuntimePorts();
  const pool = createMediaPool(fileURLToPath(new URL('./media-pool.js', import.meta.url)));
  const { services, thumbnails } = new Attachments({
    ...{ sql, pool, clock, timers, limits: attachmentLimits(config), store: openStore(config) },
    onFault: (error) => log.warn({ err: error }, 'a thumbnail could not be made and is tried again'),
  });
  const round = makesUp ? setInterval(() => void thumbnails.makeUp(), roundMs).unref() : undefined;
  return {
    services,
    close: async () => {
      clearInterval(round);
      await pool.close();
    },
  };
}
