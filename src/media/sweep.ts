/**
 * The end of what nobody needs any more: uploads that do not go on, files that were never sent, those of deleted
 * messages. The row is marked first and goes last, so that a sweep that is cut anywhere is done again.
 */
import type { AttachmentRows } from '../storage/postgres/attachment-rows.js';
import { mediaLimits } from './limits.js';
import type { MediaStore } from './store.js';

/** Rows at a time. */
const pageMax = 200;

/** @returns how many files are gone for good */
export async function sweepAttachments(
  rows: Pick<AttachmentRows, 'expire' | 'removed' | 'forget'>,
  store: MediaStore,
): Promise<number> {
  await rows.expire();
  let gone = 0;
  for (let after: string | undefined; ; ) {
    const page = await rows.removed(after, mediaLimits.lateSeconds, pageMax);
    for (const { id } of page) await store.remove(id);
    // Whoever was writing when it was removed has long been told to stop by now.
    const late = page.filter(({ isLate }) => isLate).map(({ id }) => id);
    await rows.forget(late);
    gone += late.length;
    after = page.at(-1)?.id;
    if (page.length < pageMax) return gone;
  }
}
