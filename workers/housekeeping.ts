/** Where the janitor lives: on the main thread, with a connection of its own that it gives back between rounds. */
import { Janitor, type JanitorMessage } from '#actors/janitor/janitor.js';
import type { Retention } from '#actors/janitor/ports.js';
import type { Log } from '#src/log.js';
import type { MediaStore } from '#src/media/store.js';
import { sweepAttachments } from '#src/media/sweep.js';
import { prunePeople } from '#src/people/revocation-store.js';
import { nodeRuntimePorts } from '#src/runtime/node-ports.js';
import { createActorSystem } from '#src/runtime/system.js';
import { AttachmentRows } from '#src/storage/postgres/attachment-rows.js';
import { openHousekeeping, PostgresPartitions } from '#src/storage/postgres/partitions.js';
import { messageOf } from '#src/storage/postgres/sql.js';
import { createJanitorReports } from './janitor-reports.js';

const address = 'janitor/0';

/** Starts the rounds, the first at once; the returned function ends them. */
export function startHousekeeping(options: {
  url: string;
  retention: Retention;
  /** Of the bytes of attachments. */
  media: MediaStore;
  log: Log;
}): () => Promise<void> {
  const { url, retention, media, log } = options;
  const ports = nodeRuntimePorts();
  const sql = openHousekeeping(url);
  const attachments = new AttachmentRows(sql);
  const report = createJanitorReports(log);
  const system = createActorSystem({
    ports,
    options: {
      onCrash: ({ error }) => log.error({ err: error }, 'the janitor crashed and is started again'),
    },
  });
  system.register<JanitorMessage>('janitor', {
    create: (context) =>
      new Janitor(context, {
        ...ports,
        partitions: new PostgresPartitions(sql),
        forgetExpired: (now, done) => {
          const forgotten = Promise.all([prunePeople(sql, now), sweepAttachments(attachments, media)]);
          forgotten.then(
            () => setImmediate(done, { kind: 'forgotten' }),
            (error: unknown) => setImmediate(done, { kind: 'failed', message: messageOf(error) }),
          );
        },
        retention,
        report,
      }),
    mailboxItemsMax: 8,
    mailboxBytesMax: 64 * 1024,
    onUndelivered: (message) => log.error({ message: message.kind }, 'the janitor could not take a message'),
  });
  system.tell(address, { kind: 'round due' });
  return async () => {
    system.stop();
    await sql.end({ timeout: 1 });
  };
}
