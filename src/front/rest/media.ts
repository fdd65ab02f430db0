/** What the routes of attachments reach beside the shards. */
import type { Receiver } from '../../media/receiver.js';
import type { MediaStore } from '../../media/store.js';

export interface Media {
  readonly store: MediaStore;
  readonly receiver: Receiver;
  /** Bytes a file may have. */
  readonly fileBytesMax: number;
}
