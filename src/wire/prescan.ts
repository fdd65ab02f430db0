/**
 * The door of the wire (W2): a bounded look at a frame before any decoder sees it.
 */
import { wireLimits } from './limits.js';
import { scanJson } from './scan-json.js';
import { type FrameBounds, type ScanReason, scanMsgpack } from './scan-msgpack.js';

export type Codec = 'msgpack' | 'json';

/** What a client may send. */
export const clientFrameBounds: FrameBounds = {
  bytesMax: wireLimits.frameBytesMax,
  depthMax: wireLimits.frameDepthMax,
  itemsMax: wireLimits.containerItemsMax,
};

/**
 * Scans one frame; neither recurses nor allocates. Returns undefined when it keeps the bounds, else why not, as half
 * a sentence. A msgpack frame that passes is one complete value; JSON that passes may still be wrong JSON.
 */
export function prescan(codec: Codec, frame: Uint8Array, bounds = clientFrameBounds): ScanReason | undefined {
  return codec === 'msgpack' ? scanMsgpack(frame, bounds) : scanJson(frame, bounds);
}
