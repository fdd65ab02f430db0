/**
 * Jobs on the bytes of attachments, for a pool of low priority (A11): a file of its own, so that threads that hash
 * passwords do not load what takes pictures apart. That is synchronous on purpose: see pool.ts.
 */
import {
  type Inspected,
  type InspectJob,
  inspect,
  type Thumbnail,
  type ThumbnailJob,
  thumbnailOf,
} from '#src/media/inspect.js';

/** → what the file is */
export function inspectFile(job: InspectJob): Promise<Inspected> {
  return inspect(job);
}

/** → a thumbnail; about 0.3 s of a core for a photo of 12 megapixels */
export function makeThumbnail(job: ThumbnailJob): Thumbnail | undefined {
  return thumbnailOf(job);
}
